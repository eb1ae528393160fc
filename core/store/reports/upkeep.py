"""Upkeep: what may be purged, what is being purged, what was.

Read by the engine's purges and retention, and by the control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select, text

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.disk import StoreRoom
from core.model.errors import Invalid
from core.model.ports import AttemptRef
from core.model.purges import JobFacts, LooseFacts, OutputFacts
from core.model.values import JsonObject
from core.store.predicates import where as conditions_of
from core.store.purge_facts import JOB_FACTS, LOOSE_FACTS, OUTPUT_FACTS
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.rows import object_of
from core.store.reports.source import Source, engine_offset
from core.store.sql import ids
from core.store.tables.schema import job
from core.store.upkeep_facts import store_room

R = TypeVar("R")
_GOING = text("SELECT job_id FROM purge ORDER BY job_id LIMIT :limit")
_REMOVALS = text("SELECT task_id, epoch FROM removal ORDER BY task_id LIMIT :limit")
_TASKS_OF = text(
    "SELECT id FROM task INDEXED BY task_list WHERE job_id = :job AND id > :after ORDER BY id LIMIT :limit"
)
_BEGUN = text(
    "SELECT t.id FROM json_each(:ids) x CROSS JOIN instance_set i INDEXED BY instance_set_job"
    " ON i.job_id = x.value CROSS JOIN task t INDEXED BY task_item ON t.set_id = i.id WHERE t.epoch > 0"
)
_OWNERS = text(
    "SELECT t.id, t.job_id, j.name AS workflow, t.finished_at FROM task t JOIN job j ON j.id = t.job_id"
    " WHERE t.id IN (SELECT value FROM json_each(:ids))"
)
_OUTPUTS_GONE = text(
    "SELECT e.at, e.actor, e.data FROM purged p JOIN event e ON e.id = p.event WHERE p.noun = 'output'"
    " AND p.first = (SELECT max(first) FROM purged WHERE noun = 'output' AND first <= :task)"
    " AND p.last >= :task"
)
_ROOM = text(
    "SELECT page_count, freelist_count, page_size, auto_vacuum"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size, pragma_auto_vacuum"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOwner:
    """A task, its job and the name of that; times in ms UTC."""

    id: int
    job_id: int
    workflow: str
    finished_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneFact:
    """When something was removed, by whom and why."""

    at: int
    actor: str | None
    data: JsonObject


class UpkeepReports:
    """What the purges of an engine ask of its store."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def jobs(self, job_ids: Sequence[int]) -> list[JobFacts]:
        """Return the facts of those that are there, by id."""
        return await self._facts(JobFacts, JOB_FACTS, job_ids)

    async def loose(self, task_ids: Sequence[int]) -> list[LooseFacts]:
        """Return the facts of those that are there, by id."""
        return await self._facts(LooseFacts, LOOSE_FACTS, task_ids)

    async def outputs(self, task_ids: Sequence[int]) -> list[OutputFacts]:
        """Return the facts of those that are there, by id."""
        return await self._facts(OutputFacts, OUTPUT_FACTS, task_ids)

    async def job_ids(self, where: Filter, *, after: int, limit: int) -> list[int]:
        """Return ids of jobs that match, rising, above `after`; the inbox is not among them."""
        if where.noun is not Noun.JOBS:
            raise Invalid(
                "target.unfit",
                f"this verb acts on jobs, not on {where.noun}",
                hint="name jobs, by id or by a filter on jobs",
                facts={"noun": where.noun},
            )
        query = (
            select(job.c.id).where(job.c.id > max(after, 1)).order_by(job.c.id).limit(bounded_limit(limit))
        )
        async with self._source.snapshot() as db:
            found = await db.execute(query.where(*conditions_of(where, now=self._source.now())))
            return [*found.scalars()]

    async def tasks_of(self, job_id: int, *, after: int, limit: int) -> list[int]:
        """Return ids of a job's tasks, rising, above `after`."""
        async with self._source.snapshot() as db:
            found = await db.execute(_TASKS_OF, {"job": job_id, "after": after, "limit": limit})
            return [*found.scalars()]

    async def instances(self, job_ids: Sequence[int]) -> list[int]:
        """Return the instances of jobs that were begun: their ids are not among those of the plan."""
        async with self._source.snapshot() as db:
            return list((await db.execute(_BEGUN, {"ids": ids(job_ids)})).scalars())

    async def going(self, *, limit: int = 100) -> list[int]:
        """Return jobs whose purge has begun."""
        async with self._source.snapshot() as db:
            return [*(await db.execute(_GOING, {"limit": limit})).scalars()]

    async def removals(self, *, limit: int = 200) -> list[AttemptRef]:
        """Return up to which attempt the directories of tasks are to be removed."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_REMOVALS, {"limit": limit})).all()
        return [AttemptRef(task_id=row.task_id, epoch=row.epoch) for row in rows]

    async def outputs_gone(self, task_id: int) -> GoneFact | None:
        """Return when the outputs of a task were removed last; None = they were not."""
        async with self._source.snapshot() as db:
            row = (await db.execute(_OUTPUTS_GONE, {"task": task_id})).first()
        return None if row is None else GoneFact(at=row.at, actor=row.actor, data=object_of(row.data))

    async def owners(self, task_ids: Sequence[int]) -> list[OutputOwner]:
        """Return to which job and workflow tasks belong, and when they ended; those that are there."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_OWNERS, {"ids": ids(task_ids)})).mappings().all()
        return [OutputOwner(**row) for row in rows]

    async def room(self) -> StoreRoom:
        """Return how much of the store file is free for new rows, and whether it can be given back."""
        async with self._source.snapshot() as db:
            return store_room((await db.execute(_ROOM)).one())

    async def _facts(self, kind: Callable[..., R], sql: str, numbers: Sequence[int]) -> list[R]:
        async with self._source.snapshot() as db:
            now = self._source.now() + await engine_offset(db)
            rows = (await db.exec_driver_sql(sql, (now, ids(numbers)))).all()
        return [kind(*row) for row in rows]
