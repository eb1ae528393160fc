"""Janitor: repairs rows, caps outputs, closes claims without room.

Run by the engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial

from core.config import Settings
from core.engine.attempts.runner import Runner
from core.engine.background import BackgroundTasks
from core.engine.dispatcher import Dispatcher
from core.engine.housekeeping.output_quota import Made
from core.engine.housekeeping.purging import Purging
from core.engine.housekeeping.repairs import Repairs
from core.engine.housekeeping.retention import Retention
from core.engine.set_aside import Note
from core.engine.shortage import Closed
from core.executors.child import ChildExecutor
from core.executors.room import Room
from core.model.ports import Alarms, Clock

TRIM_SECONDS = 2.0
HEALTH_MS = 15_000
"""Between two samples of health at the least."""
ROOM_SECONDS = 1.0
"""Between two looks at the room that is left; cheap, since only what is new is counted."""
WALK_MS, WALK_AGAIN_MS, WALK_SHARE = 1_800_000, 3_000, 10
"""Between two walks through all outputs: while there is room, and while they are over their quota; at the
least so many times as long as the last one took."""
REPAIR_SECONDS = 1_800.0
RECOUNT_MS = 5_000
"""After the start: all events are read for it, which must not keep the first claims and screens waiting."""
ASIDE_SECONDS = 60.0
"""Between two tries to write ends that the store did not take."""
REST_MS = 1_000
"""How long an engine has nothing to do before it looks for jobs that should go on."""
APART_MS = 60_000
"""Between two looks at the least."""
LEAST = Room(free_bytes=64 * 2**20, free_files=1_000)
"""Room on the disk with less of which nothing is claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What the rounds of a janitor work on, and who hears of their errors."""

    dispatcher: Dispatcher
    runner: Runner
    children: ChildExecutor
    repairs: Repairs
    purging: Purging
    retention: Retention
    note: Note
    health: Callable[[], Coroutine[None, None, None]]
    """Measures how the machine and the engine do."""


class Janitor:
    """Periodic rounds on alarms; each round ends before the next of its kind begins."""

    def __init__(self, rounds: Rounds, *, settings: Settings, clock: Clock, alarms: Alarms) -> None:
        self._dispatcher = rounds.dispatcher
        self._runner = rounds.runner
        self._children = rounds.children
        self._repairs = rounds.repairs
        self._purging = rounds.purging
        self._retention = rounds.retention
        self._note = rounds.note
        self.quota = settings.output_quota
        """Bytes of output that are kept."""
        self._health = rounds.health
        self._health_at = 0
        self._clock = clock
        self._alarms = alarms
        self._made = Made.ENOUGH
        self._work = BackgroundTasks()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._swept_at = 0
        self._walk_at: int | None = None
        """When all outputs are counted again; None while they are."""
        self._walked_at = self._rest = 0

    async def start(self) -> None:
        """Repair what a former engine left, then arm the alarms."""
        every = self._alarms.every
        every("trim", TRIM_SECONDS, self._trim)
        every("room", ROOM_SECONDS, self._measure_room)
        every("repair", REPAIR_SECONDS, self._repair)
        every("set aside", ASIDE_SECONDS, self._try_set_aside)
        self._repair()
        await asyncio.wait(self._running.values())
        self._alarms.arm("recount", self._clock.now() + RECOUNT_MS, self._recount)
        # Not waited for: many outputs take long to count.
        self._walk_at = self._clock.now()
        self._measure_room()
        self._begin("purges", self._purging.resume)
        self._retention.start()

    def rest(self) -> None:
        """Look soon for a job that should go on: the engine has nothing to do. Nothing before `start`."""
        if not self._running:
            return
        at = max(self._clock.now() + REST_MS, self._swept_at + APART_MS)
        self._alarms.arm("rest", at, self._repair)

    async def end(self) -> None:
        """End the rounds that are under way, once no alarm begins another one."""
        await self._work.end()
        await self._retention.end()

    def _trim(self) -> None:
        if self._children.living:
            self._begin("output caps", self._children.trim)

    def _measure_room(self) -> None:
        self._begin("free room", self._measure)
        now = self._clock.now()
        if now >= self._health_at:
            self._health_at = now + HEALTH_MS
            self._begin("health", self._health)

    def _try_set_aside(self) -> None:
        if self._runner.has_set_aside:
            self._begin("ends that were set aside", self._runner.try_set_aside)

    def _repair(self) -> None:
        self._swept_at = self._clock.now()
        self._begin("repairs", self._repairs.run)

    def _recount(self) -> None:
        self._begin("recounts", self._repairs.recount)

    def _begin(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        running = self._running.get(name)
        if running is None or running.done():
            self._running[name] = self._work.start(work(), partial(self._ended, name))

    def _ended(self, name: str, done: asyncio.Task[None]) -> None:
        if not done.cancelled():
            self._note(f"the round for {name}", done.exception())

    async def _measure(self) -> None:
        while await self._look_for_room():
            pass

    async def _look_for_room(self) -> bool:
        """Open or close the claims; return whether more room is to be made at once."""
        outputs = self._children.outputs
        await asyncio.to_thread(outputs.use.measure, self._runner.open)
        if self._walk_at is not None and self._walk_at <= self._clock.now():
            self._begin("outputs", self._walk)
        shortage = await asyncio.to_thread(outputs.shortage, LEAST, quota=self.quota)
        is_full = shortage is not None and shortage.code == "output.quota"
        if is_full or self._made is Made.MORE:
            self._made = await self._retention.make_room(self.quota)
        if is_full:
            # Claims stay open while there is something to remove.
            shortage = outputs.over(self.quota) if self._made is Made.NOTHING else None
        if shortage is None:
            self._dispatcher.reopen(Closed.ROOM)
        else:
            self._dispatcher.close(Closed.ROOM, shortage)
        if shortage is not None and self._walk_at is not None and shortage.code == "output.quota":
            # An operator may have removed some by hand.
            self._walk_at = min(self._walk_at, self._walked_at + max(WALK_AGAIN_MS, self._rest))
        return self._made is Made.MORE

    async def _walk(self) -> None:
        use, begun = self._children.outputs.use, time.monotonic()
        self._walk_at = None
        use.begin_walk(self._runner.open)
        try:
            await asyncio.to_thread(use.walk)
            use.end_walk()
        finally:
            self._rest = round(WALK_SHARE * 1_000 * (time.monotonic() - begun))
            self._walked_at = self._clock.now()
            self._walk_at = self._walked_at + max(WALK_MS, self._rest)
        self._measure_room()
