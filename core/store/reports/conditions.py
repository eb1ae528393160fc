"""Conditions: blocked tasks whose `when` can be judged.

Read by the engine's conditions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text

from core.model.patterns.judgements import Question
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source
from core.store.sql import ids

_WAITS = (
    "t.wait_reason = 'condition' AND NOT EXISTS (SELECT 1 FROM job j"
    " WHERE j.id = t.job_id AND j.place_gauge IS NOT NULL)"
)
_ASKS = "w.asks IS NOT NULL AND w.is_held = 0"
_TO_JUDGE = text(
    f"SELECT t.id FROM task t INDEXED BY task_condition WHERE {_WAITS} AND t.id > :after"
    f" UNION ALL SELECT w.task_id FROM awaited w INDEXED BY awaited_asks WHERE {_ASKS} AND w.task_id > :after"
    " ORDER BY 1 LIMIT :limit"
)
_WAITING = text(
    "SELECT t.id AS task_id, t.job_id, t.key, t.uses, t.spec, NULL AS asks, NULL AS error, t.epoch,"
    f" t.generation FROM json_each(:ids) n CROSS JOIN task t ON t.id = n.value WHERE {_WAITS}"
)
_ASKING = text(
    "SELECT t.id AS task_id, t.job_id, t.key, t.uses, t.spec, w.asks, t.error, t.epoch, t.generation"
    " FROM json_each(:ids) n CROSS JOIN awaited w ON w.task_id = n.value"
    f" CROSS JOIN task t ON t.id = w.task_id WHERE {_ASKS}"
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
    generation: int = 1

    @property
    def question(self) -> Question:
        """Return what it asks, so that no other question takes the answer."""
        return Question(asks=self.asks, generation=self.generation, epoch=self.epoch)


class ConditionReports:
    """What admission has to judge."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def to_judge(self, *, after: int = 0, limit: int = 500) -> list[int]:
        """Return a page of all tasks that wait for a judgement or ask something, in order of id."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_TO_JUDGE, {"after": after, "limit": bounded_limit(limit)})
            return list(rows.scalars())

    async def some(self, task_ids: Iterable[int]) -> list[WaitingCondition]:
        """Return those of these tasks that wait for a judgement, or ask something of the engine."""
        named = {"ids": ids(task_ids)}
        async with self._source.snapshot() as db:
            rows = [row for sql in (_WAITING, _ASKING) for row in (await db.execute(sql, named)).mappings()]
            return [WaitingCondition(**row) for row in rows]
