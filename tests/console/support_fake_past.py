"""The past of the fake control: its rows, with other statuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from core.control.nouns.past import PastJobs, PastTasks
from core.filters.fields import Noun
from core.filters.matching import matches
from core.filters.terms import Filter
from core.model.errors import Invalid
from core.model.past import PastJob, PastTask, PastView
from core.model.records import replace
from core.model.views import Page
from tests.console.support_fake_rows import NOW, FakeRows, as_row, page


def past_of(rows: FakeRows, at: int, then: Mapping[int, str]) -> PastView:
    """Refuse what is later than `NOW`; event 7 stands for any moment before."""
    if at > NOW:
        raise Invalid("history.future", "that moment is in the future", facts={"at": at})
    tasks = Counter(then.get(task.id, task.status) for task in rows.task_rows.values())
    return PastView(event=7, at=at, tasks=tasks, jobs={"running": len(rows.job_rows)}, undone=3, missing=1)


def past_jobs_of(rows: FakeRows, request: PastJobs) -> Page[PastJob]:
    """Return a page of all jobs, which ran then."""
    where = request.where or Filter(noun=Noun.JOBS)
    jobs = [replace(job, status="running") for job in rows.job_rows.values()]
    found = page(_matching(jobs, where), where, request.after, request.limit)
    views = (
        PastJob(id=job.id, name=job.name, status=job.status, tasks={"running": 1}, created_at=job.created_at)
        for job in found.rows
    )
    return Page(rows=tuple(views), next=found.next)


def past_tasks_of(rows: FakeRows, request: PastTasks, then: Mapping[int, str]) -> Page[PastTask]:
    """Return a page of all tasks, in the statuses of then."""
    where = request.where or Filter(noun=Noun.TASKS)
    tasks = [replace(task, status=then.get(task.id, task.status)) for task in rows.task_rows.values()]
    found = page(_matching(tasks, where), where, request.after, request.limit)
    views = (
        PastTask(
            id=task.id,
            job_id=task.job_id,
            key=task.key,
            name=task.name,
            status=task.status,
            queue=task.queue,
            uses=task.uses,
            group=task.group,
            created_at=task.created_at,
            since=NOW,
        )
        for task in found.rows
    )
    return Page(rows=tuple(views), next=found.next)


def _matching(rows: list, where: Filter) -> list:
    return [row for row in rows if matches(where, as_row(where.noun, row), now=NOW)]
