"""Expectations: how long planned tasks take, and what they spend.

Used by the prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.model.limits.limit_forms import costs_of
from core.model.limits.limits import MICRO, Amounts
from core.model.predictions import PlannedTask

CALLS, SECONDS = "calls", "seconds"
"""Units that are measured: each attempt is a call, and takes its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One set of run times and costs: what is likely, or what is hardly passed."""

    is_high: bool = False
    unknown_ms: int = 0
    """What a task takes of which that is not known."""

    def time_of(self, task: PlannedTask) -> int:
        """Return how long a task takes (ms)."""
        usual = task.usual.time
        if usual is None:
            return self.unknown_ms
        return usual.p95_ms if self.is_high else usual.median_ms

    def amounts(self, task: PlannedTask) -> Amounts:
        """Return what a task spends, of the units of which that is known.

        What earlier attempts spent comes before what the document says.
        """
        usual = {unit: cost.p95 if self.is_high else cost.median for unit, cost in task.usual.costs.items()}
        measured = {CALLS: MICRO}
        if task.usual.time is not None:
            measured[SECONDS] = self.time_of(task) * (MICRO // 1_000)
        return {**measured, **costs_of(task.cost), **usual}


LIKELY = Expectation()
"""The medians; what is not known is nothing."""
HARDLY_PASSED = Expectation(is_high=True)
"""The 95th percentiles."""
