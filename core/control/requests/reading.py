"""What is asked of the reading half: one request each."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from core.control.api import PAGE, ReadingAPI
from core.control.requests.sent import SentFilter, SentQuery, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Ask for a page of jobs."""

    where: SentFilter | None = None
    after: str | None = None
    limit: int = PAGE

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.jobs(opened(self.where), after=self.after, limit=self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Ask for one job."""

    job_id: int

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.job(self.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail:
    """Ask for a job with stages and tasks."""

    job_id: int

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.job_detail(self.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """Ask for a page of tasks."""

    where: SentFilter | None = None
    after: str | None = None
    limit: int = PAGE

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.tasks(opened(self.where), after=self.after, limit=self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Ask for one task with its attempts."""

    task_id: int

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.task(self.task_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindTask:
    """Ask which task a reference names."""

    ref: str

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.find_task(self.ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """Ask for all queues."""

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.queues()


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Ask for events."""

    query: SentQuery | None = None
    after_id: int = 0
    limit: int = PAGE

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        query = None if self.query is None else self.query.open()
        return control.events(query, after_id=self.after_id, limit=self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Ask for a piece of an attempt's output."""

    task_id: int
    epoch: int | None = None
    offset: int = 0
    limit: int = 65_536

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.log(self.task_id, epoch=self.epoch, offset=self.offset, limit=self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRows:
    """Ask how many rows a filter finds."""

    where: SentFilter

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.count(self.where.open())


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Ask what a verb on a filter would act on."""

    where: SentFilter
    as_of: int | None = None
    excluding: tuple[int, ...] = ()

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.preview(self.where.open(), as_of=self.as_of, excluding=self.excluding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Ask how the whole store does."""

    minutes: int = 10

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.pulse(minutes=self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Ask for the document of a job."""

    job_id: int

    def put(self, control: ReadingAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.definition(self.job_id)
