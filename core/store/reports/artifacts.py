"""Artifacts: the files that tasks of a job left.

Read by the control and for expressions.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.artifacts import ArtifactFile, KeptArtifact
from core.store.reports.jobs import read_job
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source
from core.store.sql import ids

_FILES = (
    "SELECT a.task_id, a.epoch, a.name, a.position, a.path, a.size, a.hash, t.key FROM artifact a"
    " JOIN task t ON t.id = a.task_id AND t.epoch = a.epoch AND t.status = 'succeeded'"
)
_ORDER = " ORDER BY a.task_id, a.name, a.position"
_OF_TASKS = text(f"{_FILES} WHERE a.task_id IN (SELECT value FROM json_each(:ids)){_ORDER}")
_OF_JOB = text(
    f"{_FILES} WHERE a.task_id IN (SELECT id FROM task INDEXED BY task_list WHERE job_id = :job)"
    f" AND (a.task_id, a.name, a.position) > (:task, :name, :position){_ORDER} LIMIT :limit"
)


class ArtifactReports:
    """The artifacts of jobs."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of_job(
        self, job_id: int, *, after: KeptArtifact | None = None, limit: int = 1_000
    ) -> tuple[KeptArtifact, ...]:
        """Return files that the last attempts of the tasks of a job left, in order of task, name and path.

        Raises `NotFound` (`job.unknown`).
        """
        place = (0, "", 0) if after is None else (after.task_id, after.file.name, after.position)
        named = {"job": job_id, "limit": limit, **dict(zip(("task", "name", "position"), place, strict=True))}
        async with self._source.snapshot() as db:
            await read_job(db, job_id)
            return tuple(map(_kept, (await db.execute(_OF_JOB, named)).all()))


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
