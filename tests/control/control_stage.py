"""An engine port on a real store and journal, steered by tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.control.api import ControlAPI
from core.control.local import LocalControl
from core.control.remote import RemoteControl
from core.control.server import ControlServer, Limits
from core.control.transport import SocketDialer
from core.engine.changes import ChangeNotice
from core.engine.clock import SystemClock
from core.engine.housekeeping.purging import Purging
from core.executors.outputs import Outputs
from core.model.backend_checks import LastLook, Look
from core.model.commands.work import (
    Claimed,
    Complete,
    Enqueue,
    Enqueued,
    Operated,
    StopMode,
    Submit,
    SubmitOptions,
    Submitted,
)
from core.model.errors import TaskdeckError
from core.model.health import EngineHealth
from core.model.orphans import OrphanKind, OrphanView
from core.model.outcomes import Succeeded
from core.model.patterns.workflow_views import WorkflowView
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.model.views import EngineInfo, JobResult
from core.rules.writer import WRITER_RULES
from core.store.database import open_writer
from core.store.journal import Journal
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.writer import Writer

INFO = EngineInfo(version="9.9", pid=4711, epoch=3, slots=4, running=1, home="/home/\udcff\x00")
RESULT = JobResult(id=7, status="failed", tasks={"succeeded": 2, "failed": 1}, reason="task a failed \x1b")
ORPHAN = OrphanView(
    kind=OrphanKind.LIVING,
    task_id=9,
    job_id=7,
    key="k",
    epoch=2,
    since=5,
    reason="r \x1b",
    pids=(3,),
    commands=("c",),
)
WORKFLOW = WorkflowView(name="w \x00", stages=1, tasks=2, warnings=("line 1: \ud800",))


class StagedHealth:
    """Knows nothing but that it is there."""

    def view(self) -> EngineHealth:
        return EngineHealth(started_at=0, sampled_at=0)

    def last_looks(self) -> Mapping[str, LastLook]:
        return {}

    async def look(self, name: str) -> LastLook:
        return LastLook(at=0, look=Look(answered=True, took_ms=1, text=name))

    def note_damage(self, error: TaskdeckError) -> None:
        raise error


class StagedEngine:
    """Admit and operate for real; record what was asked; wait until the test says so."""

    aging_step = 60_000

    def __init__(self, home: Path) -> None:
        clock = SystemClock()
        connection = open_writer(home / "taskdeck.db", synchronous="NORMAL", now=clock.now())
        writer = Writer(connection=connection, epoch=0, aging_step=60_000, rules=WRITER_RULES)
        self.journal = Journal(writer, clock=clock, listener=self._report)
        self.readers = Readers(home / "taskdeck.db")
        self.reports = self.client_reports = Reports(self.readers)
        self.output_dir = home / "output"
        purging = Purging(self.journal, self.reports.upkeep, Outputs(self.output_dir))
        self.upkeep = SimpleNamespace(purging=purging)
        self.health = StagedHealth()
        self.asked: list[Any] = []
        self.refusal: TaskdeckError | None = None
        self.claimed: list[Claimed] = []
        self.waits = asyncio.Event()
        self.ended = asyncio.Event()
        self.dropped = asyncio.Event()

    async def submit(
        self, document: Any, params: Mapping[str, Any], *, options: SubmitOptions, surroundings: Any = None
    ) -> Submitted:
        self._ask(("submit", document, params, options))
        task = TaskPlan(key="only", uses="delay")
        definition = document if isinstance(document, dict) else {"path": document}
        plan = JobPlan(
            name=options.name or "staged",
            stages=(StagePlan(name="main", tasks=(task,)),),
            params=dict(params),
            definition=definition,
            definition_hash="h1",
            client_key=options.client_key,
        )
        result = await self.journal.submit(Submit(plan=plan, actor=options.actor))
        assert isinstance(result, Submitted)
        return result

    async def enqueue(
        self, plans: Sequence[TaskPlan], *, group: str | None, actor: str, surroundings: Any = None
    ) -> Enqueued:
        command = Enqueue(tasks=tuple(plans), group=group, actor=actor)
        self._ask(command)
        result = await self.journal.submit(command)
        assert isinstance(result, Enqueued)
        return result

    async def operate(self, command: Any) -> Operated:
        self._ask(command)
        result = await self.journal.submit(command)
        assert isinstance(result, Operated)
        return result

    async def wait_job(self, job_id: int) -> JobResult:
        self._ask(("wait_job", job_id))
        await self._wait()
        return RESULT

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        self._ask(("wait_tasks", tuple(task_ids)))
        await self._wait()
        return {"succeeded": len(task_ids)}

    @property
    def orphan_verbs(self) -> StagedEngine:
        return self

    async def all(self) -> Sequence[OrphanView]:
        return (ORPHAN,)

    async def keep(self, task_ids: Sequence[int], *, actor: str) -> Operated:
        self._ask(("keep_orphans", tuple(task_ids), actor))
        return Operated(changed=len(task_ids))

    async def kill(self, task_ids: Sequence[int], *, reason: str, actor: str) -> Operated:
        self._ask(("kill_orphans", tuple(task_ids), reason, actor))
        return Operated(changed=0, refused=tuple((task_id, "gone") for task_id in task_ids))

    async def describe(self, document: Any) -> WorkflowView:
        self._ask(("describe", document))
        return WORKFLOW

    async def changes(self, after: int | None) -> ChangeNotice:
        self._ask(("changes", after))
        if after is not None:
            await self._wait()
        return ChangeNotice(last_event=3, kinds=frozenset({"task.created"}))

    def stop(self, how: StopMode, *, actor: str) -> None:
        self._ask(("stop", how, actor))

    def resume(self, *, actor: str) -> None:
        self.asked.append(("resume", actor))

    def info(self) -> EngineInfo:
        return INFO

    async def run_next(self) -> Claimed:
        """Claim one more task and return it."""
        self.journal.slots += 1
        self.journal.wake()
        await self.journal.settle()
        return self.claimed[-1]

    async def succeed(self, claimed: Claimed) -> None:
        self.journal.slots -= 1
        command = Complete(
            task_id=claimed.task_id, epoch=claimed.epoch, outcome=Succeeded(output={"exit": 0})
        )
        await self.journal.submit(command)

    async def close(self) -> None:
        await self.readers.close()
        await self.journal.close()

    async def _wait(self) -> None:
        self.waits.set()
        try:
            await self.ended.wait()
        except asyncio.CancelledError:
            self.dropped.set()
            raise

    def _ask(self, what: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(what)

    def _report(self, report: Any) -> None:
        self.claimed.extend(report.claimed)


@dataclass(kw_only=True)
class Stage:
    """A control under test, the engine behind it, and its data directory."""

    control: ControlAPI
    engine: StagedEngine
    home: Path
    server: ControlServer | None = field(default=None)

    @property
    def socket(self) -> Path:
        return self.home / "engine.sock"


@asynccontextmanager
async def local_stage(home: Path):
    engine = StagedEngine(home)
    control = LocalControl(engine)
    try:
        yield Stage(control=control, engine=engine, home=home)
    finally:
        await control.close()
        await engine.close()


@asynccontextmanager
async def remote_stage(home: Path, *, limits: Limits | None = None):
    engine = StagedEngine(home)
    server = ControlServer(limits)
    await server.start(LocalControl(engine), home / "engine.sock")
    control = RemoteControl(SocketDialer(home / "engine.sock"))
    try:
        yield Stage(control=control, engine=engine, home=home, server=server)
    finally:
        await control.close()
        await server.stop()
        await engine.close()
