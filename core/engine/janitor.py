"""Janitor: repairs rows, caps outputs, closes claims without room.

Run by the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial

from core.config import Settings
from core.engine.dispatcher import Dispatcher
from core.engine.repairs import Repairs
from core.engine.set_aside import Note
from core.engine.shortage import Closed
from core.executors.child import ChildExecutor
from core.model.ports import Alarms, Clock

TRIM_SECONDS = 2.0
ROOM_SECONDS, AGAIN_SECONDS = 15.0, 3.0
"""Between two measurements: while there is room, and while there is none."""
REPAIR_SECONDS = 1_800.0
RECOUNT_MS = 5_000
"""After the start: all events are read for it, which must not keep the first claims and screens waiting."""
REST_MS = 1_000
"""How long an engine has nothing to do before it looks for jobs that should go on."""
APART_MS = 60_000
"""Between two looks at the least."""
FREE_BYTES = 64 * 2**20
"""Free bytes of the disk below which nothing is claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What the rounds of a janitor work on, and who hears of their errors."""

    dispatcher: Dispatcher
    children: ChildExecutor
    repairs: Repairs
    note: Note


class Janitor:
    """Periodic rounds on alarms; each round ends before the next of its kind begins."""

    def __init__(self, rounds: Rounds, *, settings: Settings, clock: Clock, alarms: Alarms) -> None:
        self._dispatcher = rounds.dispatcher
        self._children = rounds.children
        self._repairs = rounds.repairs
        self._note = rounds.note
        self._quota = settings.output_quota
        self._clock = clock
        self._alarms = alarms
        self._running: dict[str, asyncio.Task[None]] = {}
        self._swept_at = 0
        self._is_full = False

    async def start(self) -> None:
        """Repair what a former engine left, then arm the alarms."""
        every = self._alarms.every
        every("trim", TRIM_SECONDS, self._trim)
        every("room", ROOM_SECONDS, self._measure_room)
        every("room again", AGAIN_SECONDS, self._measure_again)
        every("repair", REPAIR_SECONDS, self._repair)
        self._repair()
        await asyncio.wait(self._running.values())
        self._alarms.arm("recount", self._clock.now() + RECOUNT_MS, self._recount)
        # Not waited for: many outputs take long to count.
        self._measure_room()

    def rest(self) -> None:
        """Look soon for a job that should go on: the engine has nothing to do. Nothing before `start`."""
        if not self._running:
            return
        at = max(self._clock.now() + REST_MS, self._swept_at + APART_MS)
        self._alarms.arm("rest", at, self._repair)

    def _trim(self) -> None:
        if self._children.living:
            self._begin("output caps", self._children.trim)

    def _measure_room(self) -> None:
        self._begin("free room", self._measure)

    def _measure_again(self) -> None:
        if self._is_full:
            self._measure_room()

    def _repair(self) -> None:
        self._swept_at = self._clock.now()
        self._begin("repairs", self._repairs.run)

    def _recount(self) -> None:
        self._begin("recounts", self._repairs.recount)

    def _begin(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        running = self._running.get(name)
        if running is None or running.done():
            self._running[name] = asyncio.get_running_loop().create_task(work())
            self._running[name].add_done_callback(partial(self._ended, name))

    def _ended(self, name: str, done: asyncio.Task[None]) -> None:
        if not done.cancelled():
            self._note(f"the round for {name}", done.exception())

    async def _measure(self) -> None:
        measure = self._children.outputs.shortage
        shortage = await asyncio.to_thread(measure, free=FREE_BYTES, quota=self._quota)
        self._is_full = shortage is not None
        if shortage is None:
            self._dispatcher.reopen(Closed.ROOM)
        else:
            self._dispatcher.close(Closed.ROOM, shortage)
