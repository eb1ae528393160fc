"""Lost attempts: tasks that an operator must decide on."""

from __future__ import annotations

from sqlalchemy import text

from core.model.orphans import OrphanKind, OrphanView
from core.store.reports.keyset import PAGE_MAX
from core.store.reports.source import Source

# Not every held task whose attempt was lost waits for a decision: an operator may hold a retry, too.
_LOST = text(
    "SELECT t.id, t.job_id, t.key, a.epoch, a.finished_at,"
    " coalesce(json_extract(a.error, '$.message'), '') AS reason"
    " FROM task t INDEXED BY task_trouble JOIN attempt a ON a.task_id = t.id AND a.epoch = t.epoch"
    " WHERE t.status = 'held' AND t.status IN ('failed', 'held', 'retrying', 'waiting')"
    " AND a.status = 'lost' AND json_extract(t.spec, '$.on_loss') = 'ask'"
    f" ORDER BY t.id LIMIT {PAGE_MAX}"
)


class LostReports:
    """What of the orphans only the store knows."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def orphans(self) -> tuple[OrphanView, ...]:
        """Return held tasks whose last attempt was lost under `on_loss: ask`, by id; at most 2,000."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_LOST)).all()
        return tuple(
            OrphanView(
                kind=OrphanKind.LOST,
                task_id=row.id,
                job_id=row.job_id,
                key=row.key,
                epoch=row.epoch,
                since=row.finished_at,
                reason=row.reason,
            )
            for row in rows
        )
