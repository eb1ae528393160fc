"""The workflow of an earlier job, to submit with other parameters.

Used by the verb keys of screens and by `console.shell.new_jobs`.
"""

from __future__ import annotations

from textual.message import Message

from console.newjob.documents import Source
from core.control.api import ReadingAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.errors import Conflict
from core.model.text import SafeText, safe_line
from core.model.values import INBOX
from core.model.views import JobView, StageView, TaskDetail, TaskView

NO_JOB = SafeText("no job here")
LOOSE = SafeText("loose tasks belong to no workflow, and have no form to fill in")


class Resubmit(Message):
    """A job is to be submitted again, with other parameters."""

    def __init__(self, job_id: int) -> None:
        super().__init__()
        self.job_id = job_id


def job_of(view: object) -> int | None:
    """Return the job that a row or page is about."""
    match view:
        case JobView():
            return view.id
        case TaskView() | StageView():
            return view.job_id
        case TaskDetail():
            return view.task.job_id
        case _:
            return None


def why_not_resubmit(view: object) -> SafeText:
    """Return why the job of a row or page has no form; '' = it has one, as far as the row shows."""
    job_id = job_of(view)
    if job_id is None:
        return NO_JOB
    if job_id == INBOX:
        return LOOSE
    if isinstance(view, JobView) and view.definition_hash is None:
        return _bare(view.id)
    return SafeText("")


async def source_of(control: ReadingAPI, job: JobView) -> Source:
    """Return the workflow of a job, its parameters, its name if it has one of its own, and its folder.

    Raises `Conflict` (`job.bare`) for a job without a stored workflow, and what the control raises.
    """
    if job.id == INBOX:
        raise Conflict("job.bare", LOOSE, hint="pick a workflow with o", facts={"job": job.id})
    definition = await control.definition(job.id)
    if not definition:
        raise Conflict("job.bare", _bare(job.id), hint="pick a workflow with o", facts={"job": job.id})
    only = In(field="job", values=(job.id,))
    first = await control.tasks(Filter(noun=Noun.TASKS, terms=(only,), sort=Sort(field="id")), limit=1)
    folders = [(await control.task(task.id)).cwd for task in first.rows]
    return Source(
        document=definition,
        name=safe_line(f"as job {job.id}"),
        folder=(folders and folders[0]) or "",
        job_name="" if job.name == definition.get("name") else job.name,
        params=job.params,
    )


def _bare(job_id: int) -> SafeText:
    return SafeText(f"job {job_id} was not submitted from a workflow, and has no form to fill in")
