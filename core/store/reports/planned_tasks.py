"""Planned tasks: stored tasks with what is usual of them.

Read by the control, for what verbs would spend.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from core.model.patterns.instances import group_key
from core.model.predictions import PlannedTask
from core.model.run_times import Usual
from core.model.values import INBOX
from core.store.reports.run_times import read_usual
from core.store.reports.source import Source
from core.store.sql import ids

_TASKS = text(
    "SELECT t.key, t.queue, t.cost, t.job_id, job.name FROM json_each(:ids) x"
    " CROSS JOIN task t ON t.id = x.value CROSS JOIN job ON job.id = t.job_id"
)


class PlannedTaskReports:
    """What stored tasks say and usually spend."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of(self, task_ids: Sequence[int]) -> list[PlannedTask]:
        """Return these tasks; of loose ones nothing is usual."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_TASKS, {"ids": ids(task_ids)})).all()
            usual = await read_usual(db, ((row.name, group_key(row.key)) for row in rows))
        return [
            PlannedTask(
                key=row.key,
                queue=row.queue,
                cost=row.cost,
                usual=Usual() if row.job_id == INBOX else usual.get((row.name, group_key(row.key)), Usual()),
            )
            for row in rows
        ]
