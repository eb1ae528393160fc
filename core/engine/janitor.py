"""Janitor: periodic repair; caps outputs, stops claims while the disk is full.

Run by the engine.
"""

from __future__ import annotations

import asyncio

from core.config import Settings
from core.engine.dispatcher import Dispatcher
from core.engine.shortage import Closed
from core.executors.child import ChildExecutor
from core.logs import get_logger
from core.model.ports import Alarms

TRIM_SECONDS = 2.0
ROOM_SECONDS = 15.0
FREE_BYTES = 64 * 2**20
"""Free bytes of the disk below which nothing is claimed."""

_log = get_logger(__name__)


class Janitor:
    """Periodic jobs on alarms; each run ends before the next begins."""

    def __init__(self, dispatcher: Dispatcher, children: ChildExecutor, *, settings: Settings) -> None:
        self._dispatcher = dispatcher
        self._children = children
        self._quota = settings.output_quota
        self._trimming: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._full = False

    def start(self, alarms: Alarms) -> None:
        """Arm the alarms."""
        alarms.every("trim", TRIM_SECONDS, self._trim)
        alarms.every("room", ROOM_SECONDS, self._measure_room)

    def _trim(self) -> None:
        if self._children.living and (self._trimming is None or self._trimming.done()):
            self._trimming = asyncio.get_running_loop().create_task(self._children.trim())

    def _measure_room(self) -> None:
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.get_running_loop().create_task(self._measure())

    async def _measure(self) -> None:
        outputs = self._children.outputs
        room = await asyncio.to_thread(outputs.has_room, free=FREE_BYTES, quota=self._quota)
        if room == (not self._full):
            return
        self._full = not room
        if self._full:
            _log.warning("no room for outputs: nothing is claimed", quota=self._quota, free=FREE_BYTES)
            self._dispatcher.close(Closed.ROOM)
        else:
            _log.info("room for outputs again")
            self._dispatcher.reopen(Closed.ROOM)
