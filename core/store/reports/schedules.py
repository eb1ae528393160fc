"""Schedules: which are due, and what became of their times.

Read by the engine's loop of schedules and by the control.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import NotFound
from core.model.near_misses import one_of
from core.model.status import JOB_FINAL, JobStatus
from core.model.text import safe_line
from core.model.timing.schedule_views import SCHEDULES_MAX, ExpectationView, FireView, ScheduleView
from core.model.timing.schedules import DAY_MS
from core.model.views import Page
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.rows import AnyRow
from core.store.reports.schedule_rows import (
    COLUMNS,
    EXPECTATION,
    FIRE,
    LIVE,
    expectation_view_of,
    fire_view_of,
    read_schedules,
    view_of,
    views_of,
)
from core.store.reports.source import Source
from core.store.sql import among

_AHEAD_MAX = 1_000
DUE_MAX = 100
"""Schedules that are due, or wait, which one look takes up."""
_ONE = text(f"SELECT {COLUMNS} FROM schedule s WHERE s.name = :name AND s.removed_at IS NULL")
_NAMES = text("SELECT name FROM schedule WHERE removed_at IS NULL ORDER BY name LIMIT 400")
# And those that stand ahead of the clock by more than a day: it was wrong when they were decided about.
_DUE = text(
    f"SELECT {COLUMNS} FROM schedule s INDEXED BY schedule_wake WHERE s.removed_at IS NULL"
    " AND s.paused_at IS NULL AND s.wake_at IS NOT NULL AND s.wake_at <= :now"
    f" UNION SELECT {COLUMNS} FROM schedule s WHERE s.removed_at IS NULL AND s.paused_at IS NULL"
    f" AND s.handled_at > :now + {DAY_MS} ORDER BY wake_at LIMIT {DUE_MAX}"
)
_NEXT = text(
    "SELECT min(wake_at) FROM schedule INDEXED BY schedule_wake"
    " WHERE removed_at IS NULL AND paused_at IS NULL AND wake_at IS NOT NULL AND wake_at > :now"
)
_WAITS = text("SELECT EXISTS (SELECT 1 FROM fire INDEXED BY fire_waiting WHERE status = 'waiting')")
# Those whose first fire waits for nothing any more.
_READY = text(
    f"SELECT {COLUMNS}, min(f.at) AS at FROM fire f INDEXED BY fire_waiting JOIN schedule s"
    " ON s.id = f.schedule_id AND s.removed_at IS NULL AND s.paused_at IS NULL WHERE f.status = 'waiting'"
    f" AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_of_schedule WHERE schedule_id = s.id AND {LIVE})"
    f" GROUP BY s.id LIMIT {DUE_MAX}"
)
_REPLACED = text(
    "SELECT j.id FROM schedule s JOIN job j INDEXED BY job_of_schedule ON j.schedule_id = s.id"
    f" AND {among(set(JobStatus) - JOB_FINAL - {JobStatus.ENDING}, 'j.status')}"
    " WHERE s.removed_at IS NULL"
    " AND CASE WHEN json_valid(s.body) THEN s.body->>'$.policy.overlap' END = 'replace'"
    " AND EXISTS (SELECT 1 FROM fire f INDEXED BY fire_waiting WHERE f.schedule_id = s.id"
    " AND f.status = 'waiting') ORDER BY j.id LIMIT 1000"
)
_FIRES = text(
    f"SELECT {FIRE} FROM fire f LEFT JOIN job j ON j.id = f.job_id"
    " WHERE f.schedule_id = :id AND (f.at, f.kind) < (:before, :kind)"
    " ORDER BY f.at DESC, f.kind DESC LIMIT :limit"
)
# What was missed, skipped or refused may be filled in, once.
_DECIDED = text(
    "SELECT at FROM fire WHERE schedule_id = :id AND at >= :begin AND at < :end"
    " AND (status = 'submitted' OR status = 'waiting' OR kind = 'backfill')"
)
_DECIDED_AFTER = text(
    f"SELECT at FROM fire WHERE schedule_id = :id AND at > :after ORDER BY at LIMIT {_AHEAD_MAX}"
)
_FORGOTTEN = text("SELECT forgotten_at FROM schedule WHERE id = :id")
# One that has no next time is expected no more.
_NOT_ENDED = (
    "(e.schedule_id IS NULL"
    " OR EXISTS (SELECT 1 FROM schedule WHERE id = e.schedule_id AND due_at IS NOT NULL))"
)
_OVERDUE = text(
    "SELECT e.id FROM expectation e INDEXED BY expectation_due WHERE e.missed_at IS NULL AND e.due_at <= :now"
    f" AND {_NOT_ENDED} ORDER BY e.due_at LIMIT {DUE_MAX}"
)
_NEXT_OVERDUE = text(
    "SELECT min(e.due_at) FROM expectation e INDEXED BY expectation_due WHERE e.missed_at IS NULL"
    f" AND e.due_at > :now AND {_NOT_ENDED}"
)
_NOW, _WALL = ":now", ":wall"


def _any(statement: TextClause) -> str:
    return f"EXISTS (SELECT 1 FROM ({statement.text}))"


# Nearly always there is nothing to do: then one statement says so, and when there will be.
_OUTLOOK = text(
    f"SELECT {_any(_OVERDUE)} OR {_any(_REPLACED)} OR {_any(_READY)}"
    f" OR {_any(_DUE).replace(_NOW, _WALL)} AS is_now, ({_WAITS.text}) AS waits,"
    f" ({_NEXT.text.replace(_NOW, _WALL)}) AS wake_at, ({_NEXT_OVERDUE.text}) AS overdue_at"
)
_OF_WORKFLOWS = text(
    f"SELECT {EXPECTATION} WHERE e.workflow IS NOT NULL ORDER BY e.workflow LIMIT {SCHEDULES_MAX}"
)
_BEFORE_ALL = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What there is to decide about schedules, and when there will be more."""

    is_now: bool
    """A schedule is due, a job is replaced, a fire that waited can start, or a silence is news."""
    waits: bool
    """A fire waits for a job."""
    wake_at: int | None
    """When the next time is to be decided about (ms UTC)."""
    overdue_at: int | None
    """When the next expectation will be overdue (engine time)."""


