"""Open attempts, as recovery reads them at the start of an engine."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from core.store.reports.keyset import bounded_limit
from core.store.reports.source import Source

_OPEN = text(
    "SELECT a.task_id, a.epoch, t.job_id, t.key, t.uses, t.spec, t.stop_how, t.tries, t.losses, t.bounces,"
    " t.generation, t.max_attempts, a.started_at FROM attempt a INDEXED BY attempt_open"
    " JOIN task t ON t.id = a.task_id WHERE a.status = 'running' AND a.task_id > :after"
    " ORDER BY a.task_id LIMIT :limit"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An attempt that has not closed; `spec` is the stored JSON text."""

    task_id: int
    epoch: int
    job_id: int
    key: str
    uses: str
    spec: str
    stop_how: str | None
    tries: int
    losses: int
    bounces: int
    generation: int
    max_attempts: int
    started_at: int


class AttemptReports:
    """The attempts that an engine has to take over."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def open_attempts(self, *, after: int = 0, limit: int = 500) -> list[OpenAttempt]:
        """Return open attempts in order of task id, above `after`."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_OPEN, {"after": after, "limit": bounded_limit(limit)})
            return [OpenAttempt(**row) for row in rows.mappings()]
