"""History: the places shown before, with back and forward.

Used by the navigator and the screens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from core.filters.terms import Filter
from core.model.views import LogStream


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """A line in what an attempt wrote."""

    task_id: int
    epoch: int
    stream: LogStream
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeRef:
    """A limit under one of its keys."""

    limit: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The jobs at an earlier moment (ms UTC), or the tasks that a job had then."""

    at: int
    job_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMoment:
    """A job as it stood after an event; the way from event to event leaves out what is noisier."""

    job_id: int
    event: int
    noise: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPair:
    """Two jobs to compare; without the other one, the job before of the same name."""

    after: int
    before: int | None = None


Subject: TypeAlias = int | str | Filter | LogPlace | AsOf | GaugeRef | JobMoment | JobPair
"""What a place shows: an id, the name of a queue, rows that a filter finds, a line of an output, a moment,
two jobs."""
LONGEST = 100
"""Places that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place and its subject, and the root it was opened from; a root itself has no subject."""

    root: str
    place: str
    subject: Subject | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is a screen of its own."""
        return self.place == self.root and self.subject is None


class History:
    """`[` goes back, `]` forward, backtick to the previous place and back again."""

    def __init__(self) -> None:
        self._spots: list[Spot] = []
        self._at = -1
        self._before: Spot | None = None

    def went(self, spot: Spot) -> None:
        """Add the place that is shown now; places ahead are dropped, unless the history led here."""
        if self._at >= 0 and self._spots[self._at] == spot:
            return
        if self._at >= 0:
            self._before = self._spots[self._at]
        self._spots = [*self._spots[: self._at + 1], spot][-LONGEST:]
        self._at = len(self._spots) - 1

    def step(self, by: int) -> Spot | None:
        """Move by so many places, at most to the end; None = there is nothing on that side."""
        at = max(0, min(len(self._spots) - 1, self._at + by))
        if at == self._at or not self._spots:
            return None
        self._before, self._at = self._spots[self._at], at
        return self._spots[at]

    def previous(self) -> Spot | None:
        """Return the place shown before this one."""
        return self._before
