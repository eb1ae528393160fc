"""Comparisons: the tasks of two jobs, and which outputs differ.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.comparisons import TaskRun
from core.model.errors import NotFound
from core.model.stored_text import json_or_note
from core.model.text import safe_line
from core.model.values import INBOX, JsonValue
from core.model.views import JobView
from core.store.reports.jobs import read_job
from core.store.reports.rows import object_of
from core.store.reports.source import Source
from core.store.sql import ids, pack

TASKS_MAX = 10_000
"""Tasks of each job that are compared, the first of them."""
_PREVIOUS = text("SELECT max(id) FROM job WHERE name = :name AND id < :job AND id > 1")
_TASKS = text(
    "SELECT id, key, status, epoch, started_at, finished_at, error, tolerated FROM task WHERE id IN"
    " (SELECT id FROM task INDEXED BY task_list WHERE job_id = :job ORDER BY id LIMIT :most) ORDER BY id"
)
_COSTS = text(
    "SELECT e.task_id, e.unit, sum(e.amount - coalesce(e.released, 0)) AS amount FROM json_each(:ids) x"
    " CROSS JOIN entry e INDEXED BY entry_task ON e.task_id = x.value GROUP BY 1, 2"
)
_WITHOUT_PLACE = (
    "CASE WHEN json_valid({0}.output) AND json_type({0}.output) = 'object'"
    " THEN json_remove({0}.output, '$.path') ELSE {0}.output END"
)
_DIFFERING = text(
    "SELECT b.id FROM json_each(:pairs) x CROSS JOIN task a ON a.id = x.value->>0 CROSS JOIN task b"
    " ON b.id = x.value->>1 WHERE a.output IS NOT NULL AND b.output IS NOT NULL"
    f" AND {_WITHOUT_PLACE.format('a')} IS NOT {_WITHOUT_PLACE.format('b')}"
)
_OUTPUTS = text("SELECT t.id, t.output FROM json_each(:ids) x CROSS JOIN task t ON t.id = x.value")


class ComparedJob(NamedTuple):
    """A job and the first of its tasks."""

    view: JobView
    runs: tuple[TaskRun, ...]
    is_cut: bool
    """It has more of them."""


class ComparisonReports:
    """What two jobs are compared by."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def previous(self, job_id: int) -> int:
        """Return the job of the same name before one; raise `NotFound` (`job.unknown`, `job.first`)."""
        async with self._source.snapshot() as db:
            view = await read_job(db, job_id)
            found = None
            if job_id != INBOX:
                found = (await db.execute(_PREVIOUS, {"name": view.name, "job": job_id})).scalar()
        if found is None:
            raise NotFound(
                "job.first",
                f"no job called {safe_line(view.name)!r} is there from before job {job_id}",
                hint="name two jobs: taskdeck diff JOB JOB",
                facts={"job": job_id},
            )
        return int(found)

    async def job(self, job_id: int) -> ComparedJob:
        """Return a job and its tasks, at most `TASKS_MAX`; raise `NotFound` (`job.unknown`)."""
        async with self._source.snapshot() as db:
            view = await read_job(db, job_id)
            rows = (await db.execute(_TASKS, {"job": job_id, "most": TASKS_MAX + 1})).all()
            shown = rows[:TASKS_MAX]
            costs = await _costs(db, [row.id for row in shown])
        runs = tuple(
            TaskRun(
                task_id=row.id,
                key=row.key,
                status=row.status,
                attempts=row.epoch,
                took=_took(row.started_at, row.finished_at),
                error=None if row.error is None else object_of(row.error),
                tolerated=bool(row.tolerated),
                cost=costs.get(row.id, {}),
            )
            for row in shown
        )
        return ComparedJob(view, runs, is_cut=len(rows) > TASKS_MAX)

    async def differing(self, pairs: Sequence[tuple[int, int]]) -> set[int]:
        """Return the second tasks of pairs whose outputs differ in more than where they lie."""
        listed = {"pairs": pack([list(pair) for pair in pairs])}
        async with self._source.snapshot() as db:
            return {*(await db.execute(_DIFFERING, listed)).scalars()}

    async def outputs(self, task_ids: Sequence[int]) -> dict[int, JsonValue]:
        """Return what tasks gave back; a large output stays a reference."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_OUTPUTS, {"ids": ids(task_ids)})).all()
        return {row.id: json_or_note(row.output) for row in rows}


async def _costs(db: AsyncConnection, task_ids: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for row in (await db.execute(_COSTS, {"ids": ids(task_ids)})).all():
        if row.amount:
            found.setdefault(row.task_id, {})[row.unit] = row.amount
    return found


def _took(started_at: int | None, finished_at: int | None) -> int | None:
    if started_at is None or finished_at is None:
        return None
    return max(0, finished_at - started_at)
