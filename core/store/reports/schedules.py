"""Schedules: which are due, and what became of their times.

Read by the engine's loop of schedules and by the control.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import NotFound
from core.model.limit_views import Cause
from core.model.near_misses import one_of
from core.model.records import replace
from core.model.schedule_views import MISSED_MS, SCHEDULES_MAX, FireView, ScheduleView
from core.model.schedules import DAY_MS, FireKind, FireStatus, schedule_of
from core.model.status import JOB_FINAL, JobStatus
from core.model.text import safe_line
from core.model.views import Page
from core.store.reports.keyset import bounded_limit
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source
from core.store.sql import among, ids, unpack

DUE_MAX = 100
"""Schedules that are due, or wait, which one look takes up."""
_LIVE = among(set(JobStatus) - JOB_FINAL)
_COLUMNS = (
    "s.id, s.name, s.body, s.handled_at, s.due_at, s.wake_at, s.created_at, coalesce(s.actor, '') AS actor,"
    " s.paused_at, coalesce(s.paused_by, '') AS paused_by, coalesce(s.pause_reason, '') AS pause_reason"
)
_ALL = text(
    f"SELECT {_COLUMNS} FROM schedule s WHERE s.removed_at IS NULL ORDER BY s.name LIMIT {SCHEDULES_MAX}"
)
_ONE = text(f"SELECT {_COLUMNS} FROM schedule s WHERE s.name = :name AND s.removed_at IS NULL")
_NAMES = text("SELECT name FROM schedule WHERE removed_at IS NULL ORDER BY name LIMIT 400")
# And those that stand ahead of the clock by more than a day: it was wrong when they were decided about.
_DUE = text(
    f"SELECT {_COLUMNS} FROM schedule s INDEXED BY schedule_wake WHERE s.removed_at IS NULL"
    " AND s.paused_at IS NULL AND s.wake_at IS NOT NULL AND s.wake_at <= :now"
    f" UNION SELECT {_COLUMNS} FROM schedule s WHERE s.removed_at IS NULL AND s.paused_at IS NULL"
    f" AND s.handled_at > :now + {DAY_MS} ORDER BY wake_at LIMIT {DUE_MAX}"
)
_NEXT = text(
    "SELECT min(wake_at) FROM schedule INDEXED BY schedule_wake"
    " WHERE removed_at IS NULL AND paused_at IS NULL AND wake_at IS NOT NULL AND wake_at > :now"
)
_WAITS = text("SELECT EXISTS (SELECT 1 FROM fire INDEXED BY fire_waiting WHERE status = 'waiting')")
# Those whose first fire waits for nothing any more.
_READY = text(
    f"SELECT {_COLUMNS}, min(f.at) AS at FROM fire f INDEXED BY fire_waiting JOIN schedule s"
    " ON s.id = f.schedule_id AND s.removed_at IS NULL AND s.paused_at IS NULL WHERE f.status = 'waiting'"
    f" AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_of_schedule WHERE schedule_id = s.id AND {_LIVE})"
    f" GROUP BY s.id LIMIT {DUE_MAX}"
)
_REPLACED = text(
    "SELECT j.id FROM schedule s JOIN job j INDEXED BY job_of_schedule ON j.schedule_id = s.id"
    f" AND {among(set(JobStatus) - JOB_FINAL - {JobStatus.ENDING}, 'j.status')}"
    " WHERE s.removed_at IS NULL AND s.body->>'$.policy.overlap' = 'replace'"
    " AND EXISTS (SELECT 1 FROM fire f INDEXED BY fire_waiting WHERE f.schedule_id = s.id"
    " AND f.status = 'waiting') ORDER BY j.id LIMIT 1000"
)
_WAITING = text(
    "SELECT schedule_id AS id, count(*) AS n FROM fire INDEXED BY fire_waiting WHERE status = 'waiting'"
    " AND schedule_id IN (SELECT value FROM json_each(:ids)) GROUP BY 1"
)
_OPEN = text(
    "SELECT x.value AS id, (SELECT count(*) FROM job INDEXED BY job_of_schedule"
    f" WHERE schedule_id = x.value AND {_LIVE}) AS n FROM json_each(:ids) x"
)
_MISSED = text(
    "SELECT x.value AS id, (SELECT coalesce(sum(n), 0) FROM fire WHERE schedule_id = x.value AND at > :since"
    " AND status = 'missed') AS n FROM json_each(:ids) x"
)
_FIRE = (
    "f.schedule_id, f.at, f.status, f.kind, f.decided_at, f.job_id, j.status AS job_status, f.n, f.since,"
    " f.actor, coalesce(f.reason, '') AS reason"
)
_LAST = text(
    f"SELECT {_FIRE} FROM json_each(:ids) x JOIN fire f ON f.schedule_id = x.value AND f.at ="
    " (SELECT max(at) FROM fire WHERE schedule_id = x.value AND status != 'waiting')"
    " LEFT JOIN job j ON j.id = f.job_id"
)
_FIRES = text(
    f"SELECT {_FIRE} FROM fire f LEFT JOIN job j ON j.id = f.job_id"
    " WHERE f.schedule_id = :id AND (f.at, f.kind) < (:before, :kind)"
    " ORDER BY f.at DESC, f.kind DESC LIMIT :limit"
)
# What was missed, skipped or refused may be filled in, once.
_DECIDED = text(
    "SELECT at FROM fire WHERE schedule_id = :id AND at >= :begin AND at < :end"
    " AND (status = 'submitted' OR status = 'waiting' OR kind = 'backfill')"
)
_BEFORE_ALL = 2**62


class ScheduleReports:
    """Schedules, and what became of their times."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def all(self) -> tuple[ScheduleView, ...]:
        """Return the schedules in order of their names, at most `SCHEDULES_MAX`."""
        async with self._source.snapshot() as db:
            return await self._views(db, (await db.execute(_ALL)).all())

    async def one(self, name: str) -> ScheduleView:
        """Return one schedule; raise `NotFound` (`schedule.unknown`)."""
        async with self._source.snapshot() as db:
            (view,) = await self._views(db, [await _found(db, name)])
            return view

    async def fires(self, name: str, *, after: str | None, limit: int) -> Page[FireView]:
        """Return what became of the times of a schedule, the latest first; raise as `one` does."""
        most = bounded_limit(limit)
        before, _, kind = (f"{_BEFORE_ALL}:" if after is None else after).partition(":")
        async with self._source.snapshot() as db:
            row = await _found(db, name)
            values = {"id": row.id, "before": int(before), "kind": kind, "limit": most + 1}
            rows = (await db.execute(_FIRES, values)).all()
        views = tuple(map(_fire_view, rows[:most]))
        return Page(rows=views, next=f"{views[-1].at}:{views[-1].kind}" if len(rows) > most else None)

    async def decided(self, schedule_id: int, begin: int, end: int) -> frozenset[int]:
        """Return the times from `begin` to `end` (ms UTC) that have a job, or were filled in."""
        async with self._source.snapshot() as db:
            values = {"id": schedule_id, "begin": begin, "end": end}
            return frozenset((await db.execute(_DECIDED, values)).scalars())

    async def due(self, now: int) -> tuple[ScheduleView, ...]:
        """Return schedules whose time has come (ms UTC), the longest first, at most `DUE_MAX`."""
        async with self._source.snapshot() as db:
            return tuple(map(_view, (await db.execute(_DUE, {"now": now})).all()))

    async def next_wake(self, now: int) -> int | None:
        """Return when the next time after a moment is to be decided about (ms UTC); None = there is none."""
        async with self._source.snapshot() as db:
            found: int | None = (await db.execute(_NEXT, {"now": now})).scalar_one()
            return found

    async def waits(self) -> bool:
        """Return whether a fire waits for a job."""
        async with self._source.snapshot() as db:
            return bool((await db.execute(_WAITS)).scalar_one())

    async def ready(self) -> tuple[tuple[ScheduleView, int], ...]:
        """Return schedules whose first waiting fire waits for nothing any more, with its time."""
        async with self._source.snapshot() as db:
            return tuple((_view(row), row.at) for row in (await db.execute(_READY)).all())

    async def replaced(self) -> tuple[int, ...]:
        """Return jobs that have not got their verdict, and for whose end a replacing fire waits."""
        async with self._source.snapshot() as db:
            return tuple((await db.execute(_REPLACED)).scalars())

    async def _views(self, db: AsyncConnection, rows: Sequence[AnyRow]) -> tuple[ScheduleView, ...]:
        asked = {"ids": ids(row.id for row in rows)}
        waiting = {row.id: row.n for row in await db.execute(_WAITING, asked)}
        open_jobs = {row.id: row.n for row in await db.execute(_OPEN, asked)}
        since = {**asked, "since": self._source.now() - MISSED_MS}
        missed = {row.id: row.n for row in await db.execute(_MISSED, since)}
        last = {row.schedule_id: _fire_view(row) for row in await db.execute(_LAST, asked)}
        return tuple(
            replace(
                _view(row),
                waiting=waiting.get(row.id, 0),
                open_jobs=open_jobs.get(row.id, 0),
                missed=missed.get(row.id, 0),
                last=last.get(row.id),
            )
            for row in rows
        )


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


def _view(row: AnyRow) -> ScheduleView:
    is_paused = row.paused_at is not None
    return ScheduleView(
        id=row.id,
        schedule=schedule_of(unpack(row.body)),
        handled_at=row.handled_at,
        due_at=row.due_at,
        wake_at=row.wake_at,
        created_at=row.created_at,
        actor=row.actor,
        paused=Cause(at=row.paused_at, by=row.paused_by, reason=row.pause_reason) if is_paused else None,
    )


def _fire_view(row: AnyRow) -> FireView:
    return FireView(
        at=row.at,
        status=FireStatus(row.status),
        kind=FireKind(row.kind),
        decided_at=row.decided_at,
        job_id=row.job_id,
        job_status=row.job_status,
        number=row.n,
        since=row.since,
        actor=row.actor,
        reason=row.reason,
    )
