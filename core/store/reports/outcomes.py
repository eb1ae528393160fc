"""Outcomes: how jobs and tasks ended.

Read by the engine, for the callers that wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from core.model.views import JobResult
from core.store.reports.jobs import read_job
from core.store.reports.source import Source
from core.store.sql import ids

_STATUSES = text("SELECT id, status FROM task WHERE id IN (SELECT value FROM json_each(:ids))")


class OutcomeReports:
    """What waiters ask when they are woken."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def results(self, job_id: int) -> JobResult:
        """Return the status of a job, final or not; raise `NotFound` (`job.unknown`)."""
        async with self._source.snapshot() as db:
            job = await read_job(db, job_id)
        return JobResult(id=job.id, status=job.status, tasks=job.tasks, reason=job.reason)

    async def task_statuses(self, task_ids: Sequence[int]) -> dict[int, str]:
        """Return the statuses of tasks by id; unknown ids are missing."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_STATUSES, {"ids": ids(task_ids)})).all()
        return {row.id: row.status for row in rows}
