"""Predictions: what a job would take, cost and wait for.

Made by `core.rules.prediction`; shown by commands and console. Times are ms UTC, amounts in millionths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct, field

from core.model.limits.gauges import Gauge
from core.model.run_times import Usual


class PlannedTask(Struct, frozen=True, kw_only=True):
    """A task of the job, with what is usual of it; `needs` are positions in the list of all."""

    key: str
    queue: str
    priority: int = 0
    stage: int = 0
    needs: tuple[int, ...] = ()
    gset_id: int = 0
    """Its gauges beside those of its queue and pool: one of `PlannedJob.sets`, 0 = none."""
    cost: str | None = None
    """Its estimate, as the column of a task has it."""
    usual: Usual = Usual()


class PlannedJob(Struct, frozen=True, kw_only=True):
    """A job as it would be admitted; ids of gauges and sets that do not exist yet are negative."""

    name: str
    tasks: tuple[PlannedTask, ...]
    sets: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    prefers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    queue_gauges: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Of the queues of its tasks."""
    gauges: Mapping[int, Gauge] = field(default_factory=dict)
    """All of these by id."""
    paused: frozenset[str] = frozenset()
    """Queues of its tasks that are paused."""


class Span(Struct, frozen=True, kw_only=True):
    """From what is likely to what is hardly passed; what is unknown counts as nothing in the first.

    In the second it counts as the most that is known of another task; None = nothing is known.
    """

    low: int
    high: int | None


class Fit(StrEnum):
    """Whether a budget holds the job."""

    YES = "yes"
    NO = "no"
    """It is spent before the last task of the job has started."""
    PERHAPS = "perhaps"
    """It holds what is likely, and less than what tasks may spend; or tasks are not estimated."""


class BudgetFit(Struct, frozen=True, kw_only=True):
    """What the job needs of a gauge of a budget, or of a quota with a unit."""

    limit: str
    key: str
    unit: str
    needs: Span
    left: int
    """Now, with what is reserved for others taken away."""
    fits: Fit
    spent_at: int | None = None
    """When it has too little left for a task of the job, the first time."""
    turns_at: int | None = None


class UnitCost(Struct, frozen=True, kw_only=True):
    """What the job is expected to spend of a unit."""

    unit: str
    amount: Span
    unestimated: int = 0
    """Tasks of which neither the document nor earlier attempts say what they spend."""


def added(several: Iterable[Iterable[UnitCost]]) -> tuple[UnitCost, ...]:
    """Return what several are expected to spend together, by unit; one that is open leaves the sum open."""
    found: dict[str, UnitCost] = {}
    for cost in (cost for costs in several for cost in costs):
        sum_ = found.get(cost.unit, UnitCost(unit=cost.unit, amount=Span(low=0, high=0)))
        highs = (sum_.amount.high, cost.amount.high)
        high = None if highs[0] is None or highs[1] is None else highs[0] + highs[1]
        found[cost.unit] = UnitCost(
            unit=cost.unit,
            amount=Span(low=sum_.amount.low + cost.amount.low, high=high),
            unestimated=sum_.unestimated + cost.unestimated,
        )
    return tuple(found.values())


class Extent(StrEnum):
    """How far a prediction goes."""

    WHOLE = "whole"
    SAMPLED = "sampled"
    """The first starts were played; the rest goes on at their pace."""
    PARTIAL = "partial"
    """Of what is queued and runs not everything was looked at: it may take longer."""


class WorkletShare(Struct, frozen=True, kw_only=True):
    """What worklets added to the last runs of a workflow; a prediction leaves them out."""

    tasks: int = 0
    """Tasks of the document that have one (`on_failure`)."""
    runs: int = 0
    """The last ones that have ended, as many as were looked at."""
    begun: int = 0
    """Worklets of these runs."""
    took_ms: int = 0
    """All of these together."""

    @property
    def per_run_ms(self) -> int | None:
        """How long worklets take in a run on average; None = no run is known."""
        return self.took_ms // self.runs if self.runs else None


class PredictionView(Struct, frozen=True, kw_only=True):
    """What a job would do if it was submitted at `at`, and every task succeeded at its first attempt."""

    name: str
    at: int
    tasks: int
    queued: int
    """Tasks of others that are queued already."""
    running: int
    slots: int
    engine: str
    """`serving` and so on, as of `EngineFacts`; `none` = the next engine begins at `at`."""
    starts: Span | None
    """When its first task starts; None = never."""
    ends: Span | None
    """When its last task has ended; None = never."""
    critical: tuple[str, ...] = ()
    """The chain of tasks that takes longest by needs and stages alone, by their keys."""
    critical_ms: int = 0
    costs: tuple[UnitCost, ...] = ()
    budgets: tuple[BudgetFit, ...] = ()
    never: int = 0
    """Tasks that would never start, and below why the first of them would not."""
    never_why: str = ""
    unknown: int = 0
    """Tasks of the job of which it is not known how long they take."""
    unknown_others: int = 0
    """The same of what is queued and runs."""
    open_groups: int = 0
    """Groups that count as one task: how many instances they have is known when the job runs."""
    extent: Extent = Extent.WHOLE
    worklets: WorkletShare = WorkletShare()
    """Of the job what is in none of the other figures."""

    @property
    def takes(self) -> Span | None:
        """How long the job takes from its submission on, in ms; None = it never ends."""
        if self.ends is None:
            return None
        high = None if self.ends.high is None else self.ends.high - self.at
        return Span(low=self.ends.low - self.at, high=high)
