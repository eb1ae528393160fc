"""Timelines: the past of jobs, runs of workflows.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import NotFound
from core.model.status import TASK_MOVES
from core.model.text import safe_line
from core.model.timelines import PastEvent, Pause, RunCell, TaskPast
from core.model.values import INBOX
from core.model.views import JobView
from core.store.predicates import bound
from core.store.reports.jobs import read_job, read_jobs
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source
from core.store.sql import ids
from core.store.tables.schema import job

TASKS_MAX = 1_000
"""Tasks of a job that its timeline has at once, from any number on; of the inbox the newest."""
EVENTS_MAX = 20_000
"""Events of a job that are looked at for its pauses."""
RUNS_MAX = 100
ROWS_MAX = 200
"""Tasks of each stage of a run that the grid of runs has, the first ones."""

_KINDS = ", ".join(
    sorted({f"'{move.event}'" for move in TASK_MOVES if move.event} | {"'task.created'", "'task.rerun'"})
)
_TASKS = (
    "SELECT t.id, t.key, t.status, t.queue, t.finished_at, t.tolerated, s.name AS stage, s.position,"
    " s.is_finally FROM task t"
    " JOIN stage s ON s.id = t.stage_id WHERE t.job_id = :job AND t.set_id IS NULL {}"
)
_NEWEST = text(_TASKS.format("ORDER BY t.id DESC LIMIT :most"))
# The unary plus: the index on jobs has their tasks by status, and all of them would be sorted.
_FROM = text(
    _TASKS.replace("t.job_id", "+t.job_id").format(
        "AND t.id BETWEEN :low AND :high ORDER BY t.id LIMIT :most OFFSET :skip"
    )
)
_RANGE = text("SELECT min(first_task), max(last_task) FROM stage WHERE job_id = :job")
_OF_JOB = "FROM event INDEXED BY event_job WHERE job_id = :job AND job_id > 1"
_QUEUE_PAUSES = text(
    "SELECT at, kind, json_extract(data, '$.queue') AS queue FROM event"
    f" WHERE id BETWEEN (SELECT min(id) {_OF_JOB})"
    f" AND min((SELECT min(id) {_OF_JOB}) + {EVENTS_MAX}, (SELECT max(id) {_OF_JOB}))"
    " AND kind IN ('queue.paused', 'queue.resumed') ORDER BY id"
)
_PAUSED_NOW = text("SELECT name, paused_at FROM queue WHERE paused_at IS NOT NULL")
_EVENTS = text(
    "SELECT e.task_id, e.at, e.kind, e.attempt, json_extract(e.data, '$.status') AS status"
    " FROM json_each(:ids) x CROSS JOIN event e INDEXED BY event_task ON e.task_id = x.value"
    f" WHERE e.kind IN ({_KINDS}) ORDER BY e.task_id, e.id"
)
_NEEDS = text(
    "SELECT e.task_id, e.need_id FROM json_each(:ids) x CROSS JOIN edge e INDEXED BY edge_task"
    " ON e.task_id = x.value ORDER BY e.task_id, e.need_id"
)
_PAUSES = text(
    "SELECT at, kind FROM (SELECT at, kind, id, task_id FROM event INDEXED BY event_job"
    f" WHERE job_id = :job AND job_id > 1 ORDER BY id LIMIT {EVENTS_MAX})"
    " WHERE task_id IS NULL AND kind LIKE 'job.%' ORDER BY id"
)
_CELLS = text(
    "SELECT t.job_id, t.id, t.key, t.status, t.started_at, t.finished_at, t.tolerated, s.is_finally"
    " FROM json_each(:ids) x"
    " CROSS JOIN stage s ON s.job_id = x.value CROSS JOIN task t"
    " ON t.id BETWEEN s.first_task AND min(s.last_task, s.first_task + :most - 1) ORDER BY t.id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPast:
    """A job and what its tasks did; `is_cut` = it has more of them."""

    job: JobView
    tasks: tuple[TaskPast, ...]
    pauses: tuple[Pause, ...]
    queue_pauses: dict[str, tuple[Pause, ...]]
    """When queues were paused, by name, as far as the first `EVENTS_MAX` events since its beginning tell."""
    first: int
    """The number of the first of the tasks, from 0."""
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The last jobs of a name, newest first, and the tasks of each by key, in order of id."""

    jobs: tuple[JobView, ...]
    cells: dict[int, dict[str, RunCell]]
    is_cut: bool
    last: frozenset[str] = frozenset()
    """Keys of tasks of `finally`."""