class ScheduleReports:
    """Schedules, and what became of their times."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def all(self) -> tuple[ScheduleView, ...]:
        """Return the schedules in order of their names, at most `SCHEDULES_MAX`."""
        async with self._source.snapshot() as db:
            return await read_schedules(db, now=self.now())

    async def one(self, name: str) -> ScheduleView:
        """Return one schedule; raise `NotFound` (`schedule.unknown`)."""
        async with self._source.snapshot() as db:
            (view,) = await views_of(db, [await _found(db, name)], now=self.now())
            return view

    async def fires(self, name: str, *, after: str | None, limit: int) -> Page[FireView]:
        """Return what became of the times of a schedule, the latest first; raise as `one` does."""
        most = bounded_limit(limit)
        before, _, kind = (f"{_BEFORE_ALL}:" if after is None else after).partition(":")
        async with self._source.snapshot() as db:
            row = await _found(db, name)
            values = {"id": row.id, "before": int(before), "kind": kind, "limit": most + 1}
            rows = (await db.execute(_FIRES, values)).all()
        views = tuple(map(fire_view_of, rows[:most]))
        return Page(rows=views, next=f"{views[-1].at}:{views[-1].kind}" if len(rows) > most else None)

    async def decided(self, schedule_id: int, begin: int, end: int) -> frozenset[int]:
        """Return the times from `begin` to `end` (ms UTC) that have a job, or were filled in."""
        async with self._source.snapshot() as db:
            values = {"id": schedule_id, "begin": begin, "end": end}
            return frozenset((await db.execute(_DECIDED, values)).scalars())

    async def decided_after(self, schedule_id: int, after: int) -> frozenset[int]:
        """Return times after a moment (ms UTC) about which was decided, as by a skip; the first 1,000."""
        async with self._source.snapshot() as db:
            values = {"id": schedule_id, "after": after}
            return frozenset((await db.execute(_DECIDED_AFTER, values)).scalars())

    async def forgotten(self, schedule_id: int) -> int | None:
        """Return the last time (ms UTC) of which was forgotten whether it fired, if there is one."""
        async with self._source.snapshot() as db:
            found: int | None = (await db.execute(_FORGOTTEN, {"id": schedule_id})).scalar_one()
            return found

    def now(self) -> int:
        """Return the moment (ms UTC) that these reports go by."""
        return self._source.now()

    async def due(self, now: int) -> tuple[ScheduleView, ...]:
        """Return schedules whose time has come (ms UTC), the longest first, at most `DUE_MAX`."""
        async with self._source.snapshot() as db:
            return tuple(map(view_of, (await db.execute(_DUE, {"now": now})).all()))

    async def outlook(self, *, wall: int, now: int) -> Outlook:
        """Return what is to be decided by the wall clock (ms UTC) and in engine time, in one statement."""
        async with self._source.snapshot() as db:
            row = (await db.execute(_OUTLOOK, {"wall": wall, "now": now})).one()
        return Outlook(
            is_now=bool(row.is_now), waits=bool(row.waits), wake_at=row.wake_at, overdue_at=row.overdue_at
        )

    async def overdue(self, now: int) -> tuple[int, ...]:
        """Return expectations that are overdue (engine time) and were not told of, at most `DUE_MAX`."""
        async with self._source.snapshot() as db:
            return tuple((await db.execute(_OVERDUE, {"now": now})).scalars())

    async def expected_workflows(self) -> tuple[ExpectationView, ...]:
        """Return what is expected of workflows, by name, at most `SCHEDULES_MAX`."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_OF_WORKFLOWS, {"now": self.now()})).all()
            return tuple(map(expectation_view_of, rows))

    async def ready(self) -> tuple[tuple[ScheduleView, int], ...]:
        """Return schedules whose first waiting fire waits for nothing any more, with its time."""
        async with self._source.snapshot() as db:
            return tuple((view_of(row), row.at) for row in (await db.execute(_READY)).all())

    async def replaced(self) -> tuple[int, ...]:
        """Return jobs that have not got their verdict, and for whose end a replacing fire waits."""
        async with self._source.snapshot() as db:
            return tuple((await db.execute(_REPLACED)).scalars())


async def _found(db: AsyncConnection, name: str) -> AnyRow:
    row = (await db.execute(_ONE, {"name": name})).one_or_none()
    if row is not None:
        return row
    shown = safe_line(name)
    raise NotFound(
        "schedule.unknown",
        f"`{shown}` is not a schedule{one_of(name, list((await db.execute(_NAMES)).scalars()))}",
        hint="'taskdeck schedules' lists them",
        facts={"schedule": shown},
    )
