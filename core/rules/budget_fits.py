"""Budget fits: what a job costs, and whether budgets hold it.

Used by the prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.model.limits.limit_forms import costs_of
from core.model.predictions import BudgetFit, Fit, PlannedJob, PlannedTask, Span, UnitCost
from core.rules import gauges as arithmetic
from core.rules.courses import Course
from core.rules.expectations import HARDLY_PASSED, LIKELY, Expectation
from core.rules.why.capacity import Capacity


def costs_of_job(job: PlannedJob) -> Iterator[UnitCost]:
    """Yield what the job spends, of the units that tasks say, have spent, or are budgeted."""
    said = (unit for task in job.tasks for unit in (*costs_of(task.cost), *task.usual.costs))
    budgeted = (gauge.limit.unit for gauge in job.gauges.values() if gauge.limit.is_metered)
    for unit in dict.fromkeys((*said, *budgeted)):
        amount, unestimated = _spent(job.tasks, unit)
        yield UnitCost(unit=unit, amount=amount, unestimated=unestimated)


def budget_fits(
    job: PlannedJob, capacity: Capacity, likely: Course, worst: Course | None
) -> Iterator[BudgetFit]:
    """Yield what the job needs of each gauge that counts an amount, and whether that is there."""
    pools = {pool.name: pool.gauges for pool in capacity.facts.pools}
    gauges = {**job.gauges, **{one: capacity.gauges[one] for of_pool in pools.values() for one in of_pool}}
    for gauge_id, gauge in gauges.items():
        if not gauge.limit.is_metered:
            continue
        mine = [task for task in job.tasks if gauge_id in _gauges_of(job, capacity, task)]
        if not mine:
            continue
        needs, unestimated = _spent(mine, gauge.limit.unit, default=gauge.limit.default_cost)
        spent_at, fits = _fit(gauge_id, likely, worst, is_estimated=not unestimated)
        yield BudgetFit(
            limit=gauge.limit.name,
            key=gauge.key,
            unit=gauge.limit.unit,
            needs=needs,
            left=arithmetic.left(gauge, now=capacity.facts.now),
            fits=fits,
            spent_at=None if spent_at is None else spent_at - capacity.offset,
            turns_at=gauge.turns_at,
        )


class _Fits(NamedTuple):
    """When a budget is spent (None = never), and whether a job fits into it."""

    spent_at: int | None
    fit: Fit


def _fit(gauge_id: int, likely: Course, worst: Course | None, *, is_estimated: bool) -> _Fits:
    spent_at = likely.spent_at.get(gauge_id)
    if spent_at is not None:
        return _Fits(spent_at, Fit.NO)
    spent_at = None if worst is None else worst.spent_at.get(gauge_id)
    is_sure = spent_at is None and is_estimated and not likely.is_cut
    return _Fits(spent_at, Fit.YES if is_sure else Fit.PERHAPS)


def _gauges_of(job: PlannedJob, capacity: Capacity, task: PlannedTask) -> Sequence[int]:
    # Which of several pools takes a task is known when it starts: they all may.
    pools = capacity.pools_of(task.queue, job.prefers.get(task.gset_id, ()))
    of_pools = [one for pool in pools for one in pool.gauges]
    return (*job.queue_gauges.get(task.queue, ()), *job.sets.get(task.gset_id, ()), *of_pools)


class _Spend(NamedTuple):
    """An amount, and of how many tasks it is not known."""

    amount: Span
    unknown: int


def _spent(tasks: Sequence[PlannedTask], unit: str, *, default: int = 0) -> _Spend:
    """Return what tasks spend of a unit; those of which it is not known count as the dearest."""
    likely = [_amount(LIKELY, task, unit, default) for task in tasks]
    worst = [_amount(HARDLY_PASSED, task, unit, default) for task in tasks]
    known = [amount for amount in worst if amount is not None]
    unknown = len(tasks) - len(known)
    high = None if unknown and not known else sum(known) + unknown * max(known, default=0)
    return _Spend(Span(low=sum(amount for amount in likely if amount is not None), high=high), unknown)


def _amount(expected: Expectation, task: PlannedTask, unit: str, default: int) -> int | None:
    known = expected.amounts(task).get(unit, default or None)
    if known is None and task.usual.time is not None:
        # It has run before, and reported nothing of this unit.
        return 0
    return known
