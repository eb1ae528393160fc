"""The wall clock of a running engine.

Made by `core.app.hosting`, handed to the engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from core.model.ports import Handle


class SystemClock:
    """Time of this machine; `now` never falls, even when the clock of the machine is set back."""

    def __init__(self) -> None:
        self._latest = 0

    def now(self) -> int:
        """Return the moment in ms UTC."""
        self._latest = max(self._latest, time.time_ns() // 1_000_000)
        return self._latest

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Handle:
        """Call back once on the running loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        await asyncio.sleep(seconds)
