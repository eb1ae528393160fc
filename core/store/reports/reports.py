"""Fill the views from the store: lists, pages of one thing, counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import Invalid
from core.model.events import EventView
from core.model.values import INBOX, JsonObject
from core.model.views import JobDetail, JobResult, JobView, Page, TaskDetail, TaskView
from core.store.reports.cursors import order_of
from core.store.reports.insight import Insight
from core.store.reports.lookups import unknown_job, unknown_task, whole
from core.store.reports.paging import Keys, bounded, keys_of, rows_of
from core.store.reports.rows import (
    ATTEMPTS,
    DETAILS,
    EVENTS,
    JOBS,
    STAGES,
    TASKS,
    Counts,
    Extras,
    attempt_view,
    counts_of,
    event_view,
    job_view,
    object_of,
    stage_view,
    task_detail,
    task_view,
)
from core.store.reports.walk import Walk, walk_on
from core.store.reports.window import question_of
from core.store.schema import attempt, counter, definition, edge, event, job, stage, task

V = TypeVar("V")
_BIG = 2**63
_INBOX_DETAIL = 1_000
"""Tasks that the page of the inbox shows at the most, the newest; of other jobs it shows all."""
_COUNTS = text(
    "SELECT status, sum(n) AS n FROM counter WHERE scope = 'queue' GROUP BY status HAVING sum(n) > 0"
)


class Reports(Insight):
    """Read models of the store; each method reads one snapshot with a fixed number of statements.

    Pages are keyset pages: give `next` of a page as `after`, with the same filter and order. All
    raise `Unavailable` (see `Readers.snapshot`).
    """

    async def jobs(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page[JobView]:
        """Return a page of jobs, newest first unless the filter sorts; the inbox is job 1."""
        filter_ = where or Filter(noun=Noun.JOBS)
        async with self._readers.snapshot() as db:
            keys = await keys_of(db, filter_, after=after, limit=limit, now=self._now())
            rows = await rows_of(db, JOBS, job, keys.ids)
            counts = await _counts(db, "job", keys.ids)
        return _page([job_view(row, counts) for row in rows], keys)

    async def job(self, job_id: int) -> JobView:
        """Return one job; raise `NotFound` (`job.unknown`)."""
        async with self._readers.snapshot() as db:
            return await _job(db, job_id)

    async def job_detail(self, job_id: int) -> JobDetail:
        """Return a job with its stages in order and all its tasks in order of id; raise `NotFound`.

        Large outputs stay references (`{"$payload": hash}`), attempts are left out; of the inbox only
        the newest 1,000 tasks are shown.
        """
        tasks = DETAILS.where(task.c.job_id == job_id).order_by(task.c.id)
        if job_id == INBOX:
            tasks = DETAILS.where(task.c.job_id == INBOX).order_by(task.c.id.desc()).limit(_INBOX_DETAIL)
        needs = (
            select(edge.c.task_id, edge.c.need_id)
            .join(task, task.c.id == edge.c.task_id)
            .where(task.c.job_id == job_id)
        )
        async with self._readers.snapshot() as db:
            view = await _job(db, job_id)
            stages = (
                await db.execute(STAGES.where(stage.c.job_id == job_id).order_by(stage.c.position))
            ).all()
            counts = await _counts(db, "stage", [row.id for row in stages])
            rows = sorted((await db.execute(tasks)).all(), key=lambda row: row.id)
            edges = [] if job_id == INBOX else (await db.execute(needs)).all()
        if job_id == INBOX:
            # The inbox has one stage, whose counts are those of the job and not kept twice.
            counts = {str(row.id): view.tasks for row in stages}
        keys = _needed(edges, {row.id: row.key for row in rows})
        return JobDetail(
            job=view,
            stages=tuple(stage_view(row, counts) for row in stages),
            tasks=tuple(task_detail(row, Extras(needs=keys.get(row.id, ()))) for row in rows),
        )

    async def tasks(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page[TaskView]:
        """Return a page of tasks, newest first unless the filter sorts."""
        filter_ = where or Filter(noun=Noun.TASKS)
        async with self._readers.snapshot() as db:
            keys = await keys_of(db, filter_, after=after, limit=limit, now=self._now())
            rows = await rows_of(db, TASKS, task, keys.ids)
        return _page([task_view(row) for row in rows], keys)

    async def task(self, task_id: int) -> TaskDetail:
        """Return one task with its attempts in order and its output in full; raise `NotFound`."""
        if not 0 < task_id < _BIG:
            async with self._readers.snapshot() as db:
                raise await unknown_task(db, str(task_id))
        needs = (
            select(task.c.key)
            .join(edge, edge.c.need_id == task.c.id)
            .where(edge.c.task_id == task_id)
            .order_by(task.c.id)
        )
        async with self._readers.snapshot() as db:
            row = (await db.execute(DETAILS.where(task.c.id == task_id))).one_or_none()
            if row is None:
                raise await unknown_task(db, str(task_id))
            keys = (await db.execute(needs)).scalars().all()
            attempts = ATTEMPTS.where(attempt.c.task_id == task_id).order_by(attempt.c.epoch)
            tried = (await db.execute(attempts)).all()
            detail = task_detail(row, Extras(needs=tuple(keys), attempts=tuple(map(attempt_view, tried))))
            output = (await whole(db, {"output": detail.output}))["output"]
        return replace(detail, output=output)

    async def counts(self) -> Mapping[str, int]:
        """Return how many tasks of the store stand where (only statuses that occur)."""
        async with self._readers.snapshot() as db:
            return {row.status: row.n for row in (await db.execute(_COUNTS)).all()}

    async def events(
        self,
        where: Filter | None = None,
        *,
        job_id: int | None = None,
        task_id: int | None = None,
        after_id: int = 0,
        limit: int = 100,
    ) -> Page[EventView]:
        """Return events with an id above `after_id` in order of id; `next` is where to go on, as text.

        With `sort:-id` the newest come first, with ids below `after_id` (0 = from the newest). `next` is
        None when nothing follows yet. Raises `Invalid` (`filter.sort`) for any other order.
        """
        filter_ = where or Filter(noun=Noun.EVENTS)
        order = order_of(filter_, descending=False)
        if order.name != "id":
            raise Invalid(
                "filter.sort", "events are in order of id", hint="write 'sort:-id' for the newest first"
            )
        walk = Walk(after=after_id or None, descending=order.descending, limit=bounded(limit))
        terms = [*filter_.terms, *_naming("job", job_id), *_naming("task", task_id)]
        question = question_of(replace(filter_, terms=tuple(terms)), now=self._now())
        async with self._readers.snapshot() as db:
            found = await walk_on(db, question, walk)
            rows = await rows_of(db, EVENTS, event, found.ids)
        end = None if found.end is None else str(found.end)
        return _page(
            [event_view(row) for row in rows], Keys(ids=found.ids, next=end, searched=found.searched)
        )

    async def definition(self, job_id: int) -> JsonObject:
        """Return the document of a job as it was when submitted; empty for one without.

        Raises `NotFound` (`job.unknown`).
        """
        query = select(job.c.id, definition.c.body).outerjoin(definition).where(job.c.id == job_id)
        async with self._readers.snapshot() as db:
            row = (await db.execute(query)).one_or_none()
            if row is None:
                raise await unknown_job(db, job_id)
        return object_of(row.body)

    async def results(self, job_id: int) -> JobResult:
        """Return how a job stands or ended; raise `NotFound` (`job.unknown`)."""
        view = await self.job(job_id)
        return JobResult(id=view.id, status=view.status, tasks=view.tasks, reason=view.reason)


def _page(views: Sequence[V], keys: Keys) -> Page[V]:
    return Page(rows=tuple(views), next=keys.next, searched=keys.searched)


def _naming(field: str, number: int | None) -> Iterable[In]:
    return () if number is None else (In(field=field, values=(number,)),)


async def _job(db: AsyncConnection, job_id: int) -> JobView:
    row = None
    if 0 < job_id < _BIG:
        row = (await db.execute(JOBS.where(job.c.id == job_id))).one_or_none()
    if row is None:
        raise await unknown_job(db, job_id)
    return job_view(row, await _counts(db, "job", [job_id]))


async def _counts(db: AsyncConnection, scope: str, refs: Iterable[int]) -> Counts:
    query = select(counter.c.ref, counter.c.status, counter.c.n).where(
        counter.c.scope == scope, counter.c.n > 0, counter.c.ref.in_([str(ref) for ref in refs])
    )
    return counts_of((await db.execute(query)).all())


def _needed(edges: Iterable[Row[*tuple[object, ...]]], keys: Mapping[int, str]) -> dict[int, tuple[str, ...]]:
    """Return the keys that each task needs, in order of the needed ids."""
    needs: dict[int, list[int]] = {}
    for row in edges:
        needs.setdefault(row.task_id, []).append(row.need_id)
    return {task_id: tuple(keys[need] for need in sorted(found)) for task_id, found in needs.items()}
