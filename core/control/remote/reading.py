"""RemoteReading: the reading half of the ControlAPI, asked of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from core.control.api import PAGE, EventQuery
from core.control.remote.calls import Calls
from core.control.requests import reading
from core.control.requests.sent import SentFilter, sent_filter, sent_query
from core.filters.terms import render
from core.model.counts import Count, Preview
from core.model.events import EventView
from core.model.pulse import PulseView
from core.model.values import JsonObject
from core.model.views import JobDetail, JobView, LogChunk, Page, QueueView, TaskDetail, TaskView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.control.transport import Dialer
    from core.filters.grammar import Filter


class RemoteReading:
    """Read through the engine; see `ReadingAPI` for what the methods promise."""

    def __init__(self, dial: Dialer) -> None:
        self._calls = Calls(dial)
        self._shares_files = dial.shares_files

    async def jobs(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> Page[JobView]:
        """Return a page of jobs."""
        request = reading.Jobs(where=sent_filter(where), after=after, limit=limit)
        return await self._calls.ask(request, Page[JobView])

    async def job(self, job_id: int) -> JobView:
        """Return one job."""
        return await self._calls.ask(reading.Job(job_id=job_id), JobView)

    async def job_detail(self, job_id: int) -> JobDetail:
        """Return a job with its stages and tasks."""
        return await self._calls.ask(reading.JobDetail(job_id=job_id), JobDetail)

    async def tasks(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> Page[TaskView]:
        """Return a page of tasks."""
        request = reading.Tasks(where=sent_filter(where), after=after, limit=limit)
        return await self._calls.ask(request, Page[TaskView])

    async def task(self, task_id: int) -> TaskDetail:
        """Return one task with its attempts."""
        return await self._calls.ask(reading.Task(task_id=task_id), TaskDetail)

    async def find_task(self, ref: str) -> int:
        """Return the id of the one task that a reference names."""
        return await self._calls.ask(reading.FindTask(ref=ref), int)

    async def queues(self) -> tuple[QueueView, ...]:
        """Return all queues."""
        return await self._calls.ask(reading.Queues(), tuple[QueueView, ...])

    async def events(
        self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = PAGE
    ) -> Page[EventView]:
        """Return events in order of id."""
        request = reading.Events(query=sent_query(query), after_id=after_id, limit=limit)
        return await self._calls.ask(request, Page[EventView])

    async def log(
        self, task_id: int, *, epoch: int | None = None, offset: int = 0, limit: int = 65_536
    ) -> LogChunk:
        """Return a piece of an attempt's output."""
        request = reading.Log(task_id=task_id, epoch=epoch, offset=offset, limit=limit)
        return await self._calls.ask(request, LogChunk)

    async def count(self, where: Filter) -> Count:
        """Return how many rows a filter finds."""
        return await self._calls.ask(reading.CountRows(where=_sent(where)), Count)

    async def preview(
        self, where: Filter, *, as_of: int | None = None, excluding: Sequence[int] = ()
    ) -> Preview:
        """Return what a verb on a filter would act on."""
        request = reading.Preview(where=_sent(where), as_of=as_of, excluding=tuple(excluding))
        return await self._calls.ask(request, Preview)

    async def pulse(self, *, minutes: int = 10) -> PulseView:
        """Return how the whole store does."""
        return await self._calls.ask(reading.Pulse(minutes=minutes), PulseView)

    async def definition(self, job_id: int) -> JsonObject:
        """Return the document of a job."""
        return await self._calls.ask(reading.Definition(job_id=job_id), JsonObject)

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        """Return itself; leaving closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()


def _sent(where: Filter) -> SentFilter:
    return SentFilter(noun=where.noun, text=render(where))
