"""Failures: families of tasks that fail, and what operators know of them.

Read by the control and by the pulse.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.failures import (
    HOUR,
    HOURS,
    Acknowledgement,
    FamilyList,
    FamilyScope,
    FamilyState,
    FamilyView,
)
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source, engine_offset
from core.store.sql import pack

SEARCHED_MAX = 100
"""Families, those that failed last, that a list is made of."""
_FIRST = (FamilyState.RETURNED, FamilyState.FAILING, FamilyState.ACKNOWLEDGED, FamilyState.OVER)
_QUIET = (
    "(ack_at IS NOT NULL AND CASE WHEN ack_until IS NULL THEN failures = ack_failures"
    " ELSE ack_until > :now END)"
)
# What is over a number of failures since the acknowledgement is older than it, and known: a family that has
# returned is news by what came since, not by what was there.
_KNOWN = (
    "(CASE WHEN ack_at IS NULL THEN 0 WHEN ack_until IS NULL THEN max(0, failed - (failures - ack_failures))"
    " WHEN ack_until > :now THEN failed ELSE 0 END)"
)
_COLUMNS = f"""SELECT *, {_QUIET} AS quiet, {_KNOWN} AS known FROM family"""
_FAILING = text(
    f"{_COLUMNS} INDEXED BY family_failing WHERE failed + retrying > 0 ORDER BY last_at DESC LIMIT :most"
)
_ALL = text(f"{_COLUMNS} ORDER BY last_at DESC LIMIT :most")
# One row for each family: a row of its own for each hour costs more than all the rest.
_HOURS = text(
    "SELECT f.value AS family, (SELECT group_concat(((at - :first) / :hour) || ' ' || n) FROM family_hour"
    " WHERE family = f.value AND at BETWEEN :first AND :last) AS hours FROM json_each(:families) f"
)
_ACKNOWLEDGED = text(
    f"SELECT coalesce(sum({_KNOWN}), 0) FROM family INDEXED BY family_ack WHERE ack_at IS NOT NULL"
)


class FailureReports:
    """Failure families, which are never paged."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def families(self, scope: FamilyScope = FamilyScope.FAILING, *, limit: int) -> FamilyList:
        """Return the families that matter most, of at most `SEARCHED_MAX` that failed last."""
        async with self._source.snapshot() as db:
            return await read_families(db, scope, limit=limit, now=self._source.now())

    async def acknowledged(self) -> int:
        """Return how many failed tasks are known: all of a quiet family, of a returned one the old."""
        async with self._source.snapshot() as db:
            now = self._source.now() + await engine_offset(db)
            return int((await db.execute(_ACKNOWLEDGED, {"now": now})).scalar_one())


async def read_families(db: AsyncConnection, scope: FamilyScope, *, limit: int, now: int) -> FamilyList:
    """Return families in the order of a list; `now` is the wall clock, ms UTC."""
    offset = await engine_offset(db)
    query = _FAILING if scope is FamilyScope.FAILING else _ALL
    rows = (await db.execute(query, {"now": now + offset, "most": SEARCHED_MAX + 1})).all()
    searched = SEARCHED_MAX if len(rows) > SEARCHED_MAX else None
    chosen = sorted(rows[:SEARCHED_MAX], key=_rank)[:limit]
    trends = await _trends(db, [row.id for row in chosen], now=now)
    return FamilyList(
        families=tuple(_view(row, trends[row.id], offset=offset) for row in chosen),
        tasks=sum(row.failed + row.retrying for row in rows),
        known=sum(row.known for row in rows),
        searched=searched,
    )


def _rank(row: AnyRow) -> tuple[int, int, int]:
    return _FIRST.index(_state(row)), -(row.failed + row.retrying), -row.last_at


def _state(row: AnyRow) -> FamilyState:
    if not row.failed + row.retrying:
        return FamilyState.OVER
    if row.quiet:
        return FamilyState.ACKNOWLEDGED
    has_returned = row.ack_at is not None and row.failures > row.ack_failures
    return FamilyState.RETURNED if has_returned else FamilyState.FAILING


async def _trends(db: AsyncConnection, families: Sequence[str], *, now: int) -> dict[str, list[int]]:
    last = now - now % HOUR
    times = {"first": last - (HOURS - 1) * HOUR, "last": last, "hour": HOUR}
    trends = {family: [0] * HOURS for family in families}
    for row in (await db.execute(_HOURS, {**times, "families": pack(list(families))})).all():
        for hour in row.hours.split(",") if row.hours else ():
            number, failures = map(int, hour.split())
            trends[row.family][number] = failures
    return trends


def _view(row: AnyRow, trend: Sequence[int], *, offset: int) -> FamilyView:
    return FamilyView(
        id=row.id,
        state=_state(row),
        code=row.code,
        pattern=row.pattern,
        message=row.message,
        failed=row.failed,
        retrying=row.retrying,
        jobs=row.jobs,
        failures=row.failures,
        first_at=row.first_at,
        last_at=row.last_at,
        newest_task=row.task_id,
        trend=tuple(trend),
        known=row.known,
        acknowledged=_acknowledgement(row, offset=offset),
    )


def _acknowledgement(row: AnyRow, *, offset: int) -> Acknowledgement | None:
    if row.ack_at is None:
        return None
    return Acknowledgement(
        by=row.ack_by,
        at=row.ack_at,
        reason=row.ack_reason,
        until=None if row.ack_until is None else row.ack_until - offset,
        since=row.failures - row.ack_failures,
    )
