"""What a job spent, and what is left of its budgets.

Used by `run`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from core.cli.output import say
from core.cli.paging import pages
from core.control.api import ReadingAPI
from core.model.errors import TaskdeckError
from core.model.limits.amounts import write_amount
from core.model.limits.limit_views import GaugeView, LimitView
from core.model.limits.limits import GaugeKey, LimitKind
from core.model.limits.usage_views import Spending, UsageBy, UsageQuery
from core.model.text import safe_line
from core.model.values import JsonObject
from core.model.views import JobView, Page
from core.render.json_shapes import spending_shape

_LATEST = 2**53


class _Budget(NamedTuple):
    """A budget and one of its gauges."""

    limit: LimitView
    gauge: GaugeView


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpending:
    """What a job spent by unit, and how the budgets stand that have entries of it."""

    spent: tuple[Spending, ...] = ()
    budgets: tuple[_Budget, ...] = ()
    error: str = ""
    """Why this could not be read."""

    def say(self) -> None:
        """Write a line of what was spent, and one of each budget; none where nothing was spent."""
        if self.error:
            say(f"  what it spent could not be read: {safe_line(self.error)}")
        if not self.spent:
            return
        say(f"  spent {', '.join(map(_spent_text, self.spent))}")
        for limit, gauge in self.budgets:
            key = f" {safe_line(gauge.key)}" if gauge.key else ""
            used, left = write_amount(gauge.used), write_amount(gauge.left)
            most = f"{write_amount(gauge.max)} {limit.unit}"
            say(f"  budget {safe_line(limit.name)}{key}: {used} of {most} used, {left} left")

    def shape(self) -> JsonObject:
        """Return it as the last line of `run --json` has it."""
        return {
            "spent": None if self.error else [spending_shape(one) for one in self.spent],
            "budgets": [
                {
                    "name": limit.name,
                    "key": gauge.key,
                    "unit": limit.unit,
                    "max": write_amount(gauge.max),
                    "used": write_amount(gauge.used),
                    "left": write_amount(gauge.left),
                }
                for limit, gauge in self.budgets
            ],
        }


async def read_job_spending(deck: ReadingAPI, job: JobView) -> JobSpending:
    """Return what a job spent; where it cannot be read, why: the result of the job is known."""
    query = UsageQuery(by=UsageBy.JOB, since=job.created_at, until=_LATEST, job=job.id)
    try:
        usage = await deck.ledger.usage(query)
        return JobSpending(spent=usage.total, budgets=await _budgets(deck, usage.counted_in))
    except TaskdeckError as error:
        return JobSpending(error=error.message)


async def _budgets(deck: ReadingAPI, keys: Sequence[GaugeKey]) -> tuple[_Budget, ...]:
    if not keys:
        return ()
    limits = {limit.name: limit for limit in (await deck.limits.capacity()).limits}
    asked = [key for key in keys if key.name in limits and limits[key.name].kind is LimitKind.BUDGET]
    found = [(limits[key.name], await _gauge(deck, limits[key.name], key)) for key in asked]
    return tuple(_Budget(limit, gauge) for limit, gauge in found if gauge is not None)


async def _gauge(deck: ReadingAPI, limit: LimitView, key: GaugeKey) -> GaugeView | None:
    """Return a gauge, also of a limit that lists only the fullest ones with itself."""
    listed = next((gauge for gauge in limit.gauges if gauge.key == key.key), None)
    if listed is not None:
        return listed
    async for page in pages(partial(_gauges, deck, limit.name), 0):
        for gauge in page.rows:
            if gauge.key == key.key:
                return gauge
    return None


def _gauges(deck: ReadingAPI, name: str, after: str | None, limit: int) -> Awaitable[Page[GaugeView]]:
    return deck.limits.gauges(name, after=after, limit=limit)


def _spent_text(spent: Spending) -> str:
    unknown = f" and {write_amount(spent.unknown)} unknown" if spent.unknown else ""
    return f"{write_amount(spent.total)} {spent.unit}{unknown}"
