"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class Timer:
    """One callback that waits for its moment; `cancel` calls it off."""

    at: int
    number: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """Implements `core.model.ports.Clock`; time moves by `advance` alone."""

    def __init__(self, now: int = 1_000_000) -> None:
        self._now = now
        self._numbers = itertools.count()
        self._timers: list[Timer] = []

    def now(self) -> int:
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self._now + round(seconds * 1000), next(self._numbers), callback)
        heapq.heappush(self._timers, timer)
        return timer

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: woken.done() or woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    def advance(self, *, ms: int = 0, seconds: float = 0, minutes: float = 0) -> None:
        """Move on, and ring every timer on the way in order, each at its own moment."""
        target = self._now + ms + round((seconds + 60 * minutes) * 1000)
        while self._timers and self._timers[0].at <= target:
            timer = heapq.heappop(self._timers)
            self._now = max(self._now, timer.at)
            if not timer.cancelled:
                timer.callback()
        self._now = target

    @property
    def waiting(self) -> int:
        """How many timers are still to ring."""
        return sum(not timer.cancelled for timer in self._timers)
