"""Small answers for verbs, expressions and recovery."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.errors import Conflict, NotFound
from core.model.status import TASK_FINAL
from core.model.values import JsonObject, JsonValue
from core.store.predicates import bound
from core.store.readers import Readers
from core.store.reports.paging import bounded
from core.store.reports.rows import object_of, payload_of
from core.store.reports.targets import Aim
from core.store.schema import payload, task
from core.store.sql import ids, unpack

_BIG = 2**63
_JOBS_REMEMBERED = 8

_OPEN = text(
    "SELECT a.task_id, a.epoch, t.job_id, t.key, t.uses, t.spec, t.stop_how, t.tries, t.losses, t.bounces,"
    " t.generation, t.max_attempts, a.started_at FROM attempt a INDEXED BY attempt_open"
    " JOIN task t ON t.id = a.task_id WHERE a.status = 'running' AND a.task_id > :after"
    " ORDER BY a.task_id LIMIT :limit"
)
_WAITING = text(
    "SELECT id, job_id, key, spec FROM task INDEXED BY task_condition"
    " WHERE wait_reason = 'condition' AND id > :after ORDER BY id LIMIT :limit"
)
_STATUSES = text("SELECT id, status FROM task WHERE id IN (SELECT value FROM json_each(:ids))")
_JOB = text("SELECT id, name, params FROM job WHERE id = :job")
_RESULTS = text(
    "SELECT id, key, status, output FROM task"
    " WHERE job_id = :job AND id IN (SELECT value FROM json_each(:ids))"
)
_NEAR_TASKS = text("SELECT id FROM task ORDER BY id DESC LIMIT 1")
_NEAR_JOBS = text("SELECT id, name FROM job ORDER BY id DESC LIMIT 3")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An attempt that nobody closed yet, as recovery needs it; `spec` is the stored JSON text."""

    task_id: int
    epoch: int
    job_id: int
    key: str
    uses: str
    spec: str
    stop_how: str | None
    tries: int
    losses: int
    bounces: int
    generation: int
    max_attempts: int
    started_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCondition:
    """A blocked task whose `when` must be judged; `spec` is the stored JSON text."""

    task_id: int
    job_id: int
    key: str
    spec: str


def wall_clock() -> int:
    """Return the moment in ms UTC, for ages in filters."""
    return time.time_ns() // 1_000_000


