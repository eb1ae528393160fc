"""ControlAPI: every verb of taskdeck, each a request through `ask`.

Used by the console, the commands and `Deck`.

Every verb may raise `Unavailable` (no engine, store trouble). An `actor` is a claim (`model.actors`);
rows and events have it with the user that the kernel names, `ana as deploy (api)`. Ids are whole numbers
from 1, times ms UTC. Implementations: `LocalControl` beside the engine, `RemoteControl` over its socket,
and for reading alone `ReadingControl` over the store file. One suite holds all of them to these docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import field

from core.control import nouns
from core.control.arguments import OPERATOR, PAGE, DocumentSource, EventQuery, Target
from core.control.operator_requests import (
    Cancel,
    Fail,
    Hold,
    Kill,
    Pause,
    Prioritise,
    Resume,
    Retry,
    Unhold,
)
from core.control.reading_api import ReadingAPI
from core.control.requests import Kind, Request, kind_of, verb
from core.filters.terms import Filter
from core.model import views
from core.model.commands.work import (
    Document,
    DocumentText,
    Effect,
    Enqueued,
    Force,
    Operated,
    StopMode,
    SubmitOptions,
    Submitted,
)
from core.model.lazy import lazy_names
from core.model.patterns.workflow_views import WorkflowView
from core.model.surroundings import Surroundings
from core.model.task_specs import TaskSpec
from core.model.values import JsonValue

if TYPE_CHECKING:
    from core.control.document_files import read_document
    from core.control.nouns.backups import CopyStore
    from core.control.nouns.failures import Acknowledge, Unacknowledge
    from core.control.nouns.ledger import Charge
    from core.control.nouns.limits import ChangeCapacity
    from core.control.nouns.logs import CountInLog, FindInLog, FindInLogs, LogLines
    from core.control.nouns.past import PastJobs, PastTasks
    from core.control.nouns.schedules import Switch, SwitchSchedule
    from core.control.nouns.upkeep import Purge

__all__ = [
    "OPERATOR",
    "PAGE",
    "Acknowledge",
    "Cancel",
    "ChangeCapacity",
    "Charge",
    "ControlAPI",
    "CopyStore",
    "CountInLog",
    "Document",
    "DocumentText",
    "Effect",
    "EventQuery",
    "Fail",
    "Filter",
    "FindInLog",
    "FindInLogs",
    "Force",
    "Hold",
    "Kind",
    "LogLines",
    "PastJobs",
    "PastTasks",
    "Purge",
    "ReadingAPI",
    "Request",
    "Retry",
    "StopMode",
    "SubmitOptions",
    "Switch",
    "SwitchSchedule",
    "Target",
    "TaskSpec",
    "Unacknowledge",
    "Unhold",
    "kind_of",
    "read_document",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(
        __name__,
        {
            "Acknowledge": "core.control.nouns.failures",
            "ChangeCapacity": "core.control.nouns.limits",
            "Charge": "core.control.nouns.ledger",
            "CopyStore": "core.control.nouns.backups",
            "CountInLog": "core.control.nouns.logs",
            "FindInLog": "core.control.nouns.logs",
            "FindInLogs": "core.control.nouns.logs",
            "LogLines": "core.control.nouns.logs",
            "PastJobs": "core.control.nouns.past",
            "PastTasks": "core.control.nouns.past",
            "Purge": "core.control.nouns.upkeep",
            "Switch": "core.control.nouns.schedules",
            "SwitchSchedule": "core.control.nouns.schedules",
            "Unacknowledge": "core.control.nouns.failures",
            "read_document": "core.control.document_files",
        },
    )


@verb("describe", Kind.ENGINE)
class Describe(Request[WorkflowView], frozen=True, kw_only=True):
    document: DocumentSource


@verb("status", Kind.ENGINE)
class Status(Request[views.EngineInfo], frozen=True, kw_only=True):
    pass


@verb("changes", Kind.WAIT)
class Changes(Request[views.Changes], frozen=True, kw_only=True):
    after: int | None = None


@verb("wait_job", Kind.WAIT)
class WaitJob(Request[views.JobResult], frozen=True, kw_only=True):
    job_id: int


@verb("wait_tasks", Kind.WAIT)
class WaitTasks(Request[Mapping[str, int]], frozen=True, kw_only=True):
    task_ids: tuple[int, ...]


@verb("submit", Kind.CHANGE)
class Submit(Request[Submitted], frozen=True, kw_only=True):
    document: DocumentSource
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    options: SubmitOptions | None = None
    surroundings: Surroundings | None = None
    """None = of the process that asks: the client, or `dial-stdio` for one on another machine."""


@verb("enqueue", Kind.CHANGE)
class Enqueue(Request[tuple[int, ...]], frozen=True, kw_only=True):
    specs: tuple[TaskSpec, ...]
    group: str | None = None
    actor: str = OPERATOR
    surroundings: Surroundings | None = None


@verb("enqueue_once", Kind.CHANGE)
class EnqueueOnce(Request[Enqueued], frozen=True, kw_only=True):
    specs: tuple[TaskSpec, ...]
    group: str | None = None
    actor: str = OPERATOR
    surroundings: Surroundings | None = None


@verb("stop_engine", Kind.CHANGE)
class StopEngine(Request[None], frozen=True, kw_only=True):
    how: StopMode
    actor: str = OPERATOR


@verb("resume_engine", Kind.CHANGE)
class ResumeEngine(Request[None], frozen=True, kw_only=True):
    actor: str = OPERATOR


class ControlAPI(ReadingAPI):
    """Reading, changing and waiting; every verb returns after its commit."""

    @property
    def limits(self) -> nouns.limits.Limits:
        """Pools, limits and budgets."""
        return nouns.limits.Limits(self)

    @property
    def ledger(self) -> nouns.ledger.Ledger:
        """What was spent."""
        return nouns.ledger.Ledger(self)

    @property
    def failures(self) -> nouns.failures.Failures:
        """Failure families."""
        return nouns.failures.Failures(self)

    @property
    def work_items(self) -> nouns.work_items.WorkItemVerbs:
        """Tasks that wait for people."""
        return nouns.work_items.WorkItemVerbs(self)

    @property
    def workflows(self) -> nouns.workflows.WorkflowVerbs:
        """Registered workflows."""
        return nouns.workflows.WorkflowVerbs(self)

    @property
    def signals(self) -> nouns.signals.SignalVerbs:
        """What answers tasks that wait for a signal."""
        return nouns.signals.SignalVerbs(self)

    @property
    def orphans(self) -> nouns.orphans.Orphans:
        """What lost its owner."""
        return nouns.orphans.Orphans(self)

    @property
    def configuration(self) -> nouns.configuration.ConfigurationVerbs:
        """What the engine runs with."""
        return nouns.configuration.ConfigurationVerbs(self)

    @property
    def backups(self) -> nouns.backups.Backups:
        """Copies of the store."""
        return nouns.backups.Backups(self)

    @property
    def health(self) -> nouns.health.Health:
        """How the engine, its machine and its backends do."""
        return nouns.health.Health(self)

    @property
    def schedules(self) -> nouns.schedules.Schedules:
        """Rules that submit jobs."""
        return nouns.schedules.Schedules(self)

    @property
    def upkeep(self) -> nouns.upkeep.Upkeep:
        """What keeps a store small."""
        return nouns.upkeep.Upkeep(self)

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
            Submit(document=DocumentSource.of(document), params=params or {}, options=options)
        )

    async def enqueue(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> tuple[int, ...]:
        """Admit loose tasks into the inbox in one commit and return their ids in order; all or none.

        A task whose `once` has a task already is not created: the id of that one stands in its place.
        Raises `NotFound` for an unknown connector, `Invalid` for a faulty input.
        """
        if not specs:
            return ()
        request = Enqueue(specs=tuple(specs), group=group, actor=actor)
        return await self.ask(request)

    async def enqueue_once(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> Enqueued:
        """Admit loose tasks as `enqueue` does; the answer also tells which of them were not created."""
        if not specs:
            return Enqueued(task_ids=())
        return await self.ask(EnqueueOnce(specs=tuple(specs), group=group, actor=actor))

    async def cancel(
        self, target: Target, *, reason: str = "", force: Force = Force.ASK, actor: str = OPERATOR
    ) -> Operated:
        """Ask a job, or tasks (ids, filter), to end; running ones get grace, then are killed.

        With `Force.KILL` they get none, and a grace that goes on is cut short: in a job that is ending,
        too. The `finally` of a job runs after that, unless it is killed or cancelled once more. A queue
        raises `Invalid` (`target.unfit`), the inbox `Conflict`, an unknown job `NotFound`.
        Tasks that are final already, or unknown, are listed as refused.
        """
        return await self.ask(Cancel(target=target, reason=reason, force=force, actor=actor))

    async def kill(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End what runs of tasks (ids, filter) at once, without grace; they end as cancelled.

        A task whose attempt ends by itself meanwhile keeps its own end. What does not run stays as it is
        and is listed as refused, and so is what is being killed already. A group named by its id stands for
        its instances that run, and is refused if none does. Jobs and queues are `target.unfit`.
        """
        return await self.ask(Kill(target=target, reason=reason, actor=actor))

    async def retry(
        self,
        target: Target,
        *,
        downstream: bool = False,
        force: bool = False,
        reason: str = "",
        actor: str = OPERATOR,
    ) -> Operated:
        """Run final tasks (ids, filter) again, or all that went wrong in a job.

        `downstream` also reruns everything that depends on the tasks. Of each job that had ended, the
        answer says which status it gets at best (`forecasts`). A queue raises `Invalid` (`target.unfit`),
        the inbox `Conflict` (`job.inbox`). Tasks that were retried `manual_retries` times are refused
        (`retry.limit`) without `force`.
        """
        request = Retry(target=target, downstream=downstream, force=force, reason=reason, actor=actor)
        return await self.ask(request)

    async def pause(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Claim no more from a job or a queue; what runs goes on. Tasks and filters are `target.unfit`."""
        return await self.ask(Pause(target=target, reason=reason, actor=actor))

    async def resume(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Claim again from a job or a queue."""
        return await self.ask(Resume(target=target, reason=reason, actor=actor))

    async def hold(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Keep tasks (ids, filter) from being claimed. Jobs and queues are `target.unfit`: pause them."""
        return await self.ask(Hold(target=target, reason=reason, actor=actor))

    async def unhold(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Let held tasks (ids, filter) go on."""
        return await self.ask(Unhold(target=target, reason=reason, actor=actor))

    async def fail(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Give held tasks (ids, filter) up: they end as failed, and their job goes by its rules."""
        return await self.ask(Fail(target=target, reason=reason, actor=actor))

    async def prioritise(
        self, target: Target, *, priority: int, reason: str = "", actor: str = OPERATOR
    ) -> Operated:
        """Give tasks (ids, filter) another priority, from 0 to 100; queued ones move in their queue.

        Raises `Invalid` (`priority.range`). Tasks that are final, or have that priority, are listed as
        refused. Jobs and queues are `target.unfit`.
        """
        return await self.ask(Prioritise(target=target, priority=priority, reason=reason, actor=actor))

    async def describe(self, document: Document) -> WorkflowView:
        """Check a document without submitting it, and return its parameters.

        Raises `InvalidDocument` with every fault, `NotFound` for a path without a file.
        """
        return await self.ask(Describe(document=DocumentSource.of(document)))

    async def changes(self, after: int | None = None) -> views.Changes:
        """Return what changed since an event, as soon as something has; None = at once, all kinds.

        Answers at most twice a second, and after ten seconds even if nothing happened. Ask again at
        once with the `last_event` of the answer: then nothing is missed.
        """
        return await self.ask(Changes(after=after))

    async def wait_job(self, job_id: int) -> views.JobResult:
        """Return when the job is final; raise `NotFound`, and `Conflict` for the inbox.

        Raises `Unavailable` (`engine.lost`) when the engine goes before.
        """
        return await self.ask(WaitJob(job_id=job_id))

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return when all tasks are final: how many ended in each status; unknown ids do not count.

        Raises `Unavailable` (`engine.lost`) when the engine goes before.
        """
        return await self.ask(WaitTasks(task_ids=tuple(task_ids)))

    async def stop_engine(self, how: StopMode = StopMode.STOP, *, actor: str = OPERATOR) -> None:
        """Ask the engine to end and return once it has heard; a harder mode overtakes a softer one."""
        await self.ask(StopEngine(how=how, actor=actor))

    async def resume_engine(self, *, actor: str = OPERATOR) -> None:
        """Take a drain back: the engine claims again.

        Raises `Conflict`: `engine.serving` if it does not drain, `engine.stopping` if it is too late.
        """
        await self.ask(ResumeEngine(actor=actor))

    async def status(self) -> views.EngineInfo:
        """Return who answers and how busy it is."""
        return await self.ask(Status())
