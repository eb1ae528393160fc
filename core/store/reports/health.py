"""What the store tells of health.

Read by the control.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from core.store.reports.source import Source

_SHUT_MOST = 20

_ENGINE = text("SELECT epoch, started_at, stopped_at FROM engine WHERE id = 1")
_SHUT = text(
    "SELECT g.name, g.key FROM gauge g JOIN limit_rule l ON l.name = g.name AND l.removed_at IS NULL"
    " CROSS JOIN engine e WHERE g.down_at IS NULL AND (g.trial IS NOT NULL OR g.shut_until > e.time_at)"
    f" ORDER BY g.name, g.key LIMIT {_SHUT_MOST}"
)
_SCHEDULES = text(
    "SELECT count(*) AS n, min(wake_at) AS first, coalesce(sum(wake_at < :now), 0) AS overdue"
    " FROM schedule INDEXED BY schedule_wake"
    " WHERE removed_at IS NULL AND paused_at IS NULL AND wake_at IS NOT NULL"
)
_MISSED = text(
    "SELECT coalesce(sum(f.n), 0) FROM fire f JOIN schedule s ON s.id = f.schedule_id"
    " WHERE s.removed_at IS NULL AND f.status = 'missed' AND f.decided_at > :since"
)
# Silent before an engine tells it, too; a schedule without a next time is expected no more.
_SILENT = text(
    "SELECT coalesce('schedule ' || s.name, 'workflow ' || e.workflow) AS name,"
    " coalesce(e.missed_at, e.due_at - g.time_offset) AS since"
    " FROM expectation e JOIN engine g LEFT JOIN schedule s ON s.id = e.schedule_id"
    " WHERE (e.missed_at IS NOT NULL OR e.due_at - g.time_offset <= :now)"
    " AND (e.schedule_id IS NULL OR s.due_at IS NOT NULL AND s.removed_at IS NULL)"
    f" ORDER BY 2, 1 LIMIT {_SHUT_MOST}"
)
LATE_MS = 60_000
"""A schedule that an engine has not looked at by then has none."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFacts:
    """What rows tell; times in ms UTC."""

    stopped_at: int | None = None
    """When the last engine ended; None = one owns the store, died, or has not been."""
    shut: tuple[str, ...] = ()
    schedules: int = 0
    overdue: int = 0
    overdue_since: int | None = None
    missed: int = 0
    silent: tuple[str, ...] = ()
    """Schedules and workflows without a success in time, the longest first; at most 20."""
    silent_since: int | None = None


class HealthReports:
    """One look at what needs an operator."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def now(self) -> HealthFacts:
        """Return what the rows tell now."""
        now = self._source.now()
        async with self._source.snapshot() as db:
            engine = (await db.execute(_ENGINE)).one()
            shut = (await db.execute(_SHUT)).all()
            schedules = (await db.execute(_SCHEDULES, {"now": now - LATE_MS})).one()
            silent = (await db.execute(_SILENT, {"now": now})).all()
            missed = (await db.execute(_MISSED, {"since": now - DAY_MS})).scalar_one()
        return HealthFacts(
            stopped_at=engine.stopped_at,
            shut=tuple(row.key or row.name.partition(":")[2] or row.name for row in shut),
            schedules=schedules.n,
            overdue=schedules.overdue,
            overdue_since=schedules.first if schedules.overdue else None,
            missed=missed,
            silent=tuple(row.name for row in silent),
            silent_since=silent[0].since if silent else None,
        )