class Lookups:
    """What the engine and the verbs ask of the store."""

    def __init__(self, readers: Readers, *, now: Callable[[], int] = wall_clock) -> None:
        self._readers = readers
        self._now = now
        self._keys: OrderedDict[int, dict[str, int]] = OrderedDict()

    async def find_task(self, ref: str) -> int:
        """Return the id of the task that `ref` names: `ID`, `KEY` or `JOB/KEY`.

        Raises `NotFound` (`task.unknown`), or `Conflict` (`task.ambiguous`, fact `ids`) when several
        have that key.
        """
        head, slash, tail = ref.partition("/")
        query = select(task.c.id).order_by(task.c.id.desc()).limit(20)
        if not slash and _is_id(ref):
            query = query.where(task.c.id == int(ref))
        elif slash and _is_id(head):
            query = query.where(task.c.job_id == int(head), task.c.key == bound(tail))
        else:
            query = query.where(task.c.key == bound(ref))
        async with self._readers.snapshot() as db:
            found = [int(row.id) for row in (await db.execute(query)).all()]
            if not found:
                raise await unknown_task(db, ref)
        if len(found) > 1:
            raise Conflict(
                "task.ambiguous",
                f"several tasks have the key {ref!r}",
                hint=f"name one by its id: {', '.join(map(str, found[:5]))}",
                facts={"ids": [*found]},
            )
        return found[0]

    async def task_ids(
        self,
        where: Filter | None = None,
        *,
        after: int = 0,
        limit: int = 1_000,
        as_of: int | None = None,
        excluding: Sequence[int] = (),
    ) -> list[int]:
        """Return ids of the tasks that a filter finds, rising, above `after`; its order plays no part.

        With `as_of` tasks are left out that any event above it speaks of, and so are those `excluding`
        names. Raises `Invalid` (`target.unfit`) for a filter that is not on tasks.
        """
        aim = Aim(filter=where or Filter(noun=Noun.TASKS), as_of=as_of, excluding=excluding)
        query = select(task.c.id).where(task.c.id > after).order_by(task.c.id).limit(bounded(limit))
        async with self._readers.snapshot() as db:
            return [*(await db.execute(query.where(*aim.conditions(now=self._now())))).scalars()]

    async def task_statuses(self, task_ids: Sequence[int]) -> dict[int, str]:
        """Return the statuses of tasks by id; unknown ids are missing."""
        rows = await self._all(_STATUSES, {"ids": ids(task_ids)})
        return {row.id: row.status for row in rows}

    async def expression_inputs(
        self, job_id: int, keys: Sequence[str]
    ) -> tuple[JsonObject, JsonObject, JsonObject]:
        """Return (params, {key: {output, status}} of final tasks, {id, name} of the job) for expressions.

        Keys without a final task are missing. Raises `NotFound` (`job.unknown`).
        """
        async with self._readers.snapshot() as db:
            job = (await db.execute(_JOB, {"job": job_id})).one_or_none()
            if job is None:
                raise await unknown_job(db, job_id)
            rows = await self._by_keys(db, job_id, keys) if keys else []
            final = {row.key: row for row in rows if row.status in TASK_FINAL}
            outputs = await whole(db, {key: unpack(row.output) for key, row in final.items()})
        results: JsonObject = {
            key: {"output": outputs[key], "status": row.status} for key, row in final.items()
        }
        return object_of(job.params), results, {"id": job.id, "name": job.name}

    async def open_attempts(self, *, after: int = 0, limit: int = 500) -> list[OpenAttempt]:
        """Return open attempts in order of task id, above `after`."""
        rows = await self._all(_OPEN, {"after": after, "limit": bounded(limit)})
        return [_open_attempt(row) for row in rows]

    async def waiting_conditions(self, *, after: int = 0, limit: int = 500) -> list[WaitingCondition]:
        """Return tasks that wait for the judgement of their `when`, in order of id, above `after`."""
        rows = await self._all(_WAITING, {"after": after, "limit": bounded(limit)})
        return [
            WaitingCondition(task_id=row.id, job_id=row.job_id, key=row.key, spec=row.spec) for row in rows
        ]

    async def _all(
        self, query: TextClause, values: Mapping[str, int | str]
    ) -> Sequence[Row[*tuple[object, ...]]]:
        async with self._readers.snapshot() as db:
            return (await db.execute(query, values)).all()

    async def _by_keys(
        self, db: AsyncConnection, job_id: int, keys: Sequence[str]
    ) -> Sequence[Row[*tuple[object, ...]]]:
        """Read tasks of a job by key; the keys of a job never change, so their ids are remembered."""
        known = self._keys.get(job_id)
        if known is not None:
            rows = await _read_keys(db, job_id, [known[key] for key in keys if key in known])
            if {row.key for row in rows} == set(keys):
                return rows
        # Not remembered, or the number of a purged job was given again.
        numbers = await self._learn_keys(db, job_id)
        return await _read_keys(db, job_id, [numbers[key] for key in keys if key in numbers])

    async def _learn_keys(self, db: AsyncConnection, job_id: int) -> dict[str, int]:
        query = select(task.c.key, task.c.id).where(task.c.job_id == job_id)
        numbers: dict[str, int] = {row.key: row.id for row in (await db.execute(query)).all()}
        self._keys[job_id] = numbers
        self._keys.move_to_end(job_id)
        while len(self._keys) > _JOBS_REMEMBERED:
            self._keys.popitem(last=False)
        return numbers


async def whole(db: AsyncConnection, outputs: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return outputs with large ones fetched from `payload`, where rows hold only their hashes."""
    hashes = {name: key for name, output in outputs.items() if (key := payload_of(output)) is not None}
    if not hashes:
        return dict(outputs)
    query = select(payload.c.hash, payload.c.body).where(payload.c.hash.in_(set(hashes.values())))
    bodies = {row.hash: unpack(row.body) for row in (await db.execute(query)).all()}
    found = {name: bodies[key] for name, key in hashes.items() if key in bodies}
    return {**outputs, **found}


async def unknown_job(db: AsyncConnection, job_id: int) -> NotFound:
    """Say that there is no such job, and name the newest."""
    near = [row.id for row in (await db.execute(_NEAR_JOBS)).all()]
    return NotFound(
        "job.unknown",
        f"there is no job {job_id}",
        hint=f"the newest is {near[0]}; 'taskdeck jobs' lists them",
        facts={"job": job_id, "near": [*near]},
    )


async def unknown_task(db: AsyncConnection, ref: str) -> NotFound:
    """Say that there is no such task, and name the newest."""
    newest = (await db.execute(_NEAR_TASKS)).scalar()
    return NotFound(
        "task.unknown",
        f"there is no task {ref}",
        hint="nothing was submitted yet"
        if newest is None
        else f"the newest is {newest}; 'taskdeck tasks' lists them",
        facts={"task": ref, "near": [] if newest is None else [newest]},
    )


async def _read_keys(
    db: AsyncConnection, job_id: int, task_ids: Sequence[int]
) -> Sequence[Row[*tuple[object, ...]]]:
    return (await db.execute(_RESULTS, {"job": job_id, "ids": ids(task_ids)})).all()


def _open_attempt(row: Row[*tuple[object, ...]]) -> OpenAttempt:
    return OpenAttempt(
        task_id=row.task_id,
        epoch=row.epoch,
        job_id=row.job_id,
        key=row.key,
        uses=row.uses,
        spec=row.spec,
        stop_how=row.stop_how,
        tries=row.tries,
        losses=row.losses,
        bounces=row.bounces,
        generation=row.generation,
        max_attempts=row.max_attempts,
        started_at=row.started_at,
    )


def _is_id(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word[:20]) < _BIG
