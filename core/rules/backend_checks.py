"""Decide what a check says of its backend, look by look.

Called by the engine for each look.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.model.backend_checks import CheckStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.model.backend_checks import Check, Look

FLAPPING_MS = 600_000
"""A fall counts so long for how many answers make a backend up again."""
DAMPING_MOST = 16
"""So many times `rise` at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a check says, and what its last looks say in a row; `falls` = when it went down (engine time)."""

    status: CheckStatus = CheckStatus.UNKNOWN
    toward: CheckStatus | None = None
    """What the last looks say, where that is not the status."""
    seen: int = 0
    falls: tuple[int, ...] = ()


def verdict_of(look: Look, check: Check) -> CheckStatus:
    """Return what one look says by itself."""
    if not look.answered:
        return CheckStatus.DOWN
    is_slow = check.slow_ms is not None and look.took_ms > check.slow_ms
    return CheckStatus.SLOW if is_slow else CheckStatus.UP


def needed(standing: Standing, verdict: CheckStatus, check: Check, *, now: int) -> int:
    """Return how many looks in a row bring a backend from its status to another.

    Each fall within the last ten minutes but one doubles what makes it up again: a backend that flaps is
    down for longer, and says so less often.
    Source: the penalty of route flap damping, RFC 2439, in whole steps.
    """
    if standing.status is CheckStatus.UNKNOWN and verdict is not CheckStatus.DOWN:
        return 1
    if verdict is CheckStatus.DOWN:
        return check.fall
    if standing.status is not CheckStatus.DOWN:
        return check.rise if verdict is CheckStatus.UP else check.fall
    falls = len(_recent(standing.falls, now))
    return int(check.rise * min(2 ** max(0, falls - 1), DAMPING_MOST))


def observe(standing: Standing, look: Look, check: Check, *, now: int) -> Standing:
    """Return how a backend stands after one more look; `now` is engine time in ms."""
    verdict = verdict_of(look, check)
    if verdict is standing.status:
        return replace(standing, toward=None, seen=0)
    # Up and slow answers alike end a fall: it is up, or slow, by the last of them.
    is_same = standing.toward is verdict or (
        standing.status is CheckStatus.DOWN and standing.toward is not None
    )
    seen = standing.seen + 1 if is_same else 1
    if seen < needed(standing, verdict, check, now=now):
        return replace(standing, toward=verdict, seen=seen)
    falls = _recent(standing.falls, now)
    if verdict is CheckStatus.DOWN:
        falls = (*falls, now)
    return Standing(status=verdict, falls=falls)


def standing_after(status: CheckStatus, falls: Sequence[int], *, now: int) -> Standing:
    """Return how a backend stands whose state a former engine left."""
    return Standing(status=status, falls=_recent(tuple(falls), now))


def _recent(falls: tuple[int, ...], now: int) -> tuple[int, ...]:
    return tuple(at for at in falls if at > now - FLAPPING_MS)
