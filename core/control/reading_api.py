"""ReadingAPI: the verbs that read, each with its request.

The first half of the ControlAPI; implemented by `ReadingControl`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar

from core.control import nouns
from core.control.arguments import PAGE, EventQuery
from core.control.prediction_requests import Predict
from core.control.requests import Kind, Request, verb
from core.filters.terms import Filter
from core.model import counts, timelines, views, waits
from core.model.bundles import BundlePage
from core.model.commands import work as commands
from core.model.events import EventView
from core.model.predictions import PredictionView
from core.model.pulse import PulseView
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
        """Answer a request, or raise what its verb may raise; every verb goes through here."""

    @property
    def logs(self) -> nouns.logs.Logs:
        """The outputs of attempts."""
        return nouns.logs.Logs(self)

    @property
    def limits(self) -> nouns.limits.LimitsReading:
        """Pools, limits and budgets."""
        return nouns.limits.LimitsReading(self)

    @property
    def ledger(self) -> nouns.ledger.LedgerReading:
        """What was spent."""
        return nouns.ledger.LedgerReading(self)

    @property
    def data(self) -> nouns.data.Data:
        """What tasks of a job pass on."""
        return nouns.data.Data(self)

    @property
    def failures(self) -> nouns.failures.FailuresReading:
        """Failure families."""
        return nouns.failures.FailuresReading(self)

    @property
    def health(self) -> nouns.health.HealthReading:
        """How the engine, its machine and its backends do."""
        return nouns.health.HealthReading(self)

    @property
    def schedules(self) -> nouns.schedules.SchedulesReading:
        """Rules that submit jobs."""
        return nouns.schedules.SchedulesReading(self)

    @property
    def workflows(self) -> nouns.workflows.WorkflowsReading:
        """Registered workflows."""
        return nouns.workflows.WorkflowsReading(self)

    @property
    def signals(self) -> nouns.signals.SignalsReading:
        """Signals that are kept, and tasks that wait for one."""
        return nouns.signals.SignalsReading(self)

    @property
    def work_items(self) -> nouns.work_items.WorkItemsReading:
        """Tasks that wait for people."""
        return nouns.work_items.WorkItemsReading(self)

    @property
    def upkeep(self) -> nouns.upkeep.UpkeepReading:
        """What keeps a store small."""
        return nouns.upkeep.UpkeepReading(self)

    @property
    def notices(self) -> nouns.notices.Notices:
        """What operators were told."""
        return nouns.notices.Notices(self)

    @property
    def past(self) -> nouns.past.Past:
        """How things stood at an earlier moment."""
        return nouns.past.Past(self)

    @property
    def history(self) -> nouns.history.JobHistory:
        """What the events of one job tell."""
        return nouns.history.JobHistory(self)

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

    async def events(
        self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = PAGE
    ) -> views.Page[EventView]:
        """Return events with an id above `after_id` in order of id; `next` is where to go on, as text.

        A page may end early as one of `jobs`. With `sort:-id` in its filter the newest come first, with ids
        below `after_id`; any other order raises `Invalid` (`filter.sort`). `next` is None when nothing
        follows yet.
        """
        return await self.ask(Events(query=query, after_id=after_id, limit=limit))

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
