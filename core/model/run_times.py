"""What is usual: run times and costs of tasks of workflows.

Read from the store; shown beside what runs, and the base of predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

FEW = 3
"""Of fewer attempts nothing is usual."""


class UsualTime(Struct, frozen=True, kw_only=True):
    """How long the last attempts of a task of a workflow took, in ms."""

    median_ms: int
    p90_ms: int
    p95_ms: int
    attempts: int
    """Of how many, at most 100."""


class UsualCost(Struct, frozen=True, kw_only=True):
    """What the last attempts of a task of a workflow spent of one unit, in millionths of it."""

    median: int
    p90: int
    p95: int
    attempts: int
    """Of how many, at most 100."""


class Usual(Struct, frozen=True, kw_only=True):
    """What is usual of a task of a workflow; what is not known yet is missing."""

    time: UsualTime | None = None
    costs: Mapping[str, UsualCost] = field(default_factory=dict)
    """By unit."""


def usual_time(times: Sequence[int]) -> UsualTime | None:
    """Return what is usual of these times (ms); None = there are too few."""
    if len(times) < FEW:
        return None
    median, p90, p95 = _ranks(times)
    return UsualTime(median_ms=median, p90_ms=p90, p95_ms=p95, attempts=len(times))


def usual_cost(amounts: Sequence[int]) -> UsualCost | None:
    """Return what is usual of these amounts, one of each attempt; None = there are too few."""
    if len(amounts) < FEW:
        return None
    median, p90, p95 = _ranks(amounts)
    return UsualCost(median=median, p90=p90, p95=p95, attempts=len(amounts))


def _ranks(values: Sequence[int]) -> tuple[int, int, int]:
    """Return median, 90th and 95th percentile by nearest rank; of an even number the lower median."""
    ordered = sorted(values)
    median, p90, p95 = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in (50, 90, 95))
    return median, p90, p95
