"""A clock that only moves when told, and alarms on it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from core.model.ports import SavedTime

START = 1_750_000_000_000
"""Where a manual clock begins, ms UTC."""


def saved(now: int, boot: str = "boot") -> SavedTime:
    """Return the engine time of a store whose wall clock was never set."""
    return SavedTime(now=now, offset=0, boot_at=0, boot_id=boot)


class Timer:
    """A callback that waits for its moment."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    @property
    def waits(self) -> bool:
        return self._callback is not None


class ManualClock:
    """A Clock that stands still until `advance`; what is due on the way is called in order."""

    def __init__(self, start: int = START) -> None:
        self._now = start
        self.offset = 0
        self._target = start
        self._order = itertools.count()
        self._timers: list[tuple[int, int, Timer]] = []

    def now(self) -> int:
        return self._now

    @property
    def target(self) -> int:
        """Where the move that is under way leads; now, if none is."""
        return max(self._now, self._target)

    @property
    def wall(self) -> int:
        """What the wall clock shows, ms UTC."""
        return self._now - self.offset

    def set_wall(self, by: int) -> None:
        """Set the wall clock forward by so many ms, or back."""
        self.offset -= by

    def resume(self, saved: SavedTime | None) -> None:
        """Time goes on by itself from one engine to the next."""

    def saved(self) -> SavedTime:
        return SavedTime(now=self._now, offset=self.offset, boot_at=0, boot_id="test")

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return self.call_at(self._now + round(seconds * 1000), callback)

    def call_at(self, at: int, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        if at <= self._now:
            asyncio.get_running_loop().call_soon(timer.fire)
        else:
            heapq.heappush(self._timers, (at, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def ring() -> None:
            if not over.done():
                over.set_result(None)

        timer = self.call_later(seconds, ring)
        try:
            await over
        finally:
            timer.cancel()

    def advance(self, *, ms: int = 0, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Move on; timers see the moment they asked for."""
        self._target = self._now + ms + round(1000 * (seconds + 60 * (minutes + 60 * hours)))
        while self._timers and self._timers[0][0] <= self._target:
            at, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, at)
            timer.fire()
        self._now = self._target

    def leap(self, *, ms: int) -> None:
        """Move on as for a machine that slept: what was due meanwhile is called when it wakes."""
        self._now += ms
        self.advance()

    def pending(self) -> list[int]:
        """Return how far ahead the timers are that still wait, in ms, rising."""
        return sorted(at - self._now for at, _, timer in self._timers if timer.waits)


class ManualAlarms:
    """The Alarms port on a manual clock; `armed` tells when each alarm is due."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._timers: dict[str, Timer] = {}
        self.armed: dict[str, int] = {}
        self.stopped = False

    def arm(self, name: str, at: int, callback: Callable[[], None]) -> None:
        self.disarm(name)

        def ring() -> None:
            self._timers.pop(name, None)
            self.armed.pop(name, None)
            callback()

        if not self.stopped:
            self.armed[name] = at
            self._timers[name] = self._clock.call_at(at, ring)

    def every(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        period = round(seconds * 1000)

        def ring() -> None:
            # A move over many periods is the sleep of a machine: what was due meanwhile comes once.
            missed = (self._clock.target - self._clock.now()) // period
            self.arm(name, self._clock.now() + max(1, missed) * period, ring)
            callback()

        self.arm(name, self._clock.now() + period, ring)

    def disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        self.armed.pop(name, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        self.stopped = True
        for name in list(self._timers):
            self.disarm(name)
