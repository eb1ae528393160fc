"""Totals: rows that match a filter, and tasks and jobs by status.

Read by the control, for counts and previews.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.selecting import select as select_views
from core.filters.terms import Filter, Glob, In, Term, field_of
from core.model.counts import Count
from core.model.failures import FamilyScope
from core.model.status import TaskStatus
from core.model.values import INBOX
from core.render.schedule_lines import schedule_line
from core.store.predicates import bound
from core.store.reports.failures import SEARCHED_MAX, read_families
from core.store.reports.paging import search as searching
from core.store.reports.queues import read_queues
from core.store.reports.schedule_rows import read_schedules
from core.store.reports.source import Source
from core.store.tables.schema import counter

_JOBS = text(
    "SELECT status, count(*) AS n FROM job INDEXED BY job_live"
    f" WHERE status IN ('ending', 'paused', 'pending', 'running') AND id != {INBOX} GROUP BY status"
)
_PAUSED = text("SELECT count(*) FROM queue WHERE paused_at IS NOT NULL")
_PAUSED_POOLS = text("SELECT count(*) FROM pool WHERE paused_at IS NOT NULL AND removed_at IS NULL")
_FROZEN = text("SELECT count(*) FROM engine WHERE frozen_at IS NOT NULL")
# The gauge of a job that is over stays spent: of those only what something waits for counts.
_SPENT = text(
    "SELECT count(*) FROM limit_rule l WHERE l.removed_at IS NULL AND l.body->>'kind' = 'budget' AND EXISTS ("
    "SELECT 1 FROM gauge g WHERE g.name = l.name AND (g.waited_for OR ("
    "coalesce(l.body->>'$.window.per', 'total') != 'job' AND (g.turns_at IS NULL OR g.turns_at > :now)"
    " AND g.used + g.reserved + g.unknown >="
    " CASE WHEN coalesce(l.changed->>'window_turns', 0) > :now AND l.changed->>'window_max' IS NOT NULL"
    " THEN l.changed->>'window_max' ELSE coalesce(l.changed->>'max', l.body->>'max') END)))"
)
_LAST_EVENT = text("SELECT coalesce(max(id), 0) FROM event")
_COUNTED = frozenset({"status", "queue", "job"})
"""Fields whose values counters know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts of the whole store as of an event; only statuses that occur."""

    tasks: Mapping[str, int]
    jobs: Mapping[str, int]
    """Jobs that are not final, without the inbox."""
    paused_queues: int
    paused_pools: int
    spent_budgets: int
    """Budgets of which nothing is left under some key, or for which something waits."""
    is_frozen: bool
    """All spending is stopped."""
    last_event: int
    """0 = nothing has ever happened."""


class TotalReports:
    """Counts, from counters and indexes where they know."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def current(self) -> Totals:
        """Return the totals as of the newest event."""
        async with self._source.snapshot() as db:
            jobs = (await db.execute(_JOBS)).all()
            return Totals(
                tasks=await counter_totals(db, Filter(noun=Noun.TASKS)) or {},
                jobs={row.status: row.n for row in jobs},
                paused_queues=(await db.execute(_PAUSED)).scalar_one(),
                paused_pools=(await db.execute(_PAUSED_POOLS)).scalar_one(),
                spent_budgets=(await db.execute(_SPENT, {"now": self._source.now()})).scalar_one(),
                is_frozen=bool((await db.execute(_FROZEN)).scalar_one()),
                last_event=await last_event(db),
            )

    async def count(self, where: Filter) -> Count:
        """Return how many rows match a filter; its order plays no part.

        Exact where counters or an index know, or no more than 100,000 rows are to be scanned; otherwise
        only the newest 100,000 rows of the table are, and `searched` says so.
        """
        now = self._source.now()
        async with self._source.snapshot() as db:
            if where.noun is Noun.QUEUES:
                return Count(number=len(await read_queues(db, where, now=now)))
            if where.noun is Noun.SCHEDULES:
                lines = map(schedule_line, await read_schedules(db, now=now))
                return Count(number=len(select_views(where, lines, now=now)))
            if where.noun is Noun.FAILURES:
                listed = await read_families(db, FamilyScope.ALL, limit=SEARCHED_MAX, now=now)
                number = len(select_views(where, listed.families, now=now))
                return Count(number=number, searched=listed.searched)
            return await _count(db, where, now=now)


async def last_event(db: AsyncConnection) -> int:
    """Return the id of the newest event; 0 = there is none."""
    return int((await db.execute(_LAST_EVENT)).scalar_one())


async def counter_totals(db: AsyncConnection, filter_: Filter) -> dict[str, int] | None:
    """Return the tasks that match a filter by status, or None where the counters do not know.

    They know all tasks, and those of queues or of jobs, by status.
    """
    if filter_.noun is not Noun.TASKS:
        return None
    wanted: dict[str, set[str]] = {}
    for term in filter_.terms:
        asked = _counted_values(term)
        if asked is None:
            return None
        wanted[asked.field] = wanted.get(asked.field, asked.values) & asked.values
    if {"queue", "job"} <= wanted.keys():
        return None
    statuses = wanted.pop("status", {str(status) for status in TaskStatus})
    rows = (await db.execute(_sums(wanted))).all()
    return {row.status: row.n for row in rows if row.status in statuses}


async def _count(db: AsyncConnection, filter_: Filter, *, now: int) -> Count:
    totals = await counter_totals(db, filter_)
    if totals is not None:
        return Count(number=sum(totals.values()))
    search = searching.search_of(filter_, now=now)
    query = select(func.count()).select_from(search.table).where(*search.conditions)
    floor = await searching.scan_floor(db, search)
    if floor is None:
        return Count(number=await _number(db, query))
    newest = query.where(search.table.c.id > floor)
    return Count(number=await _number(db, newest), searched=searching.SCAN_LIMIT)


def _sums(wanted: Mapping[str, set[str]]) -> Select[*tuple[object, ...]]:
    scope, refs = next(iter(wanted.items()), ("queue", None))
    total = func.sum(counter.c.n)
    query = select(counter.c.status, total.label("n")).where(counter.c.scope == scope)
    if refs is not None:
        query = query.where(counter.c.ref.in_([bound(ref) for ref in sorted(refs)]))
    return query.group_by(counter.c.status).having(total > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CountedValues:
    """What a term asks of the counters: one of these values in status, queue or job."""

    field: str
    values: set[str]


def _counted_values(term: Term) -> _CountedValues | None:
    if not isinstance(term, In) or any(isinstance(value, Glob) for value in term.values):
        return None
    name = field_of(Noun.TASKS, term.field).name
    values = {str(value) for value in term.values}
    if name == "status" and term.negated:
        return _CountedValues(field=name, values={str(status) for status in TaskStatus} - values)
    if name not in _COUNTED or term.negated:
        return None
    return _CountedValues(field=name, values=values)


async def _number(db: AsyncConnection, query: Select[int]) -> int:
    return int((await db.execute(query)).scalar_one())