class TimelineReports:
    """What happened when."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def past(self, job_id: int, *, offset: int = 0) -> JobPast:
        """Return what the tasks of a job did, from a number on; raise `NotFound` (`job.unknown`)."""
        async with self._source.snapshot() as db:
            view = await read_job(db, job_id)
            total = sum(view.tasks.values())
            first = max(0, total - TASKS_MAX) if job_id == INBOX else min(offset, total)
            rows = await _task_rows(db, job_id, first, total=total)
            listed = {"ids": ids(row.id for row in rows)}
            events = (await db.execute(_EVENTS, listed)).all()
            needs = (await db.execute(_NEEDS, listed)).all()
            pauses = (await db.execute(_PAUSES, {"job": job_id})).all()
            of_queues = (await db.execute(_QUEUE_PAUSES, {"job": job_id})).all()
            paused_now = (await db.execute(_PAUSED_NOW)).all()
        return JobPast(
            job=view,
            tasks=_pasts(rows, events, needs),
            pauses=tuple(_pauses(pauses)),
            queue_pauses=_queue_pauses(of_queues, {row.name: row.paused_at for row in paused_now}),
            first=first,
            is_cut=total > len(rows),
        )

    async def runs(self, workflow: str, *, limit: int) -> Runs:
        """Return the last runs of a workflow; raise `NotFound` (`workflow.unknown`) if it never ran."""
        # The index on names leaves the inbox out; it is used only where the query says the same.
        named = select(job.c.id).where(job.c.name == bound(workflow), literal_column("job.id > 1"))
        newest = named.order_by(job.c.id.desc()).limit(max(1, min(limit, RUNS_MAX)))
        async with self._source.snapshot() as db:
            job_ids = list((await db.execute(newest)).scalars())
            jobs = await read_jobs(db, job_ids)
            rows = (await db.execute(_CELLS, {"ids": ids(job_ids), "most": ROWS_MAX})).all()
        if not jobs:
            raise NotFound(
                "workflow.unknown",
                f"no job is called {safe_line(workflow)!r}",
                hint="'taskdeck jobs' lists the names of jobs",
                facts={"workflow": workflow},
            )
        cells: dict[int, dict[str, RunCell]] = {run.id: {} for run in jobs}
        last: set[str] = set()
        for row in rows:
            job_id, task_id, key, status, started_at, finished_at, tolerated, is_finally = row
            last.update([key] if is_finally else [])
            took = None if started_at is None or finished_at is None else max(0, finished_at - started_at)
            cells[job_id][key] = RunCell(task_id=task_id, status=status, took=took, tolerated=bool(tolerated))
        is_cut = any(sum(run.tasks.values()) > len(cells[run.id]) for run in jobs)
        return Runs(jobs=tuple(jobs), cells=cells, is_cut=is_cut, last=frozenset(last))


async def _task_rows(db: AsyncConnection, job_id: int, first: int, *, total: int) -> list[AnyRow]:
    if job_id == INBOX:
        found = (await db.execute(_NEWEST, {"job": job_id, "most": TASKS_MAX})).all()
        return sorted(found, key=lambda row: row.id)
    low, high = (await db.execute(_RANGE, {"job": job_id})).one()
    if low is None or high is None:
        return []
    # Where nothing else was admitted meanwhile, the number of a task gives its id: nothing is skipped.
    skip = 0 if high - low + 1 == total else first
    place = {"low": low + first - skip, "high": high, "skip": skip}
    return list((await db.execute(_FROM, {"job": job_id, "most": TASKS_MAX, **place})).all())


def _pasts(rows: Iterable[AnyRow], events: Iterable[AnyRow], needs: Iterable[AnyRow]) -> tuple[TaskPast, ...]:
    of_task: dict[int, list[PastEvent]] = {}
    for event in events:
        of_task.setdefault(event.task_id, []).append(
            PastEvent(at=event.at, kind=event.kind, status=event.status, attempt=event.attempt)
        )
    needed: dict[int, list[int]] = {}
    for need in needs:
        needed.setdefault(need.task_id, []).append(need.need_id)
    return tuple(
        TaskPast(
            task_id=row.id,
            key=row.key,
            stage=row.stage,
            position=row.position,
            status=row.status,
            queue=row.queue,
            finished_at=row.finished_at,
            needs=tuple(needed.get(row.id, ())),
            tolerated=bool(row.tolerated),
            is_finally=bool(row.is_finally),
            events=tuple(of_task.get(row.id, ())),
        )
        for row in rows
    )


def _pauses(rows: Iterable[AnyRow]) -> Iterable[Pause]:
    """Return when a job was paused and when that ended."""
    since: int | None = None
    for row in rows:
        if row.kind == "job.paused":
            since = row.at
        elif since is not None:
            yield Pause(since, row.at)
            since = None
    if since is not None:
        yield Pause(since, None)


def _queue_pauses(rows: Iterable[AnyRow], now: Mapping[str, int]) -> dict[str, tuple[Pause, ...]]:
    """Return when each queue was paused; one that was resumed first had been paused before."""
    found: dict[str, list[Pause]] = {}
    since: dict[str, int] = {}
    for row in rows:
        if row.kind == "queue.paused":
            since[row.queue] = row.at
        else:
            begun = since.pop(row.queue, None if row.queue in found else 0)
            if begun is not None:
                found.setdefault(row.queue, []).append(Pause(begun, row.at))
    for name, at in now.items():
        found.setdefault(name, []).append(Pause(at, None))
    return {name: tuple(pauses) for name, pauses in found.items()}
