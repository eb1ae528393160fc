"""What a job spent, and what is left of its budgets.

Used by `run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.cli.output import say
from core.control.api import ReadingAPI
from core.model.amounts import write_amount
from core.model.entry_views import EntryQuery
from core.model.errors import TaskdeckError
from core.model.limit_views import GaugeView, LimitView
from core.model.limits import LimitKind
from core.model.text import safe_line
from core.model.usage_views import Spending, UsageBy, UsageQuery
from core.model.values import JsonObject
from core.model.views import JobView
from core.render.json_shapes import spending_shape

_GAUGES_MAX = 20
"""Gauges of budgets that are asked for entries of the job."""
_NEWEST = 200
"""Entries of each, the newest, among which those of the job are looked for."""
_LATEST = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpending:
    """What a job spent by unit, and how the budgets stand that have entries of it."""

    spent: tuple[Spending, ...] = ()
    budgets: tuple[tuple[LimitView, GaugeView], ...] = ()

    def say(self) -> None:
        """Write a line of what was spent, and one of each budget; none where nothing was spent."""
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
            "spent": [spending_shape(one) for one in self.spent],
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
    """Return what a job spent; nothing where it cannot be read: the result of the job is known."""
    query = UsageQuery(by=UsageBy.JOB, since=job.created_at, until=_LATEST)
    try:
        groups = (await deck.usage(query)).groups
        spent = next((group.spent for group in groups if group.name == str(job.id)), ())
        return JobSpending(spent=spent, budgets=await _budgets(deck, job.id, spent))
    except TaskdeckError:
        return JobSpending()


async def _budgets(
    deck: ReadingAPI, job_id: int, spent: Sequence[Spending]
) -> tuple[tuple[LimitView, GaugeView], ...]:
    units = {one.unit for one in spent}
    if not units:
        return ()
    listed = [
        (limit, gauge)
        for limit in (await deck.capacity()).limits
        if limit.kind is LimitKind.BUDGET and limit.unit in units
        for gauge in limit.gauges
    ]
    found = []
    for limit, gauge in listed[:_GAUGES_MAX]:
        page = await deck.entries(EntryQuery(limit=limit.name, key=gauge.key), limit=_NEWEST)
        if any(entry.job_id == job_id for entry in page.rows):
            found.append((limit, gauge))
    return tuple(found)


def _spent_text(spent: Spending) -> str:
    unknown = f" and {write_amount(spent.unknown)} unknown" if spent.unknown else ""
    return f"{write_amount(spent.total)} {spent.unit}{unknown}"
