"""Failure families: failures of one kind, counted together.

Made by the store; shown by Pulse, the screen of failures and the command `failures`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from core.model.outcomes import error_line

HOUR = 3_600_000
"""How many ms of failures are counted together."""
HOURS = 24
"""How many hours a trend goes back."""


class Family(NamedTuple):
    """What failures of one kind have in common; `pattern` is their message without what differs."""

    id: str
    code: str
    pattern: str


class FamilyState(StrEnum):
    """What there is to do about a family."""

    FAILING = "failing"
    """Tasks of it have failed or wait for another attempt."""
    ACKNOWLEDGED = "acknowledged"
    """An operator knows: it is not counted as failed until it returns, or its time is over."""
    RETURNED = "returned"
    """It was acknowledged and failed again."""
    OVER = "over"
    """No task of it fails now."""


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """Who said that a family is known; times in ms UTC."""

    by: str
    at: int
    reason: str | None
    until: int | None
    """None = until it returns."""
    since: int
    """Failures since then."""


class FamilyView(Struct, frozen=True, kw_only=True):
    """A failure family as readers see it; times in ms UTC."""

    id: str
    """Empty for tasks that failed before families were counted; they are put together by code."""
    state: FamilyState
    code: str
    pattern: str
    message: str
    """That of the newest failure."""
    failed: int
    """Tasks that failed so and stay failed."""
    retrying: int
    """Tasks that wait for another attempt."""
    jobs: int
    """Jobs of those tasks; loose tasks have none."""
    failures: int
    """Attempts that ended so, ever."""
    first_at: int
    last_at: int
    newest_task: int
    trend: tuple[int, ...]
    """Failures in each of the last `HOURS` hours, oldest first, the last one under way."""
    acknowledged: Acknowledgement | None = None
    known: int = 0
    """Failed tasks that an operator has acknowledged; once it has returned, not those that came since."""

    @property
    def line(self) -> str:
        """Return code and message of the newest failure."""
        return error_line({"code": self.code, "message": self.message})

    @property
    def tasks(self) -> int:
        """Return how many tasks fail so now."""
        return self.failed + self.retrying


class FamilyScope(StrEnum):
    """Which families a list holds."""

    FAILING = "failing"
    """Those that have failed or retrying tasks."""
    ALL = "all"


class FamilyList(Struct, frozen=True, kw_only=True):
    """Families: what is not acknowledged first, then by number of tasks."""

    families: tuple[FamilyView, ...]
    tasks: int
    """Failed and retrying tasks of all that were looked at."""
    searched: int | None
    """How many families, those that failed last, were looked at, if not all."""
    known: int = 0
    """Failed tasks of them that operators have acknowledged."""
