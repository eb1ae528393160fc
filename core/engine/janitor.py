"""Periodic repair: hold outputs below their caps, and claims back while the disk is full."""

from __future__ import annotations

import asyncio

from core.config import Settings
from core.engine.dispatcher import Dispatcher
from core.executors.child import ChildExecutor
from core.logs import get_logger
from core.model.ports import Alarms

TRIM_SECONDS = 2.0
ROOM_SECONDS = 15.0
FREE_BYTES = 64 * 2**20
"""Room that must be left on the disk for anything to be claimed."""

_log = get_logger(__name__)


class Janitor:
    """Small chores on alarms; each run ends before the next begins."""

    def __init__(self, dispatcher: Dispatcher, children: ChildExecutor, *, settings: Settings) -> None:
        self._dispatcher = dispatcher
        self._children = children
        self._quota = settings.output_quota
        self._chore: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._full = False

    def start(self, alarms: Alarms) -> None:
        """Begin the chores."""
        alarms.every("trim", TRIM_SECONDS, self._trim)
        alarms.every("room", ROOM_SECONDS, self._look_for_room)

    def _trim(self) -> None:
        if self._children.living and (self._chore is None or self._chore.done()):
            self._chore = asyncio.get_running_loop().create_task(self._children.trim())

    def _look_for_room(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        outputs = self._children.outputs
        room = await asyncio.to_thread(outputs.has_room, free=FREE_BYTES, quota=self._quota)
        if room == (not self._full):
            return
        self._full = not room
        if self._full:
            _log.warning("no room for outputs: nothing is claimed", quota=self._quota, free=FREE_BYTES)
            self._dispatcher.close("room")
        else:
            _log.info("room for outputs again")
            self._dispatcher.reopen("room")
