"""Engines on one home with manual time and steered connectors."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from core import host
from core.config import Settings
from core.connectors.delay import Delay
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.control.api import Target
from core.control.local import LocalControl
from core.engine.engine_ports import Ports
from core.engine.service import Engine
from core.executors.family import MARK
from core.model.commands.work import StopMode
from core.model.health import Measure
from core.model.limits.limits import Capacity
from core.model.paths import Paths, ensure_home
from core.model.ports import Looker
from core.model.views import JobResult, TaskDetail
from core.probes import Prober
from tests.support.manual_time import ManualAlarms, ManualClock
from tests.support.recounts import findings_of
from tests.support.steered import Steered
from tests.support.waiting import LOOK, ticks, until, within


def task(key: str, do: str = "succeed", *needs: Any, **more: Any) -> dict[str, Any]:
    """Return a task of a document for the steered connector; `steer` holds more of its input."""
    steer = more.pop("steer", {})
    return {"key": key, "uses": "steer", "needs": list(needs), "with": {"do": do, **steer}, **more}


def script(key: str, text: str, *needs: Any, **more: Any) -> dict[str, Any]:
    """Return a task of a document that runs a shell script."""
    return {"key": key, "uses": "shell", "needs": list(needs), "with": {"script": text}, **more}


def is_at_work(engine: Engine) -> bool:
    """Tell whether an engine judges, writes, reads or looks at something by itself."""
    retention, lookouts = engine.upkeep.retention._running, engine._lookouts
    return bool(
        engine.dispatcher._judgements
        or engine.journal._busy()
        or engine._readers._own._lent
        or engine.upkeep.janitor._work
        or (retention is not None and not retention.done())
        or lookouts._is_reading
        or engine.schedules._is_looking
        or engine.health.notices._is_looking
    )


_LOOKS = 20
"""Looks at a stop after which time passes anyway."""


class House:
    """One home, one clock, one steered connector, and the engines that own it one after another."""

    def __init__(self, home: Path) -> None:
        self.paths = ensure_home(home)
        self.clock = ManualClock()
        self.steer = Steered()
        self.draws: list[float] = []
        self.capacity = Capacity()
        self.look_at: Looker = Prober().look
        self.measure: Callable[[Paths], Mapping[Measure, float]] = lambda _: {}
        self.engines: list[Engine] = []
        self.spoiled: frozenset[str] = frozenset()
        """Codes of findings that the test itself made, and leaves."""
        self.registry = lambda: Registry([Delay(), Shell(), self.steer])
        self._reader: sqlite3.Connection | None = None

    async def open(self, *, dispatch: bool = True, **settings: Any) -> Engine:
        """Start an engine, without looking at the lock: a second one takes the store over."""
        chosen = Settings(**{"slots": 4, "synchronous": "NORMAL", **settings})
        ports = Ports(
            clock=self.clock,
            alarms=ManualAlarms(self.clock),
            draw=lambda: self.draws.pop(0) if self.draws else 0.5,
            registry=self.registry(),
            capacity=self.capacity,
            look=self.look_at,
            measure=self.measure,
        )
        engine = Engine(self.paths, chosen, ports)
        self.engines.append(engine)
        await (engine.start() if dispatch else engine.start_without_claims())
        return engine

    @property
    def engine(self) -> Engine:
        return self.engines[-1]

    @property
    def control(self) -> LocalControl:
        return LocalControl(self.engine)

    async def stop(self, engine: Engine | None = None, *, kill: bool = False) -> None:
        """Stop an engine; its graces pass at once."""
        stopping = engine or self.engine
        self._let_go()
        stopping.stop(StopMode.KILL if kill else StopMode.STOP)
        looks = count()
        while not stopping._stopped.is_set():
            # Its rounds do not keep it; each second of them costs as much as the whole stop.
            if next(looks) >= _LOOKS or self._is_waited_for():
                self.clock.advance(seconds=1)
            await ticks(3)
            # Not as fast as it can: an engine that is slow to stop would be days older.
            await asyncio.sleep(LOOK)

    def _has_outputs(self) -> bool:
        return self.paths.output.is_dir() and any(self.paths.output.iterdir())

    def _is_waited_for(self) -> bool:
        """Tell whether a moment of the clock is waited for that is no alarm's."""
        alarms = [engine._ports.alarms for engine in self.engines]
        armed = sum(len(one.armed) for one in alarms if isinstance(one, ManualAlarms))
        return len(self.clock.pending()) > armed

    async def close(self) -> None:
        """Stop everything, end every child, recount and fold."""
        self.steer.release()
        stores = {engine._owner.store_id for engine in self.engines}
        for engine in self.engines:
            await within(self.stop(engine, kill=True), "an engine stops at the end of its test")
        for store in stores if self._has_outputs() else ():
            for ref in self.rows("SELECT DISTINCT task_id, epoch FROM attempt"):
                mark = f"{MARK}={store}:{ref[0]}:{ref[1]}"
                if (self.paths.output / str(ref[0])).exists():
                    host.kill_family(None, mark)
        self._let_go()
        found = [one for one in findings_of(self.paths.db) if one.code not in self.spoiled]
        assert not found, found

    # What is asked

    async def submit(self, *tasks: Mapping[str, Any], **more: Any) -> int:
        """Submit a document of these tasks (or of `stages`); return the id of its job."""
        params = more.pop("given", {})
        document: dict[str, Any] = {"name": "work", **more}
        if tasks:
            document["tasks"] = list(tasks)
        return (await self.control.submit(document, params)).job_id

    async def finish(self, *tasks: Mapping[str, Any], **more: Any) -> JobResult:
        """Submit and wait for the end."""
        return await self.ended(await self.submit(*tasks, **more))

    async def ended(self, job_id: int) -> JobResult:
        return await within(self.control.wait_job(job_id), f"job {job_id} ends: {self.states(job_id)}")

    async def settle(self, engine: Engine | None = None) -> None:
        """Return when nothing goes on that needs no time, no release and no child."""
        one = engine or self.engine
        while True:
            before = self.last_event()
            for _ in range(5):
                await one.journal.settle()
                await ticks(5)
            if not is_at_work(one) and self.last_event() == before:
                return
            await asyncio.to_thread(os.sched_yield)

    async def until(self, condition: Callable[[], object], story: str) -> None:
        await until(condition, story)

    async def running(self, *keys: str) -> None:
        """Return when calls of these tasks are under way."""
        await until(lambda: all(self.steer.active[key] for key in keys), f"{keys} are running")

    async def reach(self, job_id: int, key: str, status: str) -> None:
        """Return when a task, which may yet have to be made, has this status."""
        await until(
            lambda: self.states(job_id).get(key) == status,
            f"task {key} becomes {status}: {self.states(job_id)}",
        )

    # What is seen

    def rows(self, sql: str, *args: object) -> list[tuple]:
        """Read the store as it is now, beside the engine."""
        if self._reader is None:
            # Kept: most of what a look takes is to read the schema.
            self._reader = sqlite3.connect(f"file:{self.paths.db}?mode=ro", uri=True, isolation_level=None)
        return self._reader.execute(sql, args).fetchall()

    def set_aside(self) -> str:
        """Return all that the engine has set aside; of a broken store, upkeep that came meanwhile, too."""
        return "; ".join(f"{what}: {why}" for what, why in self.engine._set_aside._messages.items())

    def _let_go(self) -> None:
        """Let an engine be the last that closes the store."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def last_event(self) -> int:
        return self.rows("SELECT coalesce(max(id), 0) FROM event")[0][0]

    def states(self, job_id: int) -> dict[str, str]:
        """Return the status of each task of a job by key."""
        return dict(self.rows("SELECT key, status FROM task WHERE job_id = ? ORDER BY id", job_id))

    def job_status(self, job_id: int) -> str:
        return self.rows("SELECT status FROM job WHERE id = ?", job_id)[0][0]

    def task_id(self, job_id: int, key: str) -> int:
        return self.rows("SELECT id FROM task WHERE job_id = ? AND key = ?", job_id, key)[0][0]

    def target(self, job_id: int, *keys: str) -> Target:
        return Target(task_ids=tuple(self.task_id(job_id, key) for key in keys))

    async def look(self, job_id: int, key: str) -> TaskDetail:
        return await self.control.task(self.task_id(job_id, key))

    async def code(self, job_id: int, key: str) -> str | None:
        """Return the code of a task's error."""
        error = (await self.look(job_id, key)).task.error
        return None if error is None else str(error["code"])

    def history(self, job_id: int, key: str) -> list[str]:
        """Return the kinds of a task's events in order, without its birth."""
        rows = self.rows(
            "SELECT kind FROM event WHERE task_id = ? AND kind != 'task.created' ORDER BY id",
            self.task_id(job_id, key),
        )
        return [kind for (kind,) in rows]

    def attempts(self, job_id: int, key: str) -> list[str]:
        """Return how the attempts of a task stand, in order."""
        rows = self.rows(
            "SELECT status FROM attempt WHERE task_id = ? ORDER BY epoch", self.task_id(job_id, key)
        )
        return [status for (status,) in rows]

    def open_attempts(self) -> int:
        return self.rows("SELECT count(*) FROM attempt WHERE status = 'running'")[0][0]
