"""Artifacts: the files that tasks of a job left.

Read by the control and for expressions.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from core.store.reports.jobs import read_job
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source
from core.store.sql import ids

_COLUMNS = "SELECT a.task_id, a.epoch, a.name, a.position, a.path, a.size, a.hash, t.key FROM"
_OF_TASKS = text(
    f"{_COLUMNS} artifact a JOIN task t ON t.id = a.task_id AND t.epoch = a.epoch AND t.status = 'succeeded'"
    " WHERE a.task_id IN (SELECT value FROM json_each(:ids)) ORDER BY a.task_id, a.name, a.position"
)
# From task to task in the order of an index: a page sorts nothing, and begins at the task of its cursor.
_IN_TURN = "CROSS JOIN artifact a ON a.task_id = t.id AND a.epoch = t.epoch WHERE t.status = 'succeeded'"
_BEHIND = "(t.id != :task OR (a.name, a.position) > (:name, :position))"
_OF_JOB = text(
    f"{_COLUMNS} task t INDEXED BY task_list {_IN_TURN} AND t.job_id = :job AND t.id >= :task AND {_BEHIND}"
    " ORDER BY t.id, a.name, a.position LIMIT :limit"
)
_OF_TASK = text(
    f"{_COLUMNS} task t {_IN_TURN} AND t.id = :of AND t.job_id = :job AND t.id >= :task AND {_BEHIND}"
    " ORDER BY a.name, a.position LIMIT :limit"
)
_OF_GROUP = text(
    f"{_COLUMNS} task t INDEXED BY task_item {_IN_TURN} AND t.set_id = :set AND t.job_id = :job"
    " AND t.item >= coalesce((SELECT item FROM task WHERE id = :task AND set_id = :set), 0)"
    f" AND {_BEHIND} ORDER BY t.item, t.id, a.name, a.position LIMIT :limit"
)
_NEWEST_SET = text("SELECT max(id) FROM instance_set WHERE task_id = :of")


class ArtifactReports:
    """The artifacts of jobs."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of_job(
        self,
        job_id: int,
        *,
        task_id: int | None = None,
        after: KeptArtifact | None = None,
        limit: int = 1_000,
    ) -> tuple[KeptArtifact, ...]:
        """Return files that the last attempts of the tasks of a job left, in order of task, name and path.

        With `task_id` those of this task of the job; of a group those of its present instances, in order of
        index. Raises `NotFound` (`job.unknown`).
        """
        place = (0, "", 0) if after is None else (after.task_id, after.file.name, after.position)
        named: dict[str, object] = {"job": job_id, "of": task_id, "limit": limit}
        named |= zip(("task", "name", "position"), place, strict=True)
        async with self._source.snapshot() as db:
            await read_job(db, job_id)
            if task_id is None:
                return tuple(map(_kept, (await db.execute(_OF_JOB, named)).all()))
            set_id = (await db.execute(_NEWEST_SET, named)).scalar()
            query = _OF_TASK if set_id is None else _OF_GROUP
            return tuple(map(_kept, (await db.execute(query, named | {"set": set_id})).all()))


async def read_kept(db: AsyncConnection, task_ids: Collection[int]) -> dict[int, tuple[KeptArtifact, ...]]:
    """Return the files that the last attempts of tasks left, by task."""
    found: dict[int, list[KeptArtifact]] = {}
    rows = (await db.execute(_OF_TASKS, {"ids": ids(task_ids)})).all() if task_ids else []
    for row in rows:
        found.setdefault(row.task_id, []).append(_kept(row))
    return {task_id: tuple(files) for task_id, files in found.items()}


def _kept(row: AnyRow) -> KeptArtifact:
    return KeptArtifact(
        task_id=row.task_id,
        epoch=row.epoch,
        position=row.position,
        file=ArtifactFile(name=row.name, path=row.path, size=row.size, hash=row.hash),
        key=row.key,
    )
