"""Engine time, which no setting of the machine's clock can move.

Made by `core.app.hosting`, handed to the engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from core.host import boot_id
from core.model.ports import Handle, SavedTime

STEP_MS = 500
"""How far the wall clock may stray before it counts as set; shown times are at most so far off."""


def wall_ms() -> int:
    """Return the wall clock of this machine in ms UTC."""
    return time.time_ns() // 1_000_000


def boot_ms() -> int:
    """Return the ms since the boot of this machine, its sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class SystemClock:
    """Engine time of this machine: the time since its boot, and how far that is from the wall clock.

    It begins with the wall clock and leaves it only where that is set. While the machine is off nothing
    but the wall clock counts, so a new boot goes on by it, forward alone.
    """

    def __init__(self, *, wall: Callable[[], int] = wall_ms, since_boot: Callable[[], int] = boot_ms) -> None:
        self._wall = wall
        self._since_boot = since_boot
        self._boot_at = wall() - since_boot()
        self._latest = 0
        self.offset = 0

    def resume(self, saved: SavedTime | None) -> None:
        """Go on from what the last engine of the store saved."""
        if saved is None:
            return
        now = self._since_boot()
        same = saved.boot_id == boot_id()
        begun = saved.boot_at if same else self._wall() + saved.offset - now
        # Never back: neither by a clock that lost its battery nor by a time namespace.
        self._boot_at = max(begun, saved.now - now)
        self._latest = saved.now
        self.offset = saved.offset

    def now(self) -> int:
        """Return engine time in ms."""
        now = self._boot_at + self._since_boot()
        if self._strays(now):
            # Read both again: the process may have been stopped between the two readings.
            now = self._boot_at + self._since_boot()
            if self._strays(now):
                self.offset = now - self._wall()
        self._latest = max(self._latest, now)
        return self._latest

    def saved(self) -> SavedTime:
        """Return what the next engine of the store goes on from."""
        now = self.now()
        return SavedTime(now=now, offset=self.offset, boot_at=self._boot_at, boot_id=boot_id())

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Handle:
        """Call back once on the running loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        await asyncio.sleep(seconds)

    def _strays(self, now: int) -> bool:
        return abs(now - self._wall() - self.offset) > STEP_MS
