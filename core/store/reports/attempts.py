"""Attempts to take over at a start, and lost ones to decide.

Read by the engine's recovery and by the list of orphans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from core.model.orphans import OrphanKind, OrphanView
from core.store.reports.paging.keyset import PAGE_MAX, bounded_limit
from core.store.reports.source import Source
from core.store.sql import ids, member

# How far engine time was ahead of the wall clock when the attempt was claimed.
_OFFSET = (
    "coalesce((SELECT json_extract(c.data, '$.offset_ms') FROM event c INDEXED BY event_clock"
    " WHERE c.kind = 'clock.stepped' AND c.id < (SELECT max(e.id) FROM event e INDEXED BY event_task"
    " WHERE e.task_id = a.task_id AND e.kind = 'task.claimed') ORDER BY c.id DESC LIMIT 1), 0)"
)
_OPEN = text(
    "SELECT a.task_id, a.epoch, t.job_id, t.key, t.uses, t.spec, t.stop_how, t.tries, t.losses, t.bounces,"
    f" t.generation, t.max_attempts, a.started_at + {_OFFSET} AS started_at, a.exhausted"
    " FROM attempt a INDEXED BY attempt_open JOIN task t ON t.id = a.task_id"
    " WHERE a.status = 'running' AND a.task_id > :after ORDER BY a.task_id LIMIT :limit"
)
# Not every held task whose attempt was lost waits for a decision: an operator may hold a retry, too.
_WAITING = (
    " FROM task t INDEXED BY task_trouble JOIN attempt a ON a.task_id = t.id AND a.epoch = t.epoch"
    " WHERE t.status = 'held' AND t.status IN ('failed', 'held', 'retrying', 'waiting')"
    f" AND a.status = 'lost' AND {member('t.spec', '$.on_loss')} = 'ask'"
)
_LOST = text(
    "SELECT t.id, t.job_id, t.key, a.epoch, a.finished_at,"
    f" coalesce({member('a.error', '$.message')}, '') AS reason"
    f"{_WAITING} ORDER BY t.id LIMIT {PAGE_MAX}"
)
_PLACES = text("SELECT id, job_id, key FROM task WHERE id IN (SELECT value FROM json_each(:ids))")
_LATEST = text(
    "SELECT a.task_id, a.epoch FROM task t JOIN attempt a ON a.task_id = t.id AND a.epoch = t.epoch"
    " WHERE t.id IN (SELECT value FROM json_each(:ids)) AND a.status != 'bounced'"
)
_LOST_COUNT = text(f"SELECT count(*) FROM (SELECT 1{_WAITING} LIMIT {PAGE_MAX})")


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
    """Engine time."""
    exhausted: str | None = None
    """The budget for which it may end early."""


class AttemptReports:
    """The attempts that an engine has to take over, and the latest of tasks."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def open_attempts(self, *, after: int = 0, limit: int = 500) -> list[OpenAttempt]:
        """Return open attempts in order of task id, above `after`."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_OPEN, {"after": after, "limit": bounded_limit(limit)})
            return [OpenAttempt(**row) for row in rows.mappings()]

    async def latest(self, task_ids: Sequence[int]) -> dict[int, int]:
        """Return the number of the latest attempt of tasks that ran, unless that one never began."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_LATEST, {"ids": ids(task_ids)})
            return {row.task_id: row.epoch for row in rows}


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

    async def places(self, task_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Return job and key of tasks that are stored."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_PLACES, {"ids": ids(task_ids)})
            return {row.id: (row.job_id, row.key) for row in rows}

    async def count(self) -> int:
        """Return how many `orphans` returns."""
        async with self._source.snapshot() as db:
            return int((await db.execute(_LOST_COUNT)).scalar_one())
