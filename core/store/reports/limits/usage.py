"""Usage: what the ledger holds, put together by one property.

Read by the control.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from sqlalchemy import text

from core.model.limits.limits import DEFAULT_POOL, MICRO, GaugeKey
from core.model.limits.usage_views import GROUPS_MAX, Spending, UsageBy, UsageGroup, UsageQuery, UsageView
from core.model.values import JsonValue
from core.store.reports.source import Source
from core.store.sql import pack

_COLUMNS = {
    UsageBy.PROJECT: "e.project",
    UsageBy.JOB: "CAST(e.job_id AS TEXT)",
    UsageBy.WORKFLOW: "e.workflow",
    UsageBy.POOL: f"CASE WHEN e.kind = 'correction' THEN NULL ELSE coalesce(e.pool, '{DEFAULT_POOL}') END",
    UsageBy.MODEL: "e.model",
    UsageBy.QUEUE: "e.queue",
    UsageBy.KEY: "e.key",
    UsageBy.DAY: "CAST(d.value->>0 AS TEXT)",
}
_ENTRIES = "entry e INDEXED BY entry_counted"
_OF_DAYS = f"json_each(:days) d CROSS JOIN {_ENTRIES}"
_OF_JOB = (
    "task t INDEXED BY task_list CROSS JOIN entry e INDEXED BY entry_task ON e.task_id = t.id"
    " AND e.task_id IS NOT NULL"
)
_OF_TIME = "e.counted_at >= :since AND e.counted_at < :until"
_OF_JOB_TIME = f"t.job_id = :job AND {_OF_TIME}"
# Without the whole time beside it: each day would be looked for in all of that.
_OF_DAY = "e.counted_at >= d.value->>1 AND e.counted_at < d.value->>2"
# Whole units and their parts apart: a sum of millionths could pass what SQLite adds exactly.
_SUMS = (
    "SELECT {group} AS name, e.unit, e.kind, sum(coalesce(e.carried, 1)) AS n,"
    " sum(CASE WHEN e.price IS 'none' THEN coalesce(e.carried, 1) ELSE 0 END) AS unpriced,"
    f" sum(e.amount / {MICRO}) AS units, sum(e.amount % {MICRO}) AS parts,"
    f" sum(coalesce(e.released, 0) / {MICRO}) AS released_units,"
    f" sum(coalesce(e.released, 0) % {MICRO}) AS released_parts FROM {{source}}"
    " WHERE {time} AND (:unit IS NULL OR e.unit = :unit) AND (:job IS NULL OR e.job_id = :job)"
    " GROUP BY 1, 2, 3"
)
# An entry counts in the gauges of its set that have its unit.
_COUNTED_IN = text(
    f"WITH x AS (SELECT DISTINCT e.gset_id, e.unit FROM {_OF_JOB} WHERE {_OF_JOB_TIME}"
    " AND (:unit IS NULL OR e.unit = :unit))"
    " SELECT DISTINCT g.name, g.key FROM x CROSS JOIN gset s ON s.id = x.gset_id"
    " CROSS JOIN json_each(s.gauges) m CROSS JOIN gauge g ON g.id = m.value CROSS JOIN limit_rule r"
    " ON r.name = g.name AND r.removed_at IS NULL AND r.body->>'unit' = x.unit ORDER BY 1, 2"
)
_UNPRICED = text(
    "SELECT DISTINCT model FROM entry INDEXED BY entry_unpriced WHERE price = 'none'"
    " AND counted_at >= :since AND counted_at < :until ORDER BY 1"
)
_FIRST_UNITS = ("usd", "tokens")
_Key: TypeAlias = tuple[str | None, str]


class _Row(NamedTuple):
    name: str | None
    unit: str
    kind: str
    n: int
    unpriced: int
    units: int
    parts: int
    released_units: int
    released_parts: int


class UsageReports:
    """What was spent; groups are never paged."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of(self, query: UsageQuery) -> UsageView:
        """Return what entries of a time come to, exactly; the total is that of all groups."""
        asked: dict[str, object] = {"unit": query.unit, "job": query.job}
        span = {"since": query.since, "until": query.until}
        if query.by is UsageBy.DAY:
            sums = text(_SUMS.format(group=_COLUMNS[query.by], source=_OF_DAYS, time=_OF_DAY))
            asked["days"] = pack(_spans(query))
        elif query.job is None:
            sums = text(_SUMS.format(group=_COLUMNS[query.by], source=_ENTRIES, time=_OF_TIME))
            asked |= span
        else:
            sums = text(_SUMS.format(group=_COLUMNS[query.by], source=_OF_JOB, time=_OF_JOB_TIME))
            asked |= span
        async with self._source.snapshot() as db:
            rows = [_Row(*row) for row in (await db.execute(sums, asked)).all()]
            counted = () if query.job is None else await db.execute(_COUNTED_IN, {**asked, **span})
            counted_in = tuple(GaugeKey(name=row.name, key=row.key) for row in counted)
            unpriced = (await db.execute(_UNPRICED, span)).scalars()
            models = tuple(str(model) for model in unpriced if model is not None)
        groups = _groups(rows)
        ordered = sorted(groups, key=_by_day if query.by is UsageBy.DAY else _by_amount)
        return UsageView(
            groups=tuple(ordered[:GROUPS_MAX]),
            total=_spendings((None, row) for row in rows).get(None, ()),
            left_out=max(0, len(ordered) - GROUPS_MAX),
            unpriced=models if query.unit in (None, "usd") else (),
            counted_in=counted_in,
        )


