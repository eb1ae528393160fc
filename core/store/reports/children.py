"""Children of jobs: what is above and below them, as columns.

Used by the waits of tasks and the page of a job.
"""

from __future__ import annotations

import json

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.values import JsonObject
from core.model.views import ChildView
from core.model.waits import PausedJob

CHILDREN_MAX = 1_000
"""Children that the page of a job shows."""
PAUSED_ABOVE = (
    "(WITH RECURSIVE up (id) AS (SELECT x.job_id FROM task x WHERE x.id = {0}.parent_task UNION"
    " SELECT x.job_id FROM up JOIN job k ON k.id = up.id JOIN task x ON x.id = k.parent_task)"
    " SELECT json_group_array(json_object('job', k.id, 'by', k.paused_by, 'at', k.paused_at,"
    " 'reason', k.pause_reason)) FROM up JOIN job k ON k.id = up.id"
    " WHERE k.status = 'paused' AND {0}.status IN ('paused', 'pending', 'running'))"
)
"""The paused jobs above the job of a table, nearest first, as JSON."""
PARENT = (
    "(SELECT json_object('job', x.job_id, 'task', x.id, 'key', x.key) FROM task x"
    " WHERE x.id = {0}.parent_task)"
)
"""The task that waits for the job of a table, as JSON; NULL = it is not a child."""
_CHILDREN = text(
    "SELECT c.id AS job_id, c.name, c.status, t.id AS task_id, t.key, c.superseded, c.is_worklet"
    " FROM job j CROSS JOIN job c INDEXED BY job_of_root ON c.root_id = coalesce(j.root_id, j.id)"
    " JOIN task t ON t.id = c.parent_task"
    f" WHERE j.id = :job AND t.job_id = j.id ORDER BY c.id LIMIT {CHILDREN_MAX}"
)


def paused_jobs(column: str | None) -> tuple[PausedJob, ...]:
    """Return the paused jobs of such a column."""
    return tuple(PausedJob(**one) for one in json.loads(column or "[]"))


def objects(column: str | None) -> tuple[JsonObject, ...]:
    """Return the same as objects."""
    return tuple(json.loads(column or "[]"))


async def read_children(db: AsyncConnection, job_id: int) -> tuple[ChildView, ...]:
    """Return the jobs that tasks of a job wait for, or waited for."""
    rows = (await db.execute(_CHILDREN, {"job": job_id})).all()
    return tuple(
        ChildView(
            job_id=row.job_id,
            name=row.name,
            status=row.status,
            task_id=row.task_id,
            key=row.key,
            superseded=bool(row.superseded),
            is_worklet=bool(row.is_worklet),
        )
        for row in rows
    )
