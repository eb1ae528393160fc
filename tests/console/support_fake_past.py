"""The past of the fake control: its rows, with other statuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from core.control.nouns.history import CompareJobs, GetJobAt, TasksAt
from core.control.nouns.past import PastJobs, PastTasks
from core.filters.fields import Noun
from core.filters.matching import matches
from core.filters.terms import Filter
from core.model.comparisons import Change, JobComparison, TaskChange, TaskRun, ValueChange
from core.model.errors import Invalid
from core.model.past import PastJob, PastTask, PastView
from core.model.records import replace
from core.model.replay import JobAt
from core.model.views import Page, StageView, TaskDetail
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


def job_at_of(
    rows: FakeRows, request: GetJobAt, then: Mapping[int, str], stages: tuple[StageView, ...]
) -> JobAt:
    """Return a job whose tasks stood as `then` says, after the event that is asked for."""
    tasks = [task for task in rows.task_rows.values() if task.job_id == request.job_id]
    counts = Counter(then.get(task.id, task.status) for task in tasks)
    job = replace(rows.job_view(request.job_id), status="running", tasks=counts, finished_at=None)
    return JobAt(event=request.event or 7, at=NOW, job=job, stages=stages, later=3)


def tasks_at_of(rows: FakeRows, request: TasksAt, then: Mapping[int, str]) -> Page[TaskDetail]:
    """Return a page of the tasks of a job, in the statuses of then."""
    found = [
        TaskDetail(
            task=replace(task, status=then.get(task.id, task.status)),
            needs=(),
            with_={},
            metadata={},
            output=None,
        )
        for task in rows.task_rows.values()
        if task.job_id == request.job_id and task.id > request.after
    ]
    shown = found[: request.limit]
    return Page(rows=tuple(shown), next=str(shown[-1].task.id) if len(found) > len(shown) else None)


def comparison_of(rows: FakeRows, request: CompareJobs) -> JobComparison:
    """Return a comparison of two jobs in which each kind of difference stands once."""
    before, after = rows.job_view(request.before or request.after), rows.job_view(request.after)

    def run(number: int, status: str) -> TaskRun:
        return TaskRun(task_id=number, key=f"t{number}", status=status, attempts=1, took=1_000)

    return JobComparison(
        before=before,
        after=after,
        params=(ValueChange(name="n", before=3, after=4),),
        definition=("--- job 2", "+++ job 3", "-  key: x", "+  key: y"),
        definition_cut=False,
        tasks=(
            TaskChange(key="t1", change=Change.CHANGED, before=run(1, "failed"), after=run(2, "succeeded")),
            TaskChange(key="t2", change=Change.ADDED, before=None, after=run(3, "queued")),
        ),
        counts={"added": 1, "removed": 0, "changed": 1, "same": 2},
        costs=({}, {"usd": 20_000}),
    )
