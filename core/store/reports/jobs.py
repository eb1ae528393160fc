"""Jobs: the list, one job with its stages and tasks, its document.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.records import replace
from core.model.status import TaskStatus
from core.model.values import INBOX, JsonObject
from core.model.views import JobDetail, JobView, Page
from core.store.reports.children import read_children
from core.store.reports.paging.keyset import page_keys, page_of, rows_by_id
from core.store.reports.refusals import unknown_job
from core.store.reports.rows import (
    DETAILS,
    JOBS,
    STAGES,
    AnyRow,
    Counts,
    Extras,
    counts_of,
    job_view,
    object_of,
    stage_view,
    task_detail,
)
from core.store.reports.source import Source
from core.store.tables.schema import counter, definition, edge, job, stage, task

_RETRIES_MAX = 1_000
"""Retries of a job that are looked at for the last one."""
_LAST_RETRY = text(
    "SELECT max(retry_at) - (SELECT time_offset FROM engine) FROM (SELECT retry_at FROM task"
    f" INDEXED BY task_list WHERE job_id = :job AND status = 'retrying' LIMIT {_RETRIES_MAX})"
)
_ID_MAX = 2**63 - 1
_INBOX_TASKS = 1_000
"""Tasks that the page of the inbox shows at the most, the newest; of other jobs it shows all."""


class JobReports:
    """The list of jobs and the page of one."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def page(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page[JobView]:
        """Return a page of jobs, newest first unless the filter sorts; the inbox is job 1."""
        filter_ = where or Filter(noun=Noun.JOBS)
        async with self._source.snapshot() as db:
            keys = await page_keys(db, filter_, after=after, limit=limit, now=self._source.now())
            views = await read_jobs(db, keys.ids)
        return page_of(views, keys)

    async def view(self, job_id: int) -> JobView:
        """Return one job; raise `NotFound` (`job.unknown`)."""
        async with self._source.snapshot() as db:
            return await read_job(db, job_id)

    async def detail(self, job_id: int) -> JobDetail:
        """Return a job with its stages in order and all its tasks in order of id; raise `NotFound`.

        Large outputs stay references (`{"$payload": hash}`), attempts are left out; of the inbox only
        the newest 1,000 tasks are shown.
        """
        # Instances are seen with their groups: there may be 100,000 of one.
        tasks = DETAILS.where(task.c.job_id == job_id, task.c.set_id.is_(None)).order_by(task.c.id)
        if job_id == INBOX:
            tasks = DETAILS.where(task.c.job_id == INBOX).order_by(task.c.id.desc()).limit(_INBOX_TASKS)
        needs = (
            select(edge.c.task_id, edge.c.need_id)
            .join(task, task.c.id == edge.c.task_id)
            .where(task.c.job_id == job_id, task.c.set_id.is_(None))
        )
        async with self._source.snapshot() as db:
            view = await read_job(db, job_id)
            stages = (
                await db.execute(STAGES.where(stage.c.job_id == job_id).order_by(stage.c.position))
            ).all()
            counts = await _counts(db, "stage", [row.id for row in stages])
            rows = sorted((await db.execute(tasks)).all(), key=lambda row: row.id)
            children = await read_children(db, job_id)
            edges = [] if job_id == INBOX else (await db.execute(needs)).all()
        if job_id == INBOX:
            # The inbox has one stage, whose counts are those of the job and not kept twice.
            counts = {str(row.id): view.tasks for row in stages}
        needed = _needed_keys(edges, {row.id: row.key for row in rows})
        return JobDetail(
            job=view,
            stages=tuple(stage_view(row, counts) for row in stages),
            tasks=tuple(task_detail(row, Extras(needs=needed.get(row.id, ()))) for row in rows),
            children=children,
        )

    async def definition(self, job_id: int) -> JsonObject:
        """Return the document of a job as it was when submitted; empty for one without.

        Raises `NotFound` (`job.unknown`).
        """
        query = select(job.c.id, definition.c.body).outerjoin(definition).where(job.c.id == job_id)
        async with self._source.snapshot() as db:
            row = (await db.execute(query)).one_or_none()
            if row is None:
                raise await unknown_job(db, job_id)
        return object_of(row.body)


async def read_job(db: AsyncConnection, job_id: int) -> JobView:
    """Return one job; raise `NotFound` (`job.unknown`)."""
    row = None
    if 0 < job_id <= _ID_MAX:
        row = (await db.execute(JOBS.where(job.c.id == job_id))).one_or_none()
    if row is None:
        raise await unknown_job(db, job_id)
    view = job_view(row, await _counts(db, "job", [job_id]), await _counts(db, "job_tolerated", [job_id]))
    if not view.tasks.get(TaskStatus.RETRYING) or view.id == INBOX:
        return view
    return replace(view, retry_until=(await db.execute(_LAST_RETRY, {"job": job_id})).scalar())


async def read_jobs(db: AsyncConnection, job_ids: Sequence[int]) -> list[JobView]:
    """Return jobs that are there, in this order."""
    counts = await _counts(db, "job", job_ids)
    tolerated = await _counts(db, "job_tolerated", job_ids)
    return [job_view(row, counts, tolerated) for row in await rows_by_id(db, JOBS, job, job_ids)]


async def _counts(db: AsyncConnection, scope: str, refs: Iterable[int]) -> Counts:
    query = select(counter.c.ref, counter.c.status, counter.c.n).where(
        counter.c.scope == scope, counter.c.n > 0, counter.c.ref.in_([str(ref) for ref in refs])
    )
    return counts_of((await db.execute(query)).all())


def _needed_keys(edges: Iterable[AnyRow], keys: Mapping[int, str]) -> dict[int, tuple[str, ...]]:
    """Return the keys that each task needs, in order of the needed ids."""
    needs: dict[int, list[int]] = {}
    for row in edges:
        needs.setdefault(row.task_id, []).append(row.need_id)
    # A need that is gone is shown by its number: `doctor` names it, and the janitor fails the job.
    return {
        task_id: tuple(keys.get(need, f"#{need}") for need in sorted(needed))
        for task_id, needed in needs.items()
    }
