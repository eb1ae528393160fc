"""ControlAPI: every verb of taskdeck, each asked through the one method `ask`.

Every verb may raise `Unavailable` (no engine, store trouble). Ids are whole numbers from 1, times ms
UTC. Implementations: `LocalControl` beside the engine, `RemoteControl` over its socket, and for
reading alone `ReadingControl` over the store file. One suite holds all of them to these docstrings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar

from core.control import requests
from core.control.arguments import LOG_BYTES, OPERATOR, PAGE, DocumentSource, EventQuery, Target
from core.control.requests import Kind, Request, kind_of
from core.filters.terms import Filter
from core.model.commands import Document, DocumentText, Force, Operated, StopMode, SubmitOptions, Submitted
from core.model.counts import Count, Preview
from core.model.events import EventView
from core.model.orphans import OrphanView
from core.model.plans import TaskSpec
from core.model.pulse import PulseView
from core.model.values import JsonObject, JsonValue
from core.model.views import (
    Changes,
    EngineInfo,
    JobDetail,
    JobResult,
    JobView,
    LogChunk,
    Page,
    QueueView,
    TaskDetail,
    TaskView,
)
from core.model.workflow_views import WorkflowView

__all__ = [
    "OPERATOR",
    "PAGE",
    "ControlAPI",
    "Document",
    "DocumentText",
    "EventQuery",
    "Filter",
    "Force",
    "Kind",
    "ReadingAPI",
    "Request",
    "StopMode",
    "SubmitOptions",
    "Target",
    "TaskSpec",
    "kind_of",
]

R = TypeVar("R")


class ReadingAPI(ABC):
    """The reading half: what the store and the output directory say; changes nothing."""

    @abstractmethod
    async def ask(self, request: Request[R]) -> R:
        """Answer a request, or raise what its verb may raise; every verb below goes through here."""

    async def jobs(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> Page[JobView]:
        """Return a page of jobs, newest first unless the filter sorts; `after` is the `next` of the last.

        At most 100,000 rows are looked at, unless an index leaves fewer, and `searched` says so. By `id`,
        `created` or `age` a page then ends early, and its `next` looks on; in any other order the list is
        made of the newest rows only, and a reading keeps to those of its first page.
        """
        return await self.ask(requests.Jobs(where=where, after=after, limit=limit))

    async def job(self, job_id: int) -> JobView:
        """Return one job; raise `NotFound` (`job.unknown`)."""
        return await self.ask(requests.Job(job_id=job_id))

    async def job_detail(self, job_id: int) -> JobDetail:
        """Return a job with its stages in order and all its tasks in order of id; raise `NotFound`.

        Of the inbox only the newest 1,000 tasks; attempts are left out.
        """
        return await self.ask(requests.JobDetail(job_id=job_id))

    async def tasks(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> Page[TaskView]:
        """Return a page of tasks, newest first unless the filter sorts; cut as `jobs` are."""
        return await self.ask(requests.Tasks(where=where, after=after, limit=limit))

    async def task(self, task_id: int) -> TaskDetail:
        """Return one task with its attempts in order; raise `NotFound` (`task.unknown`)."""
        return await self.ask(requests.Task(task_id=task_id))

    async def find_task(self, ref: str) -> int:
        """Return the id of the task that `ref` names: `ID`, `KEY` or `JOB/KEY`.

        Raises `NotFound` (`task.unknown`), or `Conflict` (`task.ambiguous`, fact `ids`) when several
        have that key.
        """
        return await self.ask(requests.FindTask(ref=ref))

    async def queues(self) -> tuple[QueueView, ...]:
        """Return all queues by name."""
        return await self.ask(requests.Queues())

    async def events(
        self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = PAGE
    ) -> Page[EventView]:
        """Return events with an id above `after_id` in order of id; `next` is where to go on, as text.

        A page may end early as one of `jobs`. With `sort:-id` in its filter the newest come first, with ids
        below `after_id`; any other order raises `Invalid` (`filter.sort`). `next` is None when nothing
        follows yet.
        """
        return await self.ask(requests.Events(query=query, after_id=after_id, limit=limit))

    async def log(
        self, task_id: int, *, epoch: int | None = None, offset: int = 0, limit: int = LOG_BYTES
    ) -> LogChunk:
        """Return at most `limit` bytes of an attempt's output from a byte offset; None = latest attempt.

        A negative offset counts from the end, as far as the output goes back. A task that never ran,
        or wrote nothing, has an empty chunk (epoch 0 if it never ran). Raises `NotFound`
        (`task.unknown`, `attempt.unknown`).
        """
        return await self.ask(requests.Log(task_id=task_id, epoch=epoch, offset=offset, limit=limit))

    async def count(self, where: Filter) -> Count:
        """Return how many jobs, tasks or events a filter finds.

        Without an index for it only the newest 100,000 rows are looked at, and the answer says so.
        """
        return await self.ask(requests.Count(where=where))

    async def preview(
        self, where: Filter, *, as_of: int | None = None, excluding: Sequence[int] = ()
    ) -> Preview:
        """Return what a verb on all tasks of a filter would act on now, or as of an earlier event.

        Raises `Invalid` (`target.unfit`) for a filter that is not on tasks.
        """
        return await self.ask(requests.Preview(where=where, as_of=as_of, excluding=tuple(excluding)))

    async def pulse(self, *, minutes: int = 10) -> PulseView:
        """Return how many tasks ended lately, in steps of ten seconds, what fails and what waits."""
        return await self.ask(requests.Pulse(minutes=minutes))

    async def definition(self, job_id: int) -> JsonObject:
        """Return the document of a job as it was when submitted; raise `NotFound` (`job.unknown`)."""
        return await self.ask(requests.Definition(job_id=job_id))

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections and readers; the engine, if any, goes on. May be called twice."""

    async def __aenter__(self) -> Self:
        """Return itself; leaving closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()


class ControlAPI(ReadingAPI):
    """Reading, changing and waiting; every verb returns after its commit."""

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
    ) -> Submitted:
        """Admit a job; from here on it survives a crash.

        Raises `InvalidDocument` with every fault, `Invalid` for parameters, `Conflict`
        (`client_key.conflict`) for a key that stands for another input.
        """
        return await self.ask(
            requests.Submit(document=DocumentSource.of(document), params=params or {}, options=options)
        )

    async def enqueue(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> tuple[int, ...]:
        """Admit loose tasks into the inbox in one commit and return their ids in order; all or none.

        Raises `NotFound` for an unknown connector, `Invalid` for a faulty input.
        """
        if not specs:
            return ()
        request = requests.Enqueue(specs=tuple(specs), group=group, actor=actor)
        return await self.ask(request)

    async def cancel(
        self, target: Target, *, reason: str = "", force: Force = Force.ASK, actor: str = OPERATOR
    ) -> Operated:
        """Ask a job, or tasks (ids, filter), to end; running ones get grace, then are killed.

        With `Force.KILL` they get none, and a grace that goes on is cut short: in a job that is ending,
        too. A queue raises `Invalid` (`target.unfit`), the inbox `Conflict`, an unknown job `NotFound`.
        Tasks that are final already, or unknown, are listed as refused.
        """
        return await self.ask(requests.Cancel(target=target, reason=reason, force=force, actor=actor))

    async def kill(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End what runs of tasks (ids, filter) at once, without grace; they end as cancelled.

        A task whose attempt ends by itself meanwhile keeps its own end. What does not run stays as it is
        and is listed as refused, and so is what is being killed already. Jobs and queues are `target.unfit`.
        """
        return await self.ask(requests.Kill(target=target, reason=reason, actor=actor))

    async def retry(self, target: Target, *, downstream: bool = False, actor: str = OPERATOR) -> Operated:
        """Run final tasks (ids, filter) again, or all that went wrong in a job.

        `downstream` also reruns everything that depends on the tasks. A queue raises `Invalid`
        (`target.unfit`).
        """
        return await self.ask(requests.Retry(target=target, downstream=downstream, actor=actor))

    async def pause(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Claim no more from a job or a queue; what runs goes on. Tasks and filters are `target.unfit`."""
        return await self.ask(requests.Pause(target=target, reason=reason, actor=actor))

    async def resume(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Claim again from a job or a queue."""
        return await self.ask(requests.Resume(target=target, actor=actor))

    async def hold(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Keep tasks (ids, filter) from being claimed. Jobs and queues are `target.unfit`: pause them."""
        return await self.ask(requests.Hold(target=target, reason=reason, actor=actor))

    async def unhold(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Let held tasks (ids, filter) go on."""
        return await self.ask(requests.Unhold(target=target, actor=actor))

    async def fail(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Give held tasks (ids, filter) up: they end as failed, and their job goes by its rules."""
        return await self.ask(requests.Fail(target=target, reason=reason, actor=actor))

    async def orphans(self) -> tuple[OrphanView, ...]:
        """Return what lost its owner, in order of task id: living sessions, and tasks held after a loss."""
        return await self.ask(requests.Orphans())

    async def keep_orphans(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Note that living orphans (ids) are to be watched on; the engine forgets it when it ends."""
        return await self.ask(requests.KeepOrphans(target=target, actor=actor))

    async def kill_orphans(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End the processes of living orphans (ids); their attempts close as lost.

        Tasks without living processes are listed as refused.
        """
        return await self.ask(requests.KillOrphans(target=target, reason=reason, actor=actor))

    async def describe(self, document: Document) -> WorkflowView:
        """Check a document without submitting it, and return its parameters.

        Raises `InvalidDocument` with every fault, `NotFound` for a path without a file.
        """
        return await self.ask(requests.Describe(document=DocumentSource.of(document)))

    async def changes(self, after: int | None = None) -> Changes:
        """Return what changed since an event, as soon as something has; None = at once, all kinds.

        Answers at most twice a second, and after ten seconds even if nothing happened. Ask again at
        once with the `last_event` of the answer: then nothing is missed.
        """
        return await self.ask(requests.Changes(after=after))

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when the job is final; raise `NotFound`, and `Conflict` for the inbox.

        Raises `Unavailable` (`engine.lost`) when the engine goes before.
        """
        return await self.ask(requests.WaitJob(job_id=job_id))

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return when all tasks are final: how many ended in each status; unknown ids do not count.

        Raises `Unavailable` (`engine.lost`) when the engine goes before.
        """
        return await self.ask(requests.WaitTasks(task_ids=tuple(task_ids)))

    async def stop_engine(self, how: StopMode = StopMode.STOP) -> None:
        """Ask the engine to end and return once it has heard; a harder mode overtakes a softer one."""
        await self.ask(requests.StopEngine(how=how))

    async def status(self) -> EngineInfo:
        """Return who answers and how busy it is."""
        return await self.ask(requests.Status())
