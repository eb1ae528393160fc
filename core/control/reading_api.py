"""ReadingAPI: the verbs that read, each with its request.

The first half of the ControlAPI; implemented by `ReadingControl`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar

from core.control.arguments import LOG_BYTES, PAGE, EventQuery
from core.control.limit_requests import Capacity, Entries, Gauges
from core.control.log_requests import CountInLog, FindInLog, FindInLogs, Log, LogLines
from core.control.prediction_requests import Predict
from core.control.requests import Kind, Request, verb
from core.filters.terms import Filter
from core.model import commands, counts, log_views, timelines, views, waits
from core.model.bundles import BundlePage
from core.model.entry_views import EntryQuery, EntryView
from core.model.events import EventView
from core.model.failures import FamilyList, FamilyScope
from core.model.limit_views import CapacityView, GaugeView
from core.model.past import PastJob, PastTask, PastView
from core.model.predictions import PredictionView
from core.model.pulse import PulseView
from core.model.usage_views import UsageQuery, UsageView
from core.model.values import JsonObject, JsonValue

R = TypeVar("R")


@verb("jobs", Kind.READ)
class Jobs(Request[views.Page[views.JobView]], frozen=True, kw_only=True):
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


@verb("job", Kind.READ)
class Job(Request[views.JobView], frozen=True, kw_only=True):
    job_id: int


@verb("job_detail", Kind.READ)
class JobDetail(Request[views.JobDetail], frozen=True, kw_only=True):
    job_id: int


@verb("tasks", Kind.READ)
class Tasks(Request[views.Page[views.TaskView]], frozen=True, kw_only=True):
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


@verb("task", Kind.READ)
class Task(Request[views.TaskDetail], frozen=True, kw_only=True):
    task_id: int


@verb("find_task", Kind.READ)
class FindTask(Request[int], frozen=True, kw_only=True):
    ref: str


@verb("groups", Kind.READ)
class Groups(Request[views.Page[views.GroupView]], frozen=True, kw_only=True):
    limit: int = PAGE


@verb("queues", Kind.READ)
class Queues(Request[tuple[views.QueueView, ...]], frozen=True, kw_only=True):
    pass


@verb("events", Kind.READ)
class Events(Request[views.Page[EventView]], frozen=True, kw_only=True):
    query: EventQuery | None = None
    after_id: int = 0
    limit: int = PAGE


@verb("count", Kind.READ)
class Count(Request[counts.Count], frozen=True, kw_only=True):
    where: Filter


@verb("preview", Kind.READ)
class Preview(Request[counts.Preview], frozen=True, kw_only=True):
    where: Filter
    as_of: int | None = None
    excluding: tuple[int, ...] = ()


@verb("pulse", Kind.READ)
class Pulse(Request[PulseView], frozen=True, kw_only=True):
    minutes: int = 10


@verb("why", Kind.READ)
class Why(Request[waits.TaskWaits], frozen=True, kw_only=True):
    task_id: int


@verb("why_job", Kind.READ)
class WhyJob(Request[waits.JobWaits], frozen=True, kw_only=True):
    job_id: int


@verb("timeline", Kind.READ)
class Timeline(Request[timelines.TimelineView], frozen=True, kw_only=True):
    job_id: int
    offset: int = 0


@verb("runs", Kind.READ)
class Runs(Request[timelines.RunsView], frozen=True, kw_only=True):
    workflow: str
    limit: int = 20


@verb("failures", Kind.READ)
class Failures(Request[FamilyList], frozen=True, kw_only=True):
    scope: FamilyScope = FamilyScope.FAILING
    limit: int = PAGE


@verb("past", Kind.READ)
class Past(Request[PastView], frozen=True, kw_only=True):
    at: int


@verb("past_jobs", Kind.READ)
class PastJobs(Request[views.Page[PastJob]], frozen=True, kw_only=True):
    event: int
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


@verb("past_tasks", Kind.READ)
class PastTasks(Request[views.Page[PastTask]], frozen=True, kw_only=True):
    event: int
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


@verb("usage", Kind.READ)
class Usage(Request[UsageView], frozen=True, kw_only=True):
    query: UsageQuery


@verb("definition", Kind.READ)
class Definition(Request[JsonObject], frozen=True, kw_only=True):
    job_id: int


@verb("bundle_rows", Kind.READ)
class BundleRows(Request[BundlePage], frozen=True, kw_only=True):
    job_ids: tuple[int, ...]
    snapshot: str = ""
    offset: int = 0


class ReadingAPI(ABC):
    """The reading half: what the store and the output directory say; changes nothing."""

    @abstractmethod
    async def ask(self, request: Request[R]) -> R:
        """Answer a request, or raise what its verb may raise; every verb below goes through here."""

    async def jobs(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> views.Page[views.JobView]:
        """Return a page of jobs, newest first unless the filter sorts; `after` is the `next` of the last.

        At most 100,000 rows are looked at, unless an index leaves fewer, and `searched` says so. By `id`,
        `created` or `age` a page then ends early, and its `next` looks on; in any other order the list is
        made of the newest rows only, and a reading keeps to those of its first page.
        """
        return await self.ask(Jobs(where=where, after=after, limit=limit))

    async def job(self, job_id: int) -> views.JobView:
        """Return one job; raise `NotFound` (`job.unknown`)."""
        return await self.ask(Job(job_id=job_id))

    async def job_detail(self, job_id: int) -> views.JobDetail:
        """Return a job with its stages in order and all its tasks in order of id; raise `NotFound`.

        Of the inbox only the newest 1,000 tasks; attempts are left out.
        """
        return await self.ask(JobDetail(job_id=job_id))

    async def tasks(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE
    ) -> views.Page[views.TaskView]:
        """Return a page of tasks, newest first unless the filter sorts; cut as `jobs` are."""
        return await self.ask(Tasks(where=where, after=after, limit=limit))

    async def task(self, task_id: int) -> views.TaskDetail:
        """Return one task with its attempts in order; raise `NotFound` (`task.unknown`)."""
        return await self.ask(Task(task_id=task_id))

    async def find_task(self, ref: str) -> int:
        """Return the id of the task that `ref` names: `ID`, `KEY` or `JOB/KEY`.

        Raises `NotFound` (`task.unknown`), or `Conflict` (`task.ambiguous`, fact `ids`) when several
        have that key.
        """
        return await self.ask(FindTask(ref=ref))

    async def groups(self, *, limit: int = PAGE) -> views.Page[views.GroupView]:
        """Return the groups of loose tasks, newest first, with what the newest 100,000 tasks add to each.

        `searched` says so where there are older tasks; a further page cannot be asked for.
        """
        return await self.ask(Groups(limit=limit))

    async def queues(self) -> tuple[views.QueueView, ...]:
        """Return all queues by name."""
        return await self.ask(Queues())

    async def capacity(self) -> CapacityView:
        """Return all pools, limits and budgets, with at most ten holders or gauges of each.

        Of the gauges those of which most is used; `gauges` has all.
        """
        return await self.ask(Capacity())

    async def gauges(
        self, name: str, *, after: str | None = None, limit: int = PAGE
    ) -> views.Page[GaugeView]:
        """Return a page of the gauges of one limit, by key; raise `NotFound` (`limit.unknown`)."""
        return await self.ask(Gauges(name=name, after=after, limit=limit))

    async def entries(
        self, query: EntryQuery, *, after: str | None = None, limit: int = PAGE
    ) -> views.Page[EntryView]:
        """Return a page of the ledger's entries that count in one gauge, newest first.

        The first page begins with what attempts that run hold (`reserved`), at most `limit` of them. A page
        may end early after 100,000 entries of other gauges. Raises `NotFound` (`limit.unknown`,
        `gauge.unknown`), `Conflict` (`limit.unmetered`) and `Invalid` (`page.cursor`).
        """
        return await self.ask(Entries(query=query, after=after, limit=limit))

    async def events(
        self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = PAGE
    ) -> views.Page[EventView]:
        """Return events with an id above `after_id` in order of id; `next` is where to go on, as text.

        A page may end early as one of `jobs`. With `sort:-id` in its filter the newest come first, with ids
        below `after_id`; any other order raises `Invalid` (`filter.sort`). `next` is None when nothing
        follows yet.
        """
        return await self.ask(Events(query=query, after_id=after_id, limit=limit))

    async def log(
        self,
        task_id: int,
        *,
        epoch: int | None = None,
        offset: int = 0,
        limit: int = LOG_BYTES,
        stream: views.LogStream = views.LogStream.OUT,
    ) -> views.LogChunk:
        """Return at most `limit` bytes of an attempt's output from a byte offset; None = latest attempt.

        A negative offset counts from the end, as far as the output goes back. A task that never ran,
        or wrote nothing, has an empty chunk (epoch 0 if it never ran). `err` is standard error where a task
        keeps it apart. Raises `NotFound`
        (`task.unknown`, `attempt.unknown`).
        """
        return await self.ask(Log(task_id=task_id, epoch=epoch, offset=offset, limit=limit, stream=stream))

    async def log_lines(self, request: LogLines) -> log_views.LogPage:
        """Return whole lines of an output, of any size, from an offset on or before it.

        Forward from the line that holds the offset; backward those before it, of an offset behind the end
        the last ones. A page ends at a hole (the middle of an output over its limit), which is a page of
        its own; it has at most 2,000 lines and 256 KiB, but at least one line. Raises as `log` does.
        """
        return await self.ask(request)

    async def find_in_log(self, request: FindInLog) -> log_views.LogMatches:
        """Return lines of an output that match, forward from an offset, or backward before it.

        Answers after a fifth of a second at the latest, with what it found by then: go on from `end`. An
        output is looked through when `end` is its size, backward 0. Raises as `log` does.
        """
        return await self.ask(request)

    async def count_in_log(self, request: CountInLog) -> log_views.LogCount:
        """Count the lines of an output that match, from an offset on; answers and raises as `find_in_log`."""
        return await self.ask(request)

    async def find_in_logs(self, request: FindInLogs) -> log_views.TaskMatches:
        """Return lines that match in what the latest attempts of tasks wrote, in order of the tasks.

        Answers in time as `find_in_log` does, also with no match at all: `next` is what to give as `after`.
        Raises `Invalid` (`page.cursor`).
        """
        return await self.ask(request)

    async def count(self, where: Filter) -> counts.Count:
        """Return how many jobs, tasks or events a filter finds.

        Without an index for it only the newest 100,000 rows are looked at, and the answer says so.
        """
        return await self.ask(Count(where=where))

    async def preview(
        self, where: Filter, *, as_of: int | None = None, excluding: Sequence[int] = ()
    ) -> counts.Preview:
        """Return what a verb on all tasks of a filter would act on now, or as of an earlier event.

        Raises `Invalid` (`target.unfit`) for a filter that is not on tasks.
        """
        return await self.ask(Preview(where=where, as_of=as_of, excluding=tuple(excluding)))

    async def pulse(self, *, minutes: int = 10) -> PulseView:
        """Return how many tasks ended lately, in steps of ten seconds, what fails and what waits."""
        return await self.ask(Pulse(minutes=minutes))

    async def why(self, task_id: int) -> waits.TaskWaits:
        """Return every reason why a task does not run, in order; raise `NotFound` (`task.unknown`).

        What of them is the engine's is as of now, where one answers; without one, that is a reason too.
        """
        return await self.ask(Why(task_id=task_id))

    async def why_job(self, job_id: int) -> waits.JobWaits:
        """Return for what the tasks of a job wait, most tasks first; raise `NotFound` (`job.unknown`).

        At most 500 of them are looked at, and `searched` says so.
        """
        return await self.ask(WhyJob(job_id=job_id))

    async def predict(
        self,
        document: commands.Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: commands.SubmitOptions | None = None,
    ) -> PredictionView:
        """Return what a workflow would take and cost if it was submitted now; nothing is written.

        Every task is taken to run, and to succeed at its first attempt. Raises as `submit` does, and
        `Unavailable` (`predict.bundle`) of a bundle. On a home without a store nothing is known, and limits
        are as configured.
        """
        return await self.ask(Predict.of(document, params or {}, options))

    async def timeline(self, job_id: int, *, offset: int = 0) -> timelines.TimelineView:
        """Return what the tasks of a job did when; raise `NotFound` (`job.unknown`).

        At most 1,000 tasks are there, those from number `offset` on (from 0), of the inbox the newest;
        `searched` and `first` say so. A part of a job has no critical path.
        """
        return await self.ask(Timeline(job_id=job_id, offset=max(0, offset)))

    async def runs(self, workflow: str, *, limit: int = 20) -> timelines.RunsView:
        """Return the last runs of a workflow (at most 100) and its tasks in them, the first 200 of a stage.

        Raises `NotFound` (`workflow.unknown`) if no job has that name.
        """
        return await self.ask(Runs(workflow=workflow, limit=limit))

    async def failures(self, scope: FamilyScope = FamilyScope.FAILING, *, limit: int = PAGE) -> FamilyList:
        """Return failure families: returned and new trouble first, then what is acknowledged, by tasks.

        At most 100 families, those that failed last, are looked at, and `searched` says so.
        """
        return await self.ask(Failures(scope=scope, limit=limit))

    async def past(self, at: int) -> PastView:
        """Return how many jobs and tasks stood where at an earlier moment (ms UTC), that ms included.

        Where the clock was set back, it is the last time that it showed the moment. At most 1,000,000
        events are undone. Raises `Invalid`: `history.future`, `history.too_early`, `history.too_long`.
        """
        return await self.ask(Past(at=at))

    async def past_jobs(self, request: PastJobs) -> views.Page[PastJob]:
        """Return a page of the jobs that were there after an event, newest first.

        What was deleted since is missing. Filters know what never changes, and the status of then. Raises
        `Invalid`: `history.unknown`, `history.too_long`, `filter.past`, `filter.sort`, `page.cursor`.
        """
        return await self.ask(request)

    async def past_tasks(self, request: PastTasks) -> views.Page[PastTask]:
        """Return a page of the tasks that were there after an event; as `past_jobs`.

        Unless the filter names jobs a page ends early after 100,000 ids, and `searched` says so.
        """
        return await self.ask(request)

    async def usage(self, query: UsageQuery) -> UsageView:
        """Return what attempts spent, by one property, of entries that count in a time; most first.

        The total is of all entries of that time, also of groups that are left out (over 10,000).
        """
        return await self.ask(Usage(query=query))

    async def definition(self, job_id: int) -> JsonObject:
        """Return the document of a job as it was when submitted; raise `NotFound` (`job.unknown`)."""
        return await self.ask(Definition(job_id=job_id))

    async def bundle_rows(self, request: BundleRows) -> BundlePage:
        """Return a piece of all rows of jobs, as they were when its first piece was asked for.

        Without the environment of tasks, headers and the like (`bundles.LEFT_OUT`). Answers after a fifth of
        a second at the latest, also with no bytes. Raises `NotFound`: `job.unknown`, or `bundle.forgotten`
        for a snapshot that was read to its end, or not for a minute; `Unavailable`: `bundle.room`,
        `bundle.busy`.
        """
        return await self.ask(request)

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections and readers; the engine, if any, goes on. May be called twice."""

    async def __aenter__(self) -> Self:
        """Return itself; leaving closes it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()