def _spans(query: UsageQuery) -> JsonValue:
    """Return the days, each with where of it the time begins and ends."""
    ends = (*query.days[1:], query.until)
    return [
        [day, max(day, query.since), min(end, query.until)] for day, end in zip(query.days, ends, strict=True)
    ]


def _groups(rows: Iterable[_Row]) -> list[UsageGroup]:
    found = _spendings((row.name, row) for row in rows)
    return [UsageGroup(name=name, spent=spent) for name, spent in found.items()]


def _spendings(rows: Iterable[tuple[str | None, _Row]]) -> dict[str | None, tuple[Spending, ...]]:
    """Return what rows come to by their names, units in the order of lists."""
    collected: dict[_Key, list[_Row]] = defaultdict(list)
    for name, row in rows:
        collected[name, row.unit].append(row)
    found: dict[str | None, list[Spending]] = defaultdict(list)
    for (name, unit), of_unit in sorted(collected.items(), key=lambda one: _unit_order(one[0][1])):
        found[name].append(_spending(unit, of_unit))
    return {name: tuple(spent) for name, spent in found.items()}


def _spending(unit: str, rows: Iterable[_Row]) -> Spending:
    amounts: dict[str, int] = defaultdict(int)
    released = entries = unpriced = 0
    for row in rows:
        amounts[row.kind] += row.units * MICRO + row.parts
        released += row.released_units * MICRO + row.released_parts
        entries += row.n
        unpriced += row.unpriced
    return Spending(
        unit=unit,
        reported=amounts["settled"] + amounts["charged"] + amounts["reconciled"],
        estimated=amounts["estimated"],
        corrected=amounts["correction"],
        unknown=amounts["unknown"] - released,
        entries=entries,
        unpriced=unpriced,
    )


def _unit_order(unit: str) -> tuple[int, str]:
    return (_FIRST_UNITS.index(unit) if unit in _FIRST_UNITS else len(_FIRST_UNITS)), unit


def _by_amount(group: UsageGroup) -> tuple[tuple[int, str], int, str]:
    first = group.spent[0]
    return _unit_order(first.unit), -first.total, group.name or ""


def _by_day(group: UsageGroup) -> int:
    return int(group.name or 0)
