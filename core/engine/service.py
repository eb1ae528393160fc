"""Engine: owner of one store; starts and stops its loops in order.

Made by `core.app.hosting`; clients reach it through `core.control`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from core.config import Settings
from core.config.checks import check
from core.config.secrets_section import SECRETS
from core.engine.admissions.admission import Admission
from core.engine.attempts.attempt import Tools
from core.engine.attempts.completion import Completion
from core.engine.attempts.orphan_verbs import OrphanVerbs
from core.engine.attempts.recovery import Recovery
from core.engine.attempts.runner import Runner
from core.engine.attempts.task_results import TaskResults
from core.engine.attempts.task_surroundings import TaskSurroundings
from core.engine.attempts.usage_reports import UsageReports
from core.engine.changes import ChangeNotice, ChangeNotices
from core.engine.configuring import EngineConfiguration
from core.engine.dispatcher import Dispatcher
from core.engine.engine_ports import Ports
from core.engine.expression_scopes import ExpressionScopes
from core.engine.hearing import heard_or_failed
from core.engine.housekeeping.upkeep import Upkeep, UpkeepPorts
from core.engine.judgements.child_plans import ChildPlans
from core.engine.judgements.conditions import Conditions
from core.engine.live_settings import LiveSettings, output_cap_of, retry_limits_of, timeouts_of
from core.engine.looks.lookouts import LookTools, new_lookouts
from core.engine.monitoring.health import HealthParts, HealthWatch
from core.engine.monitoring.notices import NoticePorts
from core.engine.scheduling.declared_schedules import declared_now
from core.engine.scheduling.schedule_verbs import ScheduleVerbs
from core.engine.scheduling.schedules import FirePorts, ScheduleLoop
from core.engine.service_store import end_ownership, open_store
from core.engine.set_aside import SetAside
from core.engine.shortage import Shortage
from core.engine.shutdown import Loops, Shutdown
from core.engine.store_readers import StoreReaders
from core.engine.waiters import Waiters
from core.executors.child import ChildExecutor
from core.executors.outputs import Outputs
from core.host import own_surroundings
from core.logs import get_logger
from core.model.commands.engine_notes import EngineEvent, NoteEngine
from core.model.commands.limits import Charge, Charged
from core.model.commands.work import (
    ENGINE,
    Claimed,
    Document,
    Enqueued,
    FollowUp,
    Operated,
    Operation,
    StopMode,
    SubmitOptions,
    Submitted,
)
from core.model.errors import TaskdeckError, Unavailable
from core.model.paths import Paths
from core.model.patterns.workflow_views import WorkflowView
from core.model.plans import TaskPlan
from core.model.ports import AttemptRef, Checks
from core.model.surroundings import Surroundings
from core.model.values import JsonObject, JsonValue
from core.model.version import VERSION
from core.model.views import EngineInfo, JobResult
from core.secret_sources.reader import SecretReader
from core.store.batch_report import Report
from core.store.journal import Journal
from core.store.pace import BatchPace
from core.store.writer import Writer

CLOCK_SECONDS = 15.0
"""How often an engine without work looks whether the wall clock was set."""

_log = get_logger(__name__)


class Engine:
    """Own a store and carry its tasks; made by `start`, ended by `stop`."""

    def __init__(self, paths: Paths, settings: Settings, ports: Ports, *, started_by: str = ENGINE) -> None:
        self.paths = paths
        self._ports = ports
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self.failure: TaskdeckError | None = None
        clock = ports.clock
        self._owner, writer = open_store(paths, settings, clock, started_by=started_by)
        self._offset = clock.offset
        self._readers = StoreReaders(paths.db)
        self.reports, self.client_reports = self._readers.reports, self._readers.client_reports
        hear, pace = heard_or_failed(self._hear, self.fail), BatchPace(cap=settings.batch_cap)
        self.journal = Journal(writer, clock=clock, listener=hear, foresee=self._foresee, pace=pace)
        self.waiters = Waiters(self.reports.outcomes)
        self._change_notices = ChangeNotices(clock)
        self._set_aside = SetAside()
        self.children = self._new_children(settings)
        scopes = ExpressionScopes(self.reports.expressions, self.reports.instances, paths.output)
        own = own_surroundings().allowed(settings.env_allow)
        surroundings = TaskSurroundings(self.reports.surroundings, own=own)
        self._usage = UsageReports(paths.output, prices=ports.capacity.prices, clock=clock)
        self._completion = Completion(
            self.journal, clock=clock, draw=ports.draw, limits=retry_limits_of(settings), usage=self._usage
        )
        self._results = TaskResults(scopes, surroundings, self.reports.variables, self.children.outputs)
        self._secrets = SecretReader(paths.home, lambda: self.configuration.now.tables.named(SECRETS))
        tools = Tools(
            connectors=ports.registry,
            children=self.children,
            completion=self._completion,
            scopes=scopes,
            surroundings=surroundings,
            clock=clock,
            shortage=Shortage(clock, ports.alarms),
            usage=self._usage,
            secrets=self._secrets,
            results=self._results,
        )
        timeouts = timeouts_of(settings)
        self.runner = Runner(tools, store_id=self._owner.store_id, timeouts=timeouts, on_error=self.fail)
        self.admission = Admission(self.journal, ports.registry, self.reports, env_allow=settings.env_allow)
        self.schedules = self._new_schedules()
        self.is_lasting = True
        self.health = self._new_health()
        note = self._completion.note = self._set_aside.note
        conditions = self._new_conditions(tools)
        self.dispatcher = Dispatcher(self.journal, self.runner, conditions, clock=clock, alarms=ports.alarms)
        tools.shortage.control(self.dispatcher)
        looking = LookTools(tools, self.runner.inputs, ports.alarms, note)
        self._lookouts = new_lookouts(self.reports.lookouts, self.journal, looking)
        self.upkeep = self._new_upkeep(settings)
        loops = Loops(
            journal=self.journal, dispatcher=self.dispatcher, runner=self.runner, completion=self._completion
        )
        self._shutdown = Shutdown(loops, grace=settings.stop_grace)
        self.configuration = self._new_configuration(settings, surroundings, writer)

    def _new_conditions(self, tools: Tools) -> Conditions:
        plans = ChildPlans(planner=self.admission, reports=self.reports, scopes=tools.scopes)
        note = self._set_aside.note
        return Conditions(self.journal, tools, self.reports.conditions, note=note, children=plans)

    def _new_configuration(
        self, settings: Settings, surroundings: TaskSurroundings, writer: Writer
    ) -> EngineConfiguration:
        ports, home = self._ports, self.paths.home
        live = LiveSettings(
            admission=self.admission,
            children=self.children,
            completion=self._completion,
            health=self.health,
            upkeep=self.upkeep,
            registry=ports.registry,
            results=self._results,
            runner=self.runner,
            shutdown=self._shutdown,
            surroundings=surroundings,
            usage=self._usage,
            writer=writer,
        )
        return EngineConfiguration(
            ports.configuration(self.paths, settings),
            self.journal,
            read=lambda: check(home, slots=ports.slots),
            take=live.take,
            declare=partial(declared_now, self.admission, self._ports.clock),
        )

    def _new_schedules(self) -> ScheduleLoop:
        due, note = self.reports.schedules, self._set_aside.note
        ports = FirePorts(due=due, planner=self.admission, journal=self.journal, note=note)
        return ScheduleLoop(ports, clock=self._ports.clock, alarms=self._ports.alarms)

    def _new_health(self) -> HealthWatch:
        readers, children = self._readers.oldest_ms, self.children
        histories, note = self.reports.checks.histories, self._set_aside.note
        parts = HealthParts(self.paths, self.journal, histories, readers, children, note)
        home, store, secrets = str(self.paths.home), self._owner.store_id, self._secrets.read
        notices = NoticePorts(self.reports.notices, self.journal, note, secrets, home, store)
        return HealthWatch(parts, notices, self._ports)

    def _new_children(self, settings: Settings) -> ChildExecutor:
        cap = output_cap_of(settings)
        return ChildExecutor(Outputs(self.paths.output), store=self._owner.store_id, cap=cap)

    def _new_upkeep(self, settings: Settings) -> Upkeep:
        ports = UpkeepPorts(
            journal=self.journal,
            reports=self.reports,
            dispatcher=self.dispatcher,
            runner=self.runner,
            children=self.children,
            note=self._set_aside.note,
            health=self.health.sample,
        )
        return Upkeep(ports, settings, outside=self._ports)

    @property
    def settings(self) -> Settings:
        """Return the settings that hold now."""
        return self.configuration.now.settings

    @property
    def stopping(self) -> bool:
        """Return whether the end has begun; a drain is not yet the end."""
        return self._shutdown.state == "stopping"

    @property
    def watched(self) -> bool:
        """Return whether it has to go on: something starts by itself, or a client watches."""
        return self.schedules.has_next or self.health.is_waited_for or self._change_notices.watched

    @property
    def schedule_verbs(self) -> ScheduleVerbs:
        """Return what changes schedules."""
        reports, clock, declared = self.reports.schedules, self._ports.clock, self.configuration.declared
        return ScheduleVerbs(reports, self.admission, self.journal, clock=clock, declared=declared)

    @property
    def orphan_verbs(self) -> OrphanVerbs:
        """Return what lists, keeps and ends processes whose attempts are over."""
        return OrphanVerbs(self.runner, self.reports.lost.places)

    @property
    def output_dir(self) -> Path:
        """Return where the attempt directories are."""
        return self.paths.output

    @property
    def checks(self) -> Checks:
        """Return what checks the tasks of documents."""
        return self._ports.registry

    @property
    def aging_step(self) -> int:
        """Return how many ms of waiting weigh as much as one priority level."""
        return self.settings.aging_step

    async def start_without_claims(self) -> None:
        """Apply commands only: nothing is recovered, nothing claimed."""
        await self._ports.registry.start()
        await self.configuration.bring_up()

    async def start(self) -> None:
        """Recover what a former engine left, then claim."""
        await self._ports.registry.start()
        await self._results.open(self.settings)
        await Recovery(self.runner, self.children, self._completion).recover(self.reports.attempts)
        await self.configuration.bring_up()
        # Before anything is claimed: what runs on wrong counts may end its job for them.
        await self.upkeep.janitor.start()
        self.dispatcher.open(self.settings.slots)
        self.dispatcher.judge_all()
        await self._lookouts.open()
        self._ports.alarms.every("clock", CLOCK_SECONDS, self._look_at_clock)
        self.schedules.open()
        await self.health.start(self._ports.capacity)
        await self.journal.submit(FollowUp())

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
        surroundings: Surroundings | None = None,
    ) -> Submitted:
        """Admit a workflow; see `Admission.submit`."""
        return await self.admission.submit(
            document, params or {}, options=options or SubmitOptions(), surroundings=surroundings
        )

    async def describe(self, document: Document) -> WorkflowView:
        """Check a workflow without admitting it; see `Admission.describe`."""
        return await self.admission.describe(document)

    async def enqueue(
        self,
        plans: Sequence[TaskPlan],
        *,
        group: str | None,
        actor: str,
        surroundings: Surroundings | None = None,
    ) -> Enqueued:
        """Admit loose tasks; see `Admission.enqueue`."""
        return await self.admission.enqueue(plans, group=group, actor=actor, surroundings=surroundings)

    async def operate(self, command: Operation) -> Operated:
        """Carry out an operator's verb."""
        return await self.journal.submit(command)

    async def charge(self, attempt: AttemptRef, said: Mapping[str, object], *, charge: str) -> Charged:
        """Price what an attempt spends while it runs, and book it once under the id `charge`."""
        spent = self._usage.price(said, charge=charge)
        command = Charge(task_id=attempt.task_id, epoch=attempt.epoch, id=charge, spent=spent)
        return await self.journal.submit(command)

    async def changes(self, after: int | None) -> ChangeNotice:
        """Return which kinds of events are new; see `ChangeNotices.since`."""
        return await self._change_notices.since(after)

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when a job is final."""
        return await self.waiters.wait_job(job_id)

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return when all tasks are final: how many ended in each status."""
        return await self.waiters.wait_tasks(task_ids)

    async def wait_idle(self) -> None:
        """Return when nothing runs, nothing is due later, and nothing more can be claimed."""
        while True:
            await self.journal.settle()
            if self.runner.count == 0 and self.dispatcher.quiet and not self._lookouts.any:
                return
            await self.dispatcher.changed()

    def info(self) -> EngineInfo:
        """Return who this is and how busy."""
        return EngineInfo(
            version=VERSION,
            pid=os.getpid(),
            epoch=self._owner.epoch,
            slots=self.dispatcher.slots or self.settings.slots,
            running=self.runner.count,
            home=str(self.paths.home),
            state=self._shutdown.state,
            protected=self.settings.protected,
            trouble="; ".join(closed.message for closed in self.dispatcher.closed),
            closed=self.dispatcher.closed,
            set_aside=self._set_aside.summary(),
            is_lasting=self.is_lasting,
        )

    def stop(self, how: StopMode = StopMode.STOP, *, actor: str = ENGINE, reason: str = "") -> None:
        """Begin to stop: claim nothing more, let inline calls end, leave or kill children, close.

        `stopped` tells when it is done. A harder mode overtakes a softer one that is under way; until
        a drain is over, verbs go on working and work is accepted for the next engine. `actor` is who asks.
        """
        if not self._shutdown.ask(how, actor=actor, reason=reason):
            return
        self.schedules.close()
        if actor != ENGINE:
            # The end of the engine may be hours away, or not be written.
            self._note(EngineEvent.STOP_REQUESTED, actor, {"how": how})
        self._change_notices.answer_all()
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop())

    async def ended(self) -> None:
        """Return when the engine has stopped, for whatever reason."""
        await self._stopped.wait()

    async def stopped(self) -> None:
        """Return when the engine has stopped; raise what made it fail, if anything did."""
        await self._stopped.wait()
        if self.failure is not None:
            raise self.failure

    def fail(self, error: TaskdeckError) -> None:
        """Stop because of an error that no loop can fix (fenced, a bug)."""
        if self.failure is None and not self.stopping:
            self.failure = error
            self._shutdown.at_once()
            _log.error("the engine stops", code=error.code, reason=error.message)
            self.stop(reason=f"{error.code}: {error.message}")

    def resume(self, *, actor: str) -> None:
        """Take a drain back: claim again; raise `Conflict` (`engine.serving`, `engine.stopping`)."""
        self._shutdown.take_back()
        self.schedules.open()
        self._note(EngineEvent.RESUMED, actor, {})
        self._change_notices.answer_all()

    def _note(self, kind: EngineEvent, actor: str, data: JsonObject) -> None:
        noted = self.journal.submit(NoteEngine(kind=kind, actor=actor, data=data))
        # A store that takes no more must not keep the engine from ending.
        noted.add_done_callback(lambda future: future.cancelled() or future.exception())

    async def _stop(self) -> None:
        is_over = True
        try:
            is_over = await self._shutdown.rest()
        finally:
            if is_over:
                await self._close()
            else:
                self._stopping = None

    async def _close(self) -> None:
        error = self.failure or Unavailable("engine.lost", "the engine has stopped", hint="start it again")
        self.waiters.fail(error)
        self._change_notices.fail(error)
        self._ports.alarms.stop()
        try:
            # What still read when the readers are closed would keep a connection that nothing closes.
            await self.dispatcher.end()
            await self._lookouts.end()
            await self.schedules.end()
            await self.health.end()
            await self.upkeep.janitor.end()
            await self._stop_connectors()
            await self._readers.close()
            await self.journal.close(
                last_use=partial(end_ownership, clock=self._ports.clock, cause=self._shutdown.cause)
            )
        finally:
            self._stopped.set()

    async def _stop_connectors(self) -> None:
        try:
            await self._ports.registry.stop()
        except Exception as error:
            # Foreign code: it must not keep the store from being closed.
            _log.warning("a connector could not be stopped", error=repr(error))

    def _look_at_clock(self) -> None:
        # Each group names a step of the wall clock; without work there would be none.
        (clock := self._ports.clock).now()
        if clock.offset != self._offset:
            self._offset = clock.offset
            self.journal.wake()
            self.schedules.look()

    def _foresee(self, claims: Sequence[Claimed]) -> None:
        self.runner.prepare(claims)

    def _hear(self, report: Report) -> None:
        self._set_aside.hear(report.faults)
        self.dispatcher.hear(report)
        if report.failure is not None and report.failure.code == "engine.fenced":
            self.fail(report.failure)
        if report.final_tasks and self.runner.count == 0:
            self.upkeep.janitor.rest()
        self._lookouts.hear(report)
        self.schedules.hear(report)
        self.health.hear(report)
        self.waiters.hear(report)
        self._change_notices.hear(report)
