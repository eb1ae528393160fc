"""Waits: the facts of tasks that do not run.

Read by the control for lists, for one task, and for the waiting tasks of a job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.lanes import Head
from core.model.records import replace
from core.model.status import JOB_FINAL, TASK_FINAL, JobStatus, TaskStatus
from core.model.waits import Need, Switch, TaskFacts
from core.store.reports.jobs import read_job
from core.store.reports.queues import read_pace
from core.store.reports.refusals import unknown_task
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source, engine_offset
from core.store.sql import among, ids

LOOKED = 64
"""Needs of a task that a list looks at for the first that is open."""
NEEDS_MAX = 20
"""Open needs that are named of one task."""
OF_JOB = 500
"""Waiting tasks of a job that are looked at, those with the lowest ids of each status."""
LANES_MAX = 64
"""Open lanes that are read for the place of a task; beyond them only its own."""
ORDER_MAX = 2_000
"""Queued tasks of these lanes that are read."""
PLACE_MAX = 10_000
"""Places are counted so far."""
HOLDERS_MAX = 10
MESSAGE_MAX = 300
_FAULT_EVENTS = 2_000

_WAITING = set(TaskStatus) - TASK_FINAL - {TaskStatus.RUNNING}
_OPEN_NEED = (
    "(SELECT need_id FROM (SELECT need_id, met FROM edge INDEXED BY edge_task WHERE task_id = t.id"
    f" LIMIT {LOOKED}) looked WHERE met = 0 LIMIT 1)"
)
_EARLIER = (
    "(SELECT e.{} FROM stage e WHERE e.job_id = t.job_id AND e.status = 'open' ORDER BY e.position LIMIT 1)"
)
_FACTS = text(
    "SELECT t.id, t.job_id, t.status, t.queue, t.needs_left, t.wait_reason, t.tries, t.max_attempts,"
    " t.retry_at - (SELECT time_offset FROM engine) AS retry_at, t.queued_at, t.started_at, t.finished_at,"
    f" substr(json_extract(t.error, '$.message'), 1, {MESSAGE_MAX}) AS error, t.status_by, t.status_reason,"
    " j.status AS job_status, j.paused_at AS job_at, j.paused_by AS job_by, j.pause_reason AS job_why,"
    " q.paused_at AS queue_at, q.paused_by AS queue_by, q.pause_reason AS queue_why,"
    " s.name AS stage, s.status = 'pending' AS pending, q.name IS NULL AS queueless,"
    f" CASE WHEN s.status = 'pending' THEN {_EARLIER.format('name')} END AS earlier,"
    f" CASE WHEN s.status = 'pending' THEN {_EARLIER.format('open_tasks')} END AS earlier_open,"
    " n.id AS need_id, n.key AS need_key, n.status AS need_status"
    " FROM json_each(:ids) x JOIN task t ON t.id = x.value LEFT JOIN job j ON j.id = t.job_id"
    " LEFT JOIN queue q ON q.name = t.queue LEFT JOIN stage s ON s.id = t.stage_id"
    f" LEFT JOIN task n ON t.needs_left > 0 AND n.id = {_OPEN_NEED}"
)
_NEEDS = text(
    "SELECT n.id, n.key, n.status FROM edge e INDEXED BY edge_task JOIN task n ON n.id = e.need_id"
    f" WHERE e.task_id = :id AND e.met = 0 LIMIT {NEEDS_MAX}"
)
_HELD_AT = text(
    "SELECT at FROM event INDEXED BY event_task WHERE task_id = :id AND kind = 'task.held'"
    " ORDER BY id DESC LIMIT 1"
)
_FAULT = text(
    "SELECT CASE kind WHEN 'fault.found' THEN reason END FROM ("
    "SELECT json_extract(data, '$.reason') AS reason, kind FROM event INDEXED BY event_task"
    f" WHERE task_id = :id ORDER BY id DESC LIMIT {_FAULT_EVENTS})"
    " WHERE kind IN ('fault.found', 'task.created', 'task.queued', 'task.rerun') LIMIT 1"
)
_JOB_FAULT = text(
    "SELECT reason FROM (SELECT json_extract(data, '$.reason') AS reason, kind, task_id"
    " FROM event INDEXED BY event_job WHERE job_id = :id AND job_id > 1"
    f" ORDER BY id DESC LIMIT {_FAULT_EVENTS})"
    " WHERE task_id IS NULL AND kind = 'fault.found' LIMIT 1"
)
_HOLDERS = text(
    "SELECT t.id, t.key, t.status FROM attempt a INDEXED BY attempt_open JOIN task t ON t.id = a.task_id"
    f" WHERE a.status = 'running' ORDER BY a.started_at, t.id LIMIT {HOLDERS_MAX}"
)
_CLAIMABLE = among({JobStatus.PENDING, JobStatus.RUNNING}, "j.status")
_LANES = text(
    "SELECT l.id, l.job_id, a.queue, j.vtime FROM aisle a INDEXED BY aisle_open CROSS JOIN queue q"
    " ON q.name = a.queue AND q.paused_at IS NULL CROSS JOIN lane l INDEXED BY lane_head"
    " ON l.aisle_id = a.id AND l.head_key IS NOT NULL AND l.shut_by IS NULL CROSS JOIN job j"
    f" ON j.id = l.job_id AND {_CLAIMABLE} WHERE a.head_key IS NOT NULL AND a.shut_by IS NULL"
    f" LIMIT {LANES_MAX + 1}"
)
_FIRST = text(
    "SELECT t.lane_id, t.id, t.sort_key FROM json_each(:lanes) x CROSS JOIN task t ON t.id IN"
    " (SELECT id FROM task INDEXED BY task_claim WHERE lane_id = x.value AND status = 'queued'"
    " ORDER BY sort_key, id LIMIT :each) ORDER BY t.lane_id, t.sort_key, t.id"
)
_BEFORE = text(
    "SELECT count(*) FROM (SELECT 1 FROM task INDEXED BY task_claim WHERE lane_id = :lane"
    f" AND status = 'queued' AND (sort_key, id) < (:key, :id) LIMIT {PLACE_MAX})"
)
_KEY = text("SELECT lane_id, sort_key FROM task WHERE id = :id")
_NAME = text("SELECT key FROM task WHERE id = :id")
_OF_JOB = text(
    " UNION ALL ".join(
        f"SELECT * FROM (SELECT id FROM task INDEXED BY task_list WHERE job_id = :job AND status = '{status}'"
        f" ORDER BY id LIMIT {OF_JOB})"
        for status in sorted(_WAITING)
    )
)


class _Row(NamedTuple):
    """A row of `_FACTS`, in the order of its columns."""

    id: int
    job_id: int
    status: str
    queue: str
    needs_left: int
    wait_reason: str | None
    tries: int
    max_attempts: int
    retry_at: int | None
    queued_at: int | None
    started_at: int | None
    finished_at: int | None
    error: str | None
    status_by: str | None
    status_reason: str | None
    job_status: str | None
    job_at: int | None
    job_by: str | None
    job_why: str | None
    queue_at: int | None
    queue_by: str | None
    queue_why: str | None
    stage: str | None
    pending: int | None
    queueless: int
    earlier: str | None
    earlier_open: int | None
    need_id: int | None
    need_key: str | None
    need_status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What of the queued tasks decides the turn of one of them."""

    lanes: tuple[tuple[Head, ...], ...]
    """The first tasks of all open lanes; empty = there are too many, or only that of the task."""
    lane_limit: int
    """How many of a lane were read at the most."""
    before: int
    """Tasks before it in its own lane, counted up to `before_max`."""
    before_max: int = PLACE_MAX
    is_alone: bool
    """No other lane is open."""
    holders: tuple[Need, ...]
    per_minute: float
    """Tasks that ended per minute lately, of all queues."""
    now: int
    """Engine time, ms."""
    wall: int
    """ms UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTask:
    """A task with all its facts; `line` only where it is queued."""

    key: str
    facts: TaskFacts
    line: Line | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingOfJob:
    """A job, how many of its tasks stand where, and facts of those that wait."""

    name: str
    status: str
    tasks: dict[str, int]
    facts: tuple[TaskFacts, ...]


class WaitReports:
    """What keeps tasks from running, as far as rows say it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of_tasks(self, task_ids: Sequence[int]) -> dict[int, TaskFacts]:
        """Return the facts of tasks that a list shows, by id: at most one need of each is named."""
        async with self._source.snapshot() as db:
            return await _facts(db, task_ids)

    async def of_task(self, task_id: int) -> OneTask:
        """Return all facts of one task; raise `NotFound` (`task.unknown`)."""
        async with self._source.snapshot() as db:
            known = await _facts(db, [task_id])
            if task_id not in known:
                raise await unknown_task(db, str(task_id))
            facts = await _with_details(db, known[task_id])
            key = (await db.execute(_NAME, {"id": task_id})).scalar_one()
            line = await self._line(db, task_id) if facts.status == TaskStatus.QUEUED else None
        return OneTask(key=key, facts=facts, line=line)

    async def of_job(self, job_id: int) -> WaitingOfJob:
        """Return the waiting tasks of a job, at most `OF_JOB`; raise `NotFound` (`job.unknown`)."""
        async with self._source.snapshot() as db:
            job = await read_job(db, job_id)
            waiting: list[int] = []
            if job.status not in JOB_FINAL:
                waiting = list((await db.execute(_OF_JOB, {"job": job_id})).scalars())[:OF_JOB]
            facts = await _facts(db, waiting)
            fault = (await db.execute(_JOB_FAULT, {"id": job_id})).scalar() or ""
        return WaitingOfJob(
            name=job.name,
            status=job.status,
            tasks=dict(job.tasks),
            facts=tuple(replace(fact, fault=fact.fault or fault) for fact in facts.values()),
        )

    async def _line(self, db: AsyncConnection, task_id: int) -> Line:
        now = self._source.now()
        lane, key = (await db.execute(_KEY, {"id": task_id})).one()
        rows = (await db.execute(_LANES)).all()
        before = int((await db.execute(_BEFORE, {"lane": lane, "key": key, "id": task_id})).scalar_one())
        holders = (await db.execute(_HOLDERS)).all()
        lanes: tuple[tuple[Head, ...], ...] = ()
        limit = max(8, ORDER_MAX // max(1, len(rows)))
        if 1 < len(rows) <= LANES_MAX and before < limit:
            lanes = await _first_of(db, rows, limit)
        return Line(
            lanes=lanes,
            lane_limit=limit,
            before=before,
            is_alone=len(rows) <= 1,
            holders=tuple(Need(task_id=row.id, key=row.key, status=row.status) for row in holders),
            per_minute=await read_pace(db, now=now),
            now=now + await engine_offset(db),
            wall=now,
        )


async def _facts(db: AsyncConnection, task_ids: Sequence[int]) -> dict[int, TaskFacts]:
    if not task_ids:
        return {}
    # Plain tuples: a list has hundreds of rows, and those of SQLAlchemy cost more than all else.
    rows = [_Row(*row) for row in await db.execute(_FACTS, {"ids": ids(task_ids)})]
    return {row.id: _task(row) for row in rows}


async def _with_details(db: AsyncConnection, facts: TaskFacts) -> TaskFacts:
    bound = {"id": facts.task_id}
    if facts.needs_left:
        needs = (await db.execute(_NEEDS, bound)).all()
        named = tuple(Need(task_id=row.id, key=row.key, status=row.status) for row in needs)
        facts = replace(facts, needs=named)
    if facts.held is not None:
        facts = replace(facts, held=replace(facts.held, at=(await db.execute(_HELD_AT, bound)).scalar()))
    fault = (await db.execute(_FAULT, bound)).scalar()
    if fault is None:
        fault = (await db.execute(_JOB_FAULT, {"id": facts.job_id})).scalar()
    return replace(facts, fault=facts.fault or fault or "")


async def _first_of(db: AsyncConnection, rows: Sequence[AnyRow], limit: int) -> tuple[tuple[Head, ...], ...]:
    lanes: dict[int, tuple[AnyRow, list[Head]]] = {row.id: (row, []) for row in rows}
    for task in await db.execute(_FIRST, {"lanes": ids(lanes), "each": limit}):
        lane, heads = lanes[task.lane_id]
        heads.append(
            Head(
                lane_id=lane.id,
                task_id=task.id,
                job_id=lane.job_id,
                queue=lane.queue,
                sort_key=task.sort_key,
                vtime=lane.vtime,
            )
        )
    return tuple(tuple(heads) for _, heads in lanes.values() if heads)


def _task(row: _Row) -> TaskFacts:
    needs: tuple[Need, ...] = ()
    if row.need_id is not None and row.need_key is not None and row.need_status is not None:
        needs = (Need(task_id=row.need_id, key=row.need_key, status=row.need_status),)
    return TaskFacts(
        task_id=row.id,
        status=row.status,
        job_id=row.job_id,
        job_status=row.job_status or "",
        queue=row.queue,
        needs_left=row.needs_left if row.status == TaskStatus.BLOCKED else 0,
        needs=needs,
        awaits_condition=row.wait_reason is not None,
        stage=row.stage or "",
        stage_pending=bool(row.pending),
        earlier_stage=row.earlier or "",
        earlier_open=row.earlier_open or 0,
        held=Switch(by=row.status_by, reason=row.status_reason) if row.status == TaskStatus.HELD else None,
        retry_at=row.retry_at,
        attempt=row.tries,
        max_attempts=row.max_attempts,
        error=row.error or "",
        job_paused=_switch(row.job_by, row.job_at, row.job_why),
        queue_paused=_switch(row.queue_by, row.queue_at, row.queue_why),
        queued_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        status_by=row.status_by,
        status_reason=row.status_reason,
        fault=_missing(row),
    )


def _missing(row: _Row) -> str:
    """Return which row a task points to is gone; '' = none is."""
    gone = {"job": row.job_status is None, "stage": row.stage is None, "queue": bool(row.queueless)}
    names = [name for name, is_gone in gone.items() if is_gone]
    return f"the store has lost its {' and its '.join(names)}" if names else ""


def _switch(by: str | None, at: int | None, reason: str | None) -> Switch | None:
    return None if at is None else Switch(by=by, at=at, reason=reason or None)
