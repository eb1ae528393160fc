"""Conditions: blocked tasks whose `when` can be judged.

Read by the engine's conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from core.store.reports.keyset import bounded_limit
from core.store.reports.source import Source

_WAITING = text(
    "SELECT id AS task_id, job_id, key, uses, spec FROM task INDEXED BY task_condition"
    " WHERE wait_reason = 'condition' AND id > :after ORDER BY id LIMIT :limit"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCondition:
    """A blocked task whose `when` must be judged; `spec` is the stored JSON text."""

    task_id: int
    job_id: int
    key: str
    uses: str
    spec: str


class ConditionReports:
    """What admission has to judge."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def waiting_conditions(self, *, after: int = 0, limit: int = 500) -> list[WaitingCondition]:
        """Return tasks that wait for the judgement of their `when`, in order of id, above `after`."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_WAITING, {"after": after, "limit": bounded_limit(limit)})
            return [WaitingCondition(**row) for row in rows.mappings()]
