"""Signals: what is kept for tasks that come, and which tasks wait.

Read by the control for `signals`.
"""

from __future__ import annotations

from sqlalchemy import text

from core.model.patterns.signal_views import KeptSignal, SignalsView, SignalWaiter
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source

_KEPT = text(
    "SELECT id, name, key, at, expires_at - (SELECT time_offset FROM engine) AS expires_at, actor AS by, uid"
    " FROM signal WHERE task_id IS NULL AND expires_at > :now + (SELECT time_offset FROM engine)"
    " ORDER BY id LIMIT :limit"
)
_WAITERS = text(
    "SELECT w.name, w.key, w.task_id, t.job_id, t.key AS task, w.since,"
    " w.fails_at - (SELECT time_offset FROM engine) AS fails_at, w.is_held FROM awaited w"
    " JOIN task t ON t.id = w.task_id WHERE w.name IS NOT NULL ORDER BY w.task_id LIMIT :limit"
)


class SignalReports:
    """Signals and who waits for them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def list(self, *, limit: int) -> SignalsView:
        """Return what is kept and has not expired, and who waits; at most `limit` of each."""
        most = bounded_limit(limit)
        async with self._source.snapshot() as db:
            bound = {"limit": most + 1, "now": self._source.now()}
            kept = (await db.execute(_KEPT, bound)).mappings().all()
            waiters = (await db.execute(_WAITERS, bound)).mappings().all()
        return SignalsView(
            kept=tuple(KeptSignal(**row) for row in kept[:most]),
            waiters=tuple(SignalWaiter(**{**row, "is_held": bool(row["is_held"])}) for row in waiters[:most]),
            more=len(kept) > most or len(waiters) > most,
        )
