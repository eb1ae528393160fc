"""Conditions: blocked tasks whose `when` can be judged.

Read by the engine's conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from core.store.reports.keyset import bounded_limit
from core.store.reports.source import Source

_WAITING = text(
    "SELECT id AS task_id, job_id, key, uses, spec, NULL AS asks, NULL AS error, epoch"
    " FROM task INDEXED BY task_condition"
    " WHERE wait_reason = 'condition' AND id > :after AND NOT EXISTS (SELECT 1 FROM job j"
    " WHERE j.id = task.job_id AND j.place_gauge IS NOT NULL) ORDER BY id LIMIT :limit"
)
_ASKING = text(
    "SELECT t.id AS task_id, t.job_id, t.key, t.uses, t.spec, w.asks, t.error, t.epoch"
    " FROM awaited w INDEXED BY awaited_asks"
    " JOIN task t ON t.id = w.task_id WHERE w.asks IS NOT NULL AND w.is_held = 0 AND w.task_id > :after"
    " ORDER BY w.task_id LIMIT :limit"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCondition:
    """A blocked task whose `when` must be judged; `spec` is the stored JSON text."""

    task_id: int
    job_id: int
    key: str
    uses: str
    spec: str
    asks: str | None = None
    """What a waiting task asks of the engine: `outputs` of its child, whether its `worklet` begins."""
    error: str | None = None
    """Why its last attempt failed, as stored; None = it did not, or is not asked for."""
    epoch: int = 0
    """Of its last attempt."""


class ConditionReports:
    """What admission has to judge."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def waiting_conditions(self, *, after: int = 0, limit: int = 500) -> list[WaitingCondition]:
        """Return tasks that wait for the judgement of their `when`, in order of id, above `after`."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_WAITING, {"after": after, "limit": bounded_limit(limit)})
            return [WaitingCondition(**row) for row in rows.mappings()]

    async def asking_tasks(self, *, after: int = 0, limit: int = 500) -> list[WaitingCondition]:
        """Return waiting tasks that ask something of the engine, in order of id, above `after`."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_ASKING, {"after": after, "limit": bounded_limit(limit)})
            return [WaitingCondition(**row) for row in rows.mappings()]
