"""Children of jobs: what is above and below them, as columns.

Used by the waits of tasks and the page of a job.
"""

from __future__ import annotations

import json

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.values import JsonObject
from core.model.views import ChildView
from core.model.waits import AwaitedPlace, PausedJob

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
_LABEL = "g.name || CASE g.key WHEN '' THEN '' ELSE '=' || g.key END"
AWAITED_PLACE = (
    "(WITH RECURSIVE up (id) AS (SELECT x.job_id FROM task x WHERE x.id = {0}.parent_task UNION"
    " SELECT x.job_id FROM up JOIN job k ON k.id = up.id JOIN task x ON x.id = k.parent_task)"
    f" SELECT json_object('gauge', g.id, 'limit', {_LABEL},"
    " 'most', coalesce(r.changed->>'max', r.body->>'max'), 'taken', g.reserved, 'above', (SELECT max(k.id)"
    " FROM up JOIN job k ON k.id = up.id JOIN gset s ON s.id = k.place_set JOIN json_each(s.gauges) m"
    " WHERE m.value = g.id)) FROM gauge g JOIN limit_rule r ON r.name = g.name WHERE g.id = {0}.place_gauge)"
)
"""The place that the job of a table waits for, as JSON; NULL = it waits for none."""
JOB_PLACE = (
    "CASE WHEN {0}.place_gauge IS NOT NULL OR {0}.place_set > 0 THEN json_object('waits',"
    " json(iif({0}.place_gauge IS NULL, 'false', 'true')), 'limits', json((SELECT json_group_array("
    f"{_LABEL}) FROM gauge g WHERE g.id = {{0}}.place_gauge OR g.id IN (SELECT m.value FROM gset s"
    " JOIN json_each(s.gauges) m WHERE s.id = {0}.place_set)))) END"
)
"""Under which limits the job of a table has, or waits for, its place, as JSON; NULL = no limit counts it."""
CHILD_AWAITS = (
    f"(SELECT {_LABEL} FROM job c JOIN gauge g ON g.id = c.place_gauge WHERE c.id = {{0}}.child_id)"
)
"""The limit under which the child of the row of a table waits for a place."""
PARENT = (
    "(SELECT json_object('job', x.job_id, 'task', x.id, 'key', x.key,"
    " 'worklet', json(iif({0}.is_worklet, 'true', 'false'))) FROM task x"
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


def awaited_place(column: str | None) -> AwaitedPlace | None:
    """Return the place of such a column."""
    return None if column is None else AwaitedPlace(**json.loads(column))


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
