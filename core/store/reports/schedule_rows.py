"""Rows of schedules and fires as views.

Used by the reports of schedules and by the totals.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import Invalid
from core.model.limits.limit_views import Cause
from core.model.records import replace
from core.model.status import JOB_FINAL, JobStatus
from core.model.text import safe_line
from core.model.timing.schedule_views import MISSED_MS, SCHEDULES_MAX, ExpectationView, FireView, ScheduleView
from core.model.timing.schedules import FireKind, FireStatus, Schedule, Timing, schedule_of
from core.store.reports.rows import AnyRow
from core.store.sql import among, ids

LIVE = among(set(JobStatus) - JOB_FINAL)
"""Jobs that have not ended."""
COLUMNS = (
    "s.id, s.name, s.body, s.handled_at, s.due_at, s.wake_at, s.created_at, coalesce(s.actor, '') AS actor,"
    " s.paused_at, coalesce(s.paused_by, '') AS paused_by, coalesce(s.pause_reason, '') AS pause_reason"
)
_ALL = text(
    f"SELECT {COLUMNS} FROM schedule s WHERE s.removed_at IS NULL ORDER BY s.name LIMIT {SCHEDULES_MAX}"
)
_WAITING = text(
    "SELECT schedule_id AS id, count(*) AS n FROM fire INDEXED BY fire_waiting WHERE status = 'waiting'"
    " AND schedule_id IN (SELECT value FROM json_each(:ids)) GROUP BY 1"
)
_OPEN = text(
    "SELECT x.value AS id, (SELECT count(*) FROM job INDEXED BY job_of_schedule"
    f" WHERE schedule_id = x.value AND {LIVE}) AS n FROM json_each(:ids) x"
)
_MISSED = text(
    "SELECT x.value AS id, (SELECT coalesce(sum(n), 0) FROM fire WHERE schedule_id = x.value AND at > :since"
    " AND status = 'missed') AS n FROM json_each(:ids) x"
)
FIRE = (
    "f.schedule_id, f.at, f.status, f.kind, f.decided_at, f.job_id, j.status AS job_status, f.n, f.since,"
    " f.actor, coalesce(f.reason, '') AS reason"
)
_LAST = text(
    f"SELECT {FIRE} FROM json_each(:ids) x JOIN fire f ON f.schedule_id = x.value AND f.at ="
    " (SELECT max(at) FROM fire WHERE schedule_id = x.value AND status != 'waiting')"
    " LEFT JOIN job j ON j.id = f.job_id"
)
# Silent before an engine tells it, too: none may run.
EXPECTATION = (
    "e.schedule_id, e.workflow, e.every_ms, e.since, CASE WHEN e.missed_at IS NOT NULL THEN e.missed_at"
    " WHEN e.due_at - g.time_offset <= :now THEN e.due_at - g.time_offset END AS silent_since"
    " FROM expectation e JOIN engine g"
)
"""Columns and tables of expectations, as of `now` (ms UTC)."""
_EXPECTED = text(f"SELECT {EXPECTATION} WHERE e.schedule_id IN (SELECT value FROM json_each(:ids))")


async def read_schedules(db: AsyncConnection, *, now: int) -> tuple[ScheduleView, ...]:
    """Return the schedules in order of their names, at most `SCHEDULES_MAX`."""
    return await views_of(db, (await db.execute(_ALL)).all(), now=now)


async def views_of(db: AsyncConnection, rows: Sequence[AnyRow], *, now: int) -> tuple[ScheduleView, ...]:
    asked = {"ids": ids(row.id for row in rows)}
    waiting = {row.id: row.n for row in await db.execute(_WAITING, asked)}
    open_jobs = {row.id: row.n for row in await db.execute(_OPEN, asked)}
    since = {**asked, "since": now - MISSED_MS}
    missed = {row.id: row.n for row in await db.execute(_MISSED, since)}
    at_now = {**asked, "now": now}
    expected = {row.schedule_id: expectation_view_of(row) for row in await db.execute(_EXPECTED, at_now)}
    last = {row.schedule_id: fire_view_of(row) for row in await db.execute(_LAST, asked)}
    return tuple(
        replace(
            view_of(row),
            waiting=waiting.get(row.id, 0),
            open_jobs=open_jobs.get(row.id, 0),
            missed=missed.get(row.id, 0),
            last=last.get(row.id),
            expected=expected.get(row.id),
        )
        for row in rows
    )


def _read(row: AnyRow) -> tuple[Schedule, str]:
    """Return the schedule of a row; its name and next time, and why, where the rest cannot be read."""
    try:
        return schedule_of(row.body), ""
    except Invalid as error:
        at = row.created_at if row.due_at is None else row.due_at
        return Schedule(name=row.name, timing=Timing(at=at)), safe_line(str(error.facts["reason"]))


def view_of(row: AnyRow) -> ScheduleView:
    is_paused = row.paused_at is not None
    schedule, fault = _read(row)
    return ScheduleView(
        id=row.id,
        schedule=schedule,
        fault=fault,
        handled_at=row.handled_at,
        due_at=row.due_at,
        wake_at=row.wake_at,
        created_at=row.created_at,
        actor=row.actor,
        paused=Cause(at=row.paused_at, by=row.paused_by, reason=row.pause_reason) if is_paused else None,
    )


def expectation_view_of(row: AnyRow) -> ExpectationView:
    """Return an expectation as readers see it."""
    return ExpectationView(
        workflow=row.workflow, every_ms=row.every_ms, since=row.since, silent_since=row.silent_since
    )


def fire_view_of(row: AnyRow) -> FireView:
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
