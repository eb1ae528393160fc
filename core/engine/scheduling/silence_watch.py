"""SilenceWatch: tells once of a schedule or workflow without success in time.

Owned by the loop of schedules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from core.model.commands.schedules import MissExpectations
from core.model.commands.work import Command
from core.model.ports import Alarms, Clock

KINDS = frozenset({"expectation.set", "expectation.met"})
"""Events after which another expectation may be the first to be overdue."""
_ALARM = "expectations"


class Expected(Protocol):
    """Where expectations are read: the store's reports."""

    async def overdue(self, now: int) -> tuple[int, ...]:
        """Return expectations that are overdue (engine time) and were not told of."""


class MissJournal(Protocol):
    """Where silence is told: the journal."""

    def submit(self, command: Command[int]) -> asyncio.Future[int]:
        """Carry a command out."""


class SilenceWatch:
    """Tells of what is overdue, and arms the alarm of what will be.

    Overdue is measured in engine time: no setting of the machine's clock makes a schedule silent.
    """

    def __init__(self, expected: Expected, journal: MissJournal, *, clock: Clock, alarms: Alarms) -> None:
        self._expected = expected
        self._journal = journal
        self._clock = clock
        self._alarms = alarms

    async def tell(self) -> None:
        """Tell of what is overdue."""
        overdue = await self._expected.overdue(self._clock.now())
        if overdue:
            await self._journal.submit(MissExpectations(ids=overdue))

    def arm(self, due_at: int | None, again: Callable[[], None]) -> None:
        """Let `again` be called when the next one will be overdue (engine time)."""
        if due_at is not None:
            self._alarms.arm(_ALARM, due_at, again)

    def close(self) -> None:
        """Look no more."""
        self._alarms.disarm(_ALARM)
