"""Expression inputs: the values that expressions of a job's tasks refer to.

Read by the engine's expression scopes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.status import TASK_FINAL
from core.model.values import JsonObject
from core.store.reports.payloads import fetch_payloads
from core.store.reports.refusals import unknown_job
from core.store.reports.rows import AnyRow, object_of
from core.store.reports.source import Source
from core.store.schema import task
from core.store.sql import ids, unpack

_JOBS_REMEMBERED = 8

_JOB = text("SELECT id, name, params FROM job WHERE id = :job")
_RESULTS = text(
    "SELECT id, key, status, output FROM task"
    " WHERE job_id = :job AND id IN (SELECT value FROM json_each(:ids))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionInputs:
    """What `params`, `tasks` and `job` are in the expressions of a job."""

    params: JsonObject
    tasks: JsonObject
    """{key: {output, status}} of final tasks."""
    job: JsonObject
    """Its `id` and `name`."""


class ExpressionReports:
    """Inputs of expressions; the ids of the keys of the last few jobs are remembered."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._task_ids: OrderedDict[int, dict[str, int]] = OrderedDict()

    async def expression_inputs(self, job_id: int, keys: Sequence[str]) -> ExpressionInputs:
        """Return the inputs with the tasks of these keys, those that are final; outputs are in full.

        Raises `NotFound` (`job.unknown`).
        """
        async with self._source.snapshot() as db:
            job = (await db.execute(_JOB, {"job": job_id})).one_or_none()
            if job is None:
                raise await unknown_job(db, job_id)
            rows = await self._tasks(db, job_id, keys) if keys else []
            final = {row.key: row for row in rows if row.status in TASK_FINAL}
            outputs = await fetch_payloads(db, {key: unpack(row.output) for key, row in final.items()})
        return ExpressionInputs(
            params=object_of(job.params),
            tasks={key: {"output": outputs[key], "status": row.status} for key, row in final.items()},
            job={"id": job.id, "name": job.name},
        )

    async def _tasks(self, db: AsyncConnection, job_id: int, keys: Sequence[str]) -> Sequence[AnyRow]:
        """Read tasks of a job by key; the keys of a job never change, so their ids are remembered."""
        remembered = self._task_ids.get(job_id)
        if remembered is not None:
            rows = await _read_tasks(db, job_id, [remembered[key] for key in keys if key in remembered])
            if {row.key for row in rows} == set(keys):
                return rows
        # Not remembered, or the number of a purged job was given again.
        task_ids = await self._remember(db, job_id)
        return await _read_tasks(db, job_id, [task_ids[key] for key in keys if key in task_ids])

    async def _remember(self, db: AsyncConnection, job_id: int) -> dict[str, int]:
        query = select(task.c.key, task.c.id).where(task.c.job_id == job_id)
        task_ids: dict[str, int] = {row.key: row.id for row in (await db.execute(query)).all()}
        self._task_ids[job_id] = task_ids
        self._task_ids.move_to_end(job_id)
        while len(self._task_ids) > _JOBS_REMEMBERED:
            self._task_ids.popitem(last=False)
        return task_ids


async def _read_tasks(db: AsyncConnection, job_id: int, task_ids: Sequence[int]) -> Sequence[AnyRow]:
    return (await db.execute(_RESULTS, {"job": job_id, "ids": ids(task_ids)})).all()
