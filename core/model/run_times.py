"""Run times: how long tasks usually take.

Read from the store; shown beside what runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

FEW = 3
"""Of fewer attempts nothing is usual."""


class UsualTime(Struct, frozen=True, kw_only=True):
    """How long the last attempts of a task of a workflow took, in ms."""

    median_ms: int
    p95_ms: int
    attempts: int
    """Of how many, at most 100."""


def usual_time(times: Sequence[int]) -> UsualTime | None:
    """Return what is usual of these times (ms), by nearest rank; None = there are too few."""
    if len(times) < FEW:
        return None
    ordered = sorted(times)
    return UsualTime(
        median_ms=ordered[(len(ordered) - 1) // 2],
        p95_ms=ordered[-(-len(ordered) * 95 // 100) - 1],
        attempts=len(ordered),
    )
