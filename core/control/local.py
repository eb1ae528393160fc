"""LocalControl: the ControlAPI in the engine's own process and loop.

Made by `core.app.hosting`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from core.control import api
from core.control.answers import Answers
from core.control.api import ControlAPI, Document, Kind, Request, StopMode, SubmitOptions, kind_of
from core.control.health_answers import HealthSight, HealthState
from core.control.nouns import orphans, work_items
from core.control.nouns.backups import CopyStore
from core.control.nouns.configuration import ReloadConfig
from core.control.nouns.failures import Acknowledge, Unacknowledge
from core.control.nouns.health import LookAtBackend
from core.control.nouns.ledger import Charge, Prices
from core.control.nouns.limits import ChangeCapacity
from core.control.nouns.signals import SendSignal
from core.control.nouns.upkeep import ApplyRetention, Purge
from core.control.operator_requests import Operate
from core.control.operator_verbs import OperatorPort, OperatorVerbs
from core.control.prediction_answers import Planning
from core.control.purge_answers import PurgeAnswers, UpkeepPort
from core.control.reading import ReadingControl
from core.control.schedule_changes import ScheduleAnswers, ScheduleVerbsPort
from core.control.sights import Sights
from core.control.wait_answers import see_engine
from core.control.workflow_answers import WorkflowAnswers
from core.engine.store_copies import StoreCopies
from core.host import effective_user, own_surroundings
from core.model.actors import signed
from core.model.commands import capacity as capacity_commands
from core.model.commands.work import Operated
from core.model.ports import AttemptRef, Checks
from core.model.records import replace
from core.model.status import TaskStatus
from core.model.views import Changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.config.checks import Configuration
    from core.engine.changes import ChangeNotice
    from core.model.backend_checks import LastLook
    from core.model.commands.limits import Charged
    from core.model.commands.work import Effect, Enqueued, Submitted
    from core.model.commands.work_items import ItemChanged
    from core.model.config_changes import Reloaded
    from core.model.errors import TaskdeckError
    from core.model.limits.limits import Price
    from core.model.orphans import OrphanView
    from core.model.patterns.workflow_views import WorkflowView
    from core.model.plans import TaskPlan
    from core.model.surroundings import Surroundings
    from core.model.values import JsonValue
    from core.model.views import EngineInfo, JobResult
    from core.store.journal import Journal

R = TypeVar("R")


class ConfigurationPort(Protocol):
    """What an engine runs with."""

    @property
    def now(self) -> Configuration:
        """What holds."""

    async def reload(self, *, effect: Effect, actor: str) -> Reloaded:
        """Read config.toml again and take all of it or nothing; raise `Invalid`, `Conflict`."""


class HealthPort(HealthState, Protocol):
    """What the control asks of the health of an engine."""

    async def look(self, name: str) -> LastLook:
        """Look at a backend now."""

    def note_damage(self, error: TaskdeckError) -> None:
        """Tell operators which rows answers were given without."""


class EnginePort(OperatorPort, Protocol):
    """What the control asks of the engine; everything is acknowledged after its commit."""

    @property
    def output_dir(self) -> Path:
        """The directory of the attempt directories."""

    @property
    def aging_step(self) -> int:
        """How many ms of waiting weigh as much as one priority level."""

    @property
    def checks(self) -> Checks:
        """What checks the tasks of documents."""

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue],
        *,
        options: SubmitOptions,
        surroundings: Surroundings | None,
    ) -> Submitted:
        """Read, check and admit a document; a path is absolute."""

    async def enqueue(
        self,
        plans: Sequence[TaskPlan],
        *,
        group: str | None,
        actor: str,
        surroundings: Surroundings | None,
    ) -> Enqueued:
        """Check and admit loose tasks in one commit."""

    async def charge(self, attempt: AttemptRef, said: Mapping[str, object], *, charge: str) -> Charged:
        """Price what an attempt spends while it runs, and book it once under its id."""

    @property
    def journal(self) -> Journal:
        """The line of commands to the writer, which also lends it."""

    @property
    def upkeep(self) -> UpkeepPort:
        """What keeps its store small."""

    @property
    def health(self) -> HealthPort:
        """What is known of the machine and of backends."""

    @property
    def schedule_verbs(self) -> ScheduleVerbsPort:
        """What changes schedules and fires them by hand."""

    async def describe(self, document: Document) -> WorkflowView:
        """Check a document without admitting it."""

    async def changes(self, after: int | None) -> ChangeNotice:
        """Return what is new since an event as soon as something is."""

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when the job is final."""

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return counts by status when all tasks are final."""

    def stop(self, how: StopMode, *, actor: str) -> None:
        """Begin to stop; returns at once."""

    def resume(self, *, actor: str) -> None:
        """Take a drain back; raise `Conflict`."""

    @property
    def configuration(self) -> ConfigurationPort:
        """What the engine runs with."""

    def info(self) -> EngineInfo:
        """Return who this is and how busy."""


class LocalControl(ControlAPI):
    """Answer on an engine of this process.

    What changes is signed with the user of this process: the socket lets in no other (`check_peer`).
    """

    def __init__(self, engine: EnginePort) -> None:
        self._user = effective_user()
        self._reading = ReadingControl(
            engine.client_reports,
            engine.output_dir,
            sights=Sights(
                engine=partial(see_engine, engine),
                planning=partial(_planning, engine),
                health=HealthSight(known=engine.health),
                damage=engine.health.note_damage,
            ),
        )
        self._operator_verbs = OperatorVerbs(engine)
        self._answers = EngineAnswers(engine, self._user).table()

    async def ask(self, request: Request[R]) -> R:
        """Answer every request of the table."""
        if kind_of(request) is Kind.READ:
            return await self._reading.ask(request)
        if isinstance(request, Operate):
            by = signed(request.actor, self._user)
            return cast("R", await self._operator_verbs.carry_out(replace(request, actor=by)))
        return await self._answers.ask(request)

    async def close(self) -> None:
        """Do nothing: the engine owns the connections."""


class EngineAnswers:
    """Answers what neither reads nor acts on a target; what changes is signed with the user."""

    def __init__(self, engine: EnginePort, user: str) -> None:
        self._engine = engine
        self._user = user

    def table(self) -> Answers:
        """Return the answers by request."""
        engine, answers = self._engine, Answers()
        copies = StoreCopies(engine.journal)
        answers.to(api.Submit, self._submit)
        answers.to(api.Enqueue, self._enqueue)
        answers.to(api.EnqueueOnce, self._enqueue_once)
        answers.to(orphans.ListOrphans, lambda _: self._orphans())
        answers.to(Acknowledge, lambda r: engine.operate(r.command(signed(r.actor, self._user))))
        answers.to(Unacknowledge, lambda r: engine.operate(r.command(signed(r.actor, self._user))))
        answers.to(SendSignal, lambda r: engine.journal.submit(r.command(signed(r.actor, self._user))))
        for each in work_items.VERBS:
            answers.to(each, self._on_item)
        answers.to(Charge, self._charge)
        answers.to(Prices, self._prices)
        answers.to(ChangeCapacity, self._change_capacity)
        answers.to(LookAtBackend, lambda r: engine.health.look(r.name))
        ScheduleAnswers(engine, self._user).add_to(answers)
        WorkflowAnswers(engine, self._user).add_to(answers)
        answers.to(ApplyRetention, self._apply_retention)
        answers.to(Purge, PurgeAnswers(engine.upkeep.purging, engine.client_reports, self._user).part)
        answers.to(api.Describe, lambda r: engine.describe(r.document.document))
        answers.to(api.Changes, self._changes)
        answers.to(api.WaitJob, lambda r: engine.wait_job(r.job_id))
        answers.to(api.WaitTasks, lambda r: engine.wait_tasks(r.task_ids))
        answers.to(CopyStore, lambda r: copies.copy(Path(r.file)))
        answers.to(api.StopEngine, self._stop_engine)
        answers.to(api.ResumeEngine, self._resume_engine)
        answers.to(ReloadConfig, self._reload)
        answers.to(api.Status, partial(_info, engine))
        return answers

    async def _on_item(self, request: work_items.OnItem) -> ItemChanged:
        return await self._engine.journal.submit(request.command(signed(request.actor, self._user)))

    async def _reload(self, request: ReloadConfig) -> Reloaded:
        actor = signed(request.actor, self._user)
        return await self._engine.configuration.reload(effect=request.effect, actor=actor)

    async def _submit(self, request: api.Submit) -> Submitted:
        options = request.options or SubmitOptions()
        options = replace(options, actor=signed(options.actor, self._user))
        return await self._engine.submit(
            request.document.document,
            request.params,
            options=options,
            surroundings=request.surroundings or own_surroundings(),
        )

    async def _enqueue(self, request: api.Enqueue) -> tuple[int, ...]:
        return (await self._enqueue_once(request)).task_ids

    async def _enqueue_once(self, request: api.Enqueue | api.EnqueueOnce) -> Enqueued:
        plans = [spec.to_plan() for spec in request.specs]
        return await self._engine.enqueue(
            plans,
            group=request.group,
            actor=signed(request.actor, self._user),
            surroundings=request.surroundings or own_surroundings(),
        )

    async def _apply_retention(self, request: ApplyRetention) -> None:
        await self._engine.upkeep.retention.apply(actor=signed(request.actor, self._user))

    async def _charge(self, request: Charge) -> Charged:
        attempt = AttemptRef(task_id=request.task_id, epoch=request.epoch)
        return await self._engine.charge(attempt, request.said, charge=request.id)

    async def _prices(self, _: Prices) -> tuple[Price, ...]:
        return tuple(self._engine.configuration.now.capacity.prices)

    async def _change_capacity(self, request: ChangeCapacity) -> Operated:
        command = capacity_commands.ChangeCapacity(
            change=request.change, reason=request.reason, actor=signed(request.actor, self._user)
        )
        operated = await self._engine.operate(command)
        if not isinstance(request.change, capacity_commands.Reconcile) or request.change.older_ms is None:
            return operated
        # One command settles so many amounts: until none is left.
        changed = operated.changed
        while operated.changed:
            operated = await self._engine.operate(command)
            changed += operated.changed
        return Operated(changed=changed)

    async def _orphans(self) -> tuple[OrphanView, ...]:
        orphans = [*await self._engine.orphan_verbs.all(), *await self._engine.client_reports.lost.orphans()]
        return tuple(sorted(orphans, key=lambda orphan: orphan.task_id))

    async def _changes(self, request: api.Changes) -> Changes:
        notice = await self._engine.changes(request.after)
        # Read afterwards: counts may be ahead of the notice, never behind it.
        standing = await self._engine.client_reports.totals.current()
        lost = await self._engine.client_reports.lost.count() if standing.tasks.get(TaskStatus.HELD) else 0
        failed = standing.tasks.get(TaskStatus.FAILED)
        return Changes(
            last_event=notice.last_event,
            kinds=notice.kinds,
            tasks=standing.tasks,
            jobs=standing.jobs,
            paused_queues=standing.paused_queues,
            paused_pools=standing.paused_pools,
            spent_budgets=standing.spent_budgets,
            is_frozen=standing.is_frozen,
            engine=self._engine.info(),
            lost=lost,
            acknowledged=await self._engine.client_reports.failures.acknowledged() if failed else 0,
        )

    async def _stop_engine(self, request: api.StopEngine) -> None:
        self._engine.stop(request.how, actor=signed(request.actor, self._user))

    async def _resume_engine(self, request: api.ResumeEngine) -> None:
        self._engine.resume(actor=signed(request.actor, self._user))


def _planning(engine: EnginePort) -> Planning:
    return Planning(checks=engine.checks, slots=engine.info().slots, aging_step=engine.aging_step)


async def _info(engine: EnginePort, _: api.Status) -> EngineInfo:
    return engine.info()
