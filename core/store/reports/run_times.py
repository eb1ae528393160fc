"""Run times: what is usual for tasks of workflows.

Read by the control, for what runs and for the page of a task.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, text

from core.model.run_times import UsualTime, usual_time
from core.store.predicates import bound
from core.store.reports.source import Source
from core.store.schema import run_time
from core.store.sql import ids

TASKS_MAX = 100
"""Tasks that are answered for at once; a list has the usual times of its first ones that run."""

KEYS_MAX = 1_000
"""Tasks of a workflow that are answered for at once."""

_TIMES = text(
    "SELECT x.value AS id, group_concat(r.ms) AS times FROM json_each(:ids) x CROSS JOIN task t"
    " ON t.id = x.value AND t.job_id > 1 CROSS JOIN job j ON j.id = t.job_id"
    " CROSS JOIN run_time r ON r.workflow = j.name AND r.key = t.key GROUP BY x.value"
)


class RunTimeReports:
    """How long the last attempts of tasks took."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of_workflow(self, workflow: str) -> dict[str, UsualTime]:
        """Return what is usual for the tasks of a workflow, by key."""
        query = (
            select(run_time.c.key, func.group_concat(run_time.c.ms).label("times"))
            .where(run_time.c.workflow == bound(workflow))
            .group_by(run_time.c.key)
            .limit(KEYS_MAX)
        )
        async with self._source.snapshot() as db:
            rows = (await db.execute(query)).all()
        found = {row.key: usual_time([int(ms) for ms in row.times.split(",")]) for row in rows}
        return {key: usual for key, usual in found.items() if usual is not None}

    async def usual(self, task_ids: Sequence[int]) -> dict[int, UsualTime]:
        """Return what is usual for these tasks, the first `TASKS_MAX`; loose and new ones are missing."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_TIMES, {"ids": ids(task_ids[:TASKS_MAX])})).all()
        found = {row.id: usual_time([int(ms) for ms in row.times.split(",")]) for row in rows}
        return {task_id: usual for task_id, usual in found.items() if usual is not None}
