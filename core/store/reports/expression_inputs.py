"""Expression inputs: the values that expressions of a job's tasks refer to.

Read by the engine's expression scopes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.patterns.artifacts import KeptArtifact
from core.model.status import TASK_FINAL
from core.model.values import JsonObject, JsonValue
from core.store.reports.artifacts import read_kept
from core.store.reports.payloads import fetch_bodies, payload_hash
from core.store.reports.refusals import unknown_job
from core.store.reports.rows import AnyRow, object_of
from core.store.reports.source import Source
from core.store.sql import ids, unpack
from core.store.tables.schema import task

_JOBS_REMEMBERED = 8

_ON_THE_LOOP = 64 * 1024
"""Characters of JSON that are read beside other tasks; more of them are read in a thread."""
_REFERENCE_MAX = 200
"""Characters of the JSON that stands for a payload, at the most."""

_JOB = text(
    "SELECT id, name, coalesce(verdict, 'succeeded') AS verdict,"
    " CASE WHEN :params THEN params END AS params FROM job WHERE id = :job"
)
_VARIABLES = text("SELECT name, value FROM variable WHERE job_id = :job")
_RESULTS = text(
    "SELECT id, key, uses, status, error,"
    " CASE WHEN id IN (SELECT value FROM json_each(:outputs)) THEN output END AS output FROM task"
    " WHERE job_id = :job AND id IN (SELECT value FROM json_each(:ids))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """What expressions mention of a job: tasks by key, those whose output is read, parameters, variables."""

    tasks: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    params: bool = True
    variables: bool = False
    artifacts: frozenset[str] = frozenset()
    """Tasks whose artifacts are mentioned, by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """How a task ended: its output where it is mentioned, and its last error."""

    uses: str
    status: str
    output: JsonValue
    error: JsonObject
    artifacts: tuple[KeptArtifact, ...] = ()
    """The files of its last attempt where they are mentioned, those of one artifact in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionInputs:
    """What `params`, `vars`, `tasks` and `job` are in the expressions of a job."""

    params: JsonObject
    """{} where they are not mentioned; so are `variables`."""
    tasks: dict[str, TaskResult]
    """The final tasks, by key."""
    job: JsonObject
    """Its `id`, `name`, and the `verdict` so far, `succeeded` where none was given."""
    size: int
    """Characters of JSON that were read."""
    variables: JsonObject = field(default_factory=dict)


class ExpressionReports:
    """Inputs of expressions; the ids of the keys of the last few jobs are remembered."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._task_ids: OrderedDict[int, dict[str, int]] = OrderedDict()

    async def expression_inputs(self, job_id: int, mentioned: Mentioned) -> ExpressionInputs:
        """Return the inputs with those of the tasks that are final; outputs are in full.

        Raises `NotFound` (`job.unknown`).
        """
        async with self._source.snapshot() as db:
            job = (await db.execute(_JOB, {"job": job_id, "params": mentioned.params})).one_or_none()
            if job is None:
                raise await unknown_job(db, job_id)
            variables = (await db.execute(_VARIABLES, {"job": job_id})).all() if mentioned.variables else []
            rows = await self._tasks(db, job_id, mentioned) if mentioned.tasks else []
            final = [row for row in rows if row.status in TASK_FINAL]
            kept = await read_kept(db, [row.id for row in final if row.key in mentioned.artifacts])
            hashes = {row.key: key for row in final if (key := _hash_of(row.output)) is not None}
            bodies = await fetch_bodies(db, set(hashes.values())) if hashes else {}
        # The snapshot is closed: what follows may take its time.
        texts = {row.key: bodies[hashes[row.key]] if row.key in hashes else row.output for row in final}
        return ExpressionInputs(
            params=object_of(job.params),
            variables={row.name: unpack(row.value) for row in variables},
            tasks={row.key: await _result(row, texts[row.key], kept.get(row.id, ())) for row in final},
            job={"id": job.id, "name": job.name, "verdict": job.verdict},
            size=sum(len(part or "") for part in (job.params, *texts.values())),
        )

    async def _tasks(self, db: AsyncConnection, job_id: int, mentioned: Mentioned) -> Sequence[AnyRow]:
        """Read tasks of a job by key; the keys of a job never change, so their ids are remembered."""
        remembered = self._task_ids.get(job_id)
        if remembered is not None:
            rows = await _read_tasks(db, job_id, remembered, mentioned)
            if {row.key for row in rows} == mentioned.tasks:
                return rows
        # Not remembered, or the number of a purged job was given again.
        task_ids = await self._remember(db, job_id)
        return await _read_tasks(db, job_id, task_ids, mentioned)

    async def _remember(self, db: AsyncConnection, job_id: int) -> dict[str, int]:
        # What instances made is read with their group.
        query = select(task.c.key, task.c.id).where(task.c.job_id == job_id, task.c.set_id.is_(None))
        task_ids: dict[str, int] = {row.key: row.id for row in (await db.execute(query)).all()}
        self._task_ids[job_id] = task_ids
        self._task_ids.move_to_end(job_id)
        while len(self._task_ids) > _JOBS_REMEMBERED:
            self._task_ids.popitem(last=False)
        return task_ids


async def _read_tasks(
    db: AsyncConnection, job_id: int, task_ids: Mapping[str, int], mentioned: Mentioned
) -> Sequence[AnyRow]:
    wanted = {
        name: ids(task_ids[key] for key in keys if key in task_ids)
        for name, keys in (("ids", mentioned.tasks), ("outputs", mentioned.outputs))
    }
    return (await db.execute(_RESULTS, {"job": job_id, **wanted})).all()


def _hash_of(output: str | None) -> str | None:
    short = output is not None and len(output) < _REFERENCE_MAX
    return payload_hash(unpack(output)) if short else None


async def _result(row: AnyRow, output: str | None, artifacts: tuple[KeptArtifact, ...]) -> TaskResult:
    large = output is not None and len(output) > _ON_THE_LOOP
    return TaskResult(
        uses=row.uses,
        status=row.status,
        output=await asyncio.to_thread(unpack, output) if large else unpack(output),
        error=object_of(row.error),
        artifacts=artifacts,
    )
