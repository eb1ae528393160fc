"""Shortage: claims pause, ever longer, while the machine lacks something.

Told by the runner, carried out by the dispatcher.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from core.engine.pauses import GrowingPause
from core.model.errors import MachineShort, TaskdeckError
from core.model.ports import Alarms, AttemptRef, Clock

_ALARM = "short"


class Closed(StrEnum):
    """Why nothing is claimed."""

    STOPPING = "stopping"
    """The engine stops or drains."""
    STORE = "store"
    """The store could not write; it is tried again."""
    ROOM = "room"
    """The disk is full, or the outputs are above their quota."""
    SHORT = "short"
    """The machine lacks something that every start needs; it is tried again."""


class Claims(Protocol):
    """What closes and opens the claims."""

    def close(self, reason: Closed, error: TaskdeckError | None = None, *, until: int | None = None) -> None:
        """Claim nothing more, for this reason."""

    def retry(self, reason: Closed) -> None:
        """Claim a little, to see whether the reason still stands."""

    @property
    def has_claimed(self) -> bool:
        """Whether a batch has looked for something to claim since the last `retry`."""

    def reopen(self, reason: Closed) -> None:
        """Take one reason back."""


class Shortage:
    """What starts report: a shortage closes the claims for a pause, then one task is tried."""

    def __init__(self, clock: Clock, alarms: Alarms) -> None:
        self._clock = clock
        self._alarms = alarms
        self._claims: Claims | None = None
        self._pauses = GrowingPause()
        self._pause = 0
        """The one that stands, or stood last, ms."""
        self._until: int | None = None
        self._trying = False
        self._starts: set[AttemptRef] = set()
        """Attempts that begin, and of which is not known yet whether they can."""

    def control(self, claims: Claims) -> None:
        """Name what is closed and opened; before that nothing starts."""
        self._claims = claims

    def begin(self, ref: AttemptRef) -> None:
        """Hear that an attempt begins; until it is settled a shortage is not taken for over."""
        self._starts.add(ref)

    def settle(self, ref: AttemptRef) -> None:
        """Hear that an attempt has begun, or has ended; what it says of a shortage is known."""
        self._starts.discard(ref)

    def report(self, error: MachineShort) -> None:
        """Close the claims: a start failed for want of something, and its task is not to blame."""
        if self._claims is None:
            return
        # Those claimed at the same moment fail together: that is one shortage, not a longer one.
        if self._until is None or self._trying:
            self._pause = self._pauses.next()
            self._trying = False
            self._until = self._clock.now() + self._pause
            self._alarms.arm(_ALARM, self._until, self._try)
        self._claims.close(Closed.SHORT, error, until=self._until)

    def passed(self, ref: AttemptRef) -> None:
        """Hear that a process was started."""
        self.settle(ref)
        if self._trying:
            self._end()

    def prove(self) -> None:
        """Hear that a process ran: the next shortage is another one, and its pauses begin again."""
        if self._until is None:
            self._pauses.reset()

    def _try(self) -> None:
        self._trying = True
        self._alarms.arm(_ALARM, self._clock.now() + self._pause, self._end_unshown)
        if self._claims is not None:
            self._claims.retry(Closed.SHORT)

    def _end_unshown(self) -> None:
        """Take it for over where nothing is queued that could show it; what begins may take its time."""
        if self._starts or (self._claims is not None and not self._claims.has_claimed):
            self._alarms.arm(_ALARM, self._clock.now() + self._pause, self._end_unshown)
            return
        self._end()
        self._pauses.reset()

    def _end(self) -> None:
        self._alarms.disarm(_ALARM)
        self._trying, self._until = False, None
        if self._claims is not None:
            self._claims.reopen(Closed.SHORT)
