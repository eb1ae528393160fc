"""ReadingControl: the reading half, from the store and the output directory alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from core.control.api import PAGE, EventQuery
from core.executors.outputs import Outputs
from core.model.errors import NotFound
from core.model.ports import AttemptRef
from core.model.status import ATTEMPT_FINAL
from core.model.views import LogChunk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.filters.grammar import Filter
    from core.model.counts import Count, Preview
    from core.model.events import EventView
    from core.model.pulse import PulseView
    from core.model.values import JsonObject
    from core.model.views import AttemptView, JobDetail, JobView, Page, QueueView, TaskDetail, TaskView
    from core.store.readers import Readers
    from core.store.reports import Reports

LOG_BYTES = 65_536
"""Bytes of a piece of output when nobody asks for another number."""
_CLOSED = frozenset(status.value for status in ATTEMPT_FINAL)


class ReadingControl:
    """Answer what can be read without an engine; see `ReadingAPI` for what the methods promise.

    `readers` are closed with it; None = the reports' connections belong to somebody else.
    """

    def __init__(self, reports: Reports, output_dir: Path, *, readers: Readers | None = None) -> None:
        self.reports = reports
        self._readers = readers
        self._outputs = Outputs(output_dir)

    async def jobs(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> Page[JobView]:
        """Return a page of jobs."""
        return await self.reports.jobs.page(where, after=after, limit=limit)

    async def job(self, job_id: int) -> JobView:
        """Return one job."""
        return await self.reports.jobs.view(job_id)

    async def job_detail(self, job_id: int) -> JobDetail:
        """Return a job with its stages and tasks."""
        return await self.reports.jobs.detail(job_id)

    async def tasks(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> Page[TaskView]:
        """Return a page of tasks."""
        return await self.reports.tasks.page(where, after=after, limit=limit)

    async def task(self, task_id: int) -> TaskDetail:
        """Return one task with its attempts."""
        return await self.reports.tasks.detail(task_id)

    async def find_task(self, ref: str) -> int:
        """Return the id of the one task that a reference names."""
        return await self.reports.tasks.find(ref)

    async def queues(self) -> tuple[QueueView, ...]:
        """Return all queues."""
        return await self.reports.queues.all()

    async def events(
        self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = PAGE
    ) -> Page[EventView]:
        """Return events in order of id."""
        wanted = query or EventQuery()
        return await self.reports.events.page(
            wanted.filter,
            job_id=wanted.job_id,
            task_id=wanted.task_id,
            after_id=after_id,
            limit=limit,
        )

    async def log(
        self, task_id: int, *, epoch: int | None = None, offset: int = 0, limit: int = LOG_BYTES
    ) -> LogChunk:
        """Return a piece of an attempt's output."""
        # Judged before the read: what a closed attempt has written by then is all there will be.
        attempt = _attempt_of(await self.reports.tasks.detail(task_id), epoch)
        if attempt is None:
            return LogChunk(data=b"", offset=0, end=0, final=False, epoch=0)
        ref = AttemptRef(task_id=task_id, epoch=attempt.epoch)
        start = offset if offset >= 0 else max(0, self._outputs.size(ref) + offset)
        chunk = self._outputs.read(ref, offset=start, limit=limit)
        final = attempt.status in _CLOSED and chunk.next >= chunk.size
        return LogChunk(
            data=chunk.data, offset=chunk.offset, end=chunk.next, final=final, epoch=attempt.epoch
        )

    async def count(self, where: Filter) -> Count:
        """Return how many rows a filter finds."""
        return await self.reports.totals.count(where)

    async def preview(
        self, where: Filter, *, as_of: int | None = None, excluding: Sequence[int] = ()
    ) -> Preview:
        """Return what a verb on a filter would act on."""
        return await self.reports.targets.preview(where, as_of=as_of, excluding=excluding)

    async def pulse(self, *, minutes: int = 10) -> PulseView:
        """Return how the whole store does."""
        return await self.reports.pulse.last(minutes=minutes)

    async def definition(self, job_id: int) -> JsonObject:
        """Return the document of a job."""
        return await self.reports.jobs.definition(job_id)

    async def close(self) -> None:
        """Close the readers, if they are its own."""
        if self._readers is not None:
            await self._readers.close()

    async def __aenter__(self) -> Self:
        """Return itself; leaving closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()


def _attempt_of(task: TaskDetail, epoch: int | None) -> AttemptView | None:
    """Return the attempt asked for, or the latest; None if the task never ran."""
    if epoch is None:
        return max(task.attempts, key=lambda attempt: attempt.epoch, default=None)
    for attempt in task.attempts:
        if attempt.epoch == epoch:
            return attempt
    raise NotFound(
        "attempt.unknown",
        f"task {task.task.id} has no attempt {epoch}",
        hint=f"see 'taskdeck show {task.task.job_id}'",
        facts={"task": task.task.id, "epoch": epoch},
    )
