"""Shrinking: gives free pages of the store back, in steps.

Run by the engine's retention after each pass.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from core.model.commands.purges import Shrink
from core.model.disk import LEAST_PAGES, StoreRoom
from core.store.journal import Journal

REST = 4.0
"""How many times as long as a step took it rests after it."""
BUSY_SECONDS = 1.0
"""How long it rests while tasks run: a step takes some milliseconds of the writer."""
LONGEST = 1_800.0
"""After so many seconds the next pass goes on."""


class RoomFacts(Protocol):
    """What the store says: its reports."""

    async def room(self) -> StoreRoom:
        """Return how many pages of the file are free."""


class Shrinking:
    """Make the file of a store smaller once a tenth of it is free; some of that stays for new rows."""

    def __init__(self, journal: Journal, facts: RoomFacts, is_busy: Callable[[], bool]) -> None:
        self._journal = journal
        self._facts = facts
        self._is_busy = is_busy

    async def run(self) -> None:
        """Give back what is free, in commits of its own beside all other work."""
        room = await self._facts.room()
        if not (room.is_shrinking and room.is_worth_it):
            return
        left, end = room.unused, time.monotonic() + LONGEST
        while left > LEAST_PAGES and time.monotonic() < end:
            begun = time.monotonic()
            left = await self._journal.submit(Shrink())
            rest = REST * (time.monotonic() - begun)
            await asyncio.sleep(max(rest, BUSY_SECONDS) if self._is_busy() else rest)
