"""Waits: the facts of tasks that do not run.

Read by the control for lists, for one task, and for the waiting tasks of a job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.limits.capacity_facts import CapacityFacts, LineFacts
from core.model.limits.limit_forms import shown_costs
from core.model.patterns.group_views import GroupCounts
from core.model.records import replace
from core.model.status import JOB_FINAL, TASK_FINAL, TaskStatus
from core.model.waits import AskedPeople, LaneHead, Need, Switch, TaskFacts
from core.store.reports.awaits import AWAITS, await_facts
from core.store.reports.children import AWAITED_PLACE, PAUSED_ABOVE, awaited_place, paused_jobs
from core.store.reports.jobs import read_job
from core.store.reports.limits.capacity import CapacityRows, read_capacity, read_holders
from core.store.reports.limits.lines import read_line
from core.store.reports.refusals import unknown_task
from core.store.reports.rows import object_of
from core.store.reports.source import Source
from core.store.sql import ids, member
from core.store.tables.instance_tables import INSTANCES

LOOKED = 64
"""Needs of a task that a list looks at for the first that is open."""
NEEDS_MAX = 20
"""Open needs that are named of one task."""
OF_JOB = 500
"""Waiting tasks of a job that are looked at, those with the lowest ids of each status."""
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
    f" substr({member('t.error', '$.message')}, 1, {MESSAGE_MAX}) AS error, t.status_by, t.status_reason,"
    " t.tolerated, w.name AS signal, w.key AS signal_key,"
    " coalesce(w.until, w.due_at - (SELECT time_offset FROM engine)) AS answer_at,"
    " w.fails_at - (SELECT time_offset FROM engine) AS fails_at,"
    f" CASE WHEN w.task_id IS NOT NULL THEN {AWAITS} END AS awaits,"
    " p.id AS item_id, p.title, p.created_at AS asked_at, p.assignee, p.team, p.claimed_by,"
    " p.due_at - (SELECT time_offset FROM engine) AS item_due, p.on_due, p.quorum - p.approvals AS missing,"
    " iif(j.status = 'ending' AND s.is_finally AND j.started_at IS NOT NULL AND j.finishing < 2, 'running',"
    " j.status) AS job_status, j.paused_at AS job_at, j.paused_by AS job_by, j.pause_reason AS job_why,"
    " q.paused_at AS queue_at, q.paused_by AS queue_by, q.pause_reason AS queue_why,"
    " s.name AS stage, s.status = 'pending' AS pending, q.name IS NULL AS queueless,"
    f" CASE WHEN s.status = 'pending' THEN {_EARLIER.format('name')} END AS earlier,"
    f" CASE WHEN s.status = 'pending' THEN {_EARLIER.format('open_tasks')} END AS earlier_open,"
    " n.id AS need_id, n.key AS need_key, n.status AS need_status,"
    f" t.lane_id, t.cost, q.gset_id AS queue_set, a.gset_id AS own_set, {INSTANCES.format('t')} AS instances,"
    f" CASE WHEN t.status = 'blocked' AND t.set_id IS NOT NULL THEN {INSTANCES.format('g')} END AS of_group,"
    f" t.group_task, CASE WHEN j.paused_above THEN {PAUSED_ABOVE.format('j')} END AS above,"
    f" CASE WHEN j.place_gauge IS NOT NULL THEN {AWAITED_PLACE.format('j')} END AS awaited_place"
    " FROM json_each(:ids) x JOIN task t ON t.id = x.value LEFT JOIN job j ON j.id = t.job_id"
    " LEFT JOIN queue q ON q.name = t.queue LEFT JOIN stage s ON s.id = t.stage_id"
    " LEFT JOIN awaited w ON w.task_id = t.id"
    " LEFT JOIN work_item p ON p.task_id = t.id AND p.outcome IS NULL AND t.status = 'waiting'"
    " LEFT JOIN lane l ON l.id = t.lane_id LEFT JOIN aisle a ON a.id = l.aisle_id"
    " LEFT JOIN task g ON g.id = t.group_task"
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
    f"SELECT {member('data', '$.reason')} AS reason, kind FROM event INDEXED BY event_task"
    f" WHERE task_id = :id ORDER BY id DESC LIMIT {_FAULT_EVENTS})"
    " WHERE kind IN ('fault.found', 'task.created', 'task.queued', 'task.rerun') LIMIT 1"
)
_JOB_FAULT = text(
    f"SELECT reason FROM (SELECT {member('data', '$.reason')} AS reason, kind, task_id"
    " FROM event INDEXED BY event_job WHERE job_id = :id AND job_id > 1"
    f" ORDER BY id DESC LIMIT {_FAULT_EVENTS})"
    " WHERE task_id IS NULL AND kind = 'fault.found' LIMIT 1"
)
_ASIDE = text(
    "SELECT t.id, max(f.reason) AS reason FROM (SELECT * FROM ("
    f"SELECT task_id, attempt, kind, {member('data', '$.reason')} AS reason FROM event INDEXED BY event_job"
    f" WHERE job_id = :job AND job_id > 1 ORDER BY id DESC LIMIT {_FAULT_EVENTS})"
    " WHERE kind = 'fault.found') f JOIN task t ON t.id = f.task_id"
    f" AND t.status = 'running' AND t.epoch = f.attempt GROUP BY t.id LIMIT {OF_JOB}"
)
_HEADS = text(
    "SELECT x.value AS lane, t.id, t.key, t.cost FROM json_each(:lanes) x CROSS JOIN task t ON t.id ="
    " (SELECT id FROM task INDEXED BY task_claim WHERE lane_id = x.value AND status = 'queued'"
    " ORDER BY sort_key, id LIMIT 1)"
)
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
    tolerated: int
    signal: str | None
    signal_key: str | None
    answer_at: int | None
    fails_at: int | None
    awaits: str | None
    item_id: int | None
    title: str | None
    asked_at: int | None
    assignee: str | None
    team: str | None
    claimed_by: str | None
    item_due: int | None
    on_due: str | None
    missing: int | None
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
    lane_id: int
    cost: str | None
    queue_set: int | None
    own_set: int | None
    instances: str | None
    of_group: str | None
    group_task: int | None
    above: str | None
    awaited_place: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Facts of tasks by id, and of what they share."""

    tasks: Mapping[int, TaskFacts]
    capacity: CapacityFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTask:
    """A task with all its facts; `line` only where it is queued."""

    key: str
    facts: TaskFacts
    capacity: CapacityFacts
    line: LineFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingOfJob:
    """A job, how many of its tasks stand where, and facts of those that wait."""

    name: str
    status: str
    tasks: dict[str, int]
    facts: tuple[TaskFacts, ...]
    capacity: CapacityFacts


class WaitReports:
    """What keeps tasks from running, as far as rows say it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of_tasks(self, task_ids: Sequence[int]) -> Waits:
        """Return the facts of tasks that a list shows: at most one need of each is named."""
        async with self._source.snapshot() as db:
            return await self._waits(db, task_ids)

    async def of_task(self, task_id: int) -> OneTask:
        """Return all facts of one task; raise `NotFound` (`task.unknown`)."""
        line: LineFacts | None = None
        wall = self._source.now()
        async with self._source.snapshot() as db:
            rows = await _rows(db, [task_id])
            if not rows:
                raise await unknown_task(db, str(task_id))
            is_queued = rows[0].status == TaskStatus.QUEUED
            around = await read_line(db, task_id, wall=wall) if is_queued else None
            gsets = _gsets(rows) if around is None else _gsets(rows) | around.gsets
            capacity = await read_capacity(db, gsets, wall=wall)
            facts = await _with_details(db, (await _facts(db, rows, capacity))[task_id])
            key = (await db.execute(_NAME, {"id": task_id})).scalar_one()
            held_by = await read_holders(db, facts.gauges) if facts.gauges else {}
        if around is not None:
            line = around.with_sets(capacity.sets)
        return OneTask(key=key, facts=facts, capacity=replace(capacity.facts, holders=held_by), line=line)

    async def of_job(self, job_id: int) -> WaitingOfJob:
        """Return the waiting tasks of a job, at most `OF_JOB`; raise `NotFound` (`job.unknown`)."""
        async with self._source.snapshot() as db:
            job = await read_job(db, job_id)
            waiting: list[int] = []
            aside: dict[int, str] = {}
            if job.status not in JOB_FINAL:
                waiting = list((await db.execute(_OF_JOB, {"job": job_id})).scalars())[:OF_JOB]
                aside = {row.id: row.reason for row in await db.execute(_ASIDE, {"job": job_id})}
            waits = await self._waits(db, [*waiting, *aside])
            fault = (await db.execute(_JOB_FAULT, {"id": job_id})).scalar() or ""
        return WaitingOfJob(
            name=job.name,
            status=job.status,
            tasks=dict(job.tasks),
            facts=tuple(
                replace(fact, fault=aside.get(fact.task_id) or fact.fault or fault)
                for fact in waits.tasks.values()
            ),
            capacity=waits.capacity,
        )

    async def _waits(self, db: AsyncConnection, task_ids: Sequence[int]) -> Waits:
        rows = await _rows(db, task_ids)
        capacity = await read_capacity(db, _gsets(rows), wall=self._source.now())
        return Waits(tasks=await _facts(db, rows, capacity), capacity=capacity.facts)


async def _rows(db: AsyncConnection, task_ids: Sequence[int]) -> list[_Row]:
    if not task_ids:
        return []
    # Plain tuples: a list has hundreds of rows, and those of SQLAlchemy cost more than all else.
    return [_Row(*row) for row in await db.execute(_FACTS, {"ids": ids(task_ids)})]


def _gsets(rows: Sequence[_Row]) -> set[int]:
    return {gset for row in rows for gset in (row.queue_set, row.own_set) if gset}


async def _facts(db: AsyncConnection, rows: Sequence[_Row], capacity: CapacityRows) -> dict[int, TaskFacts]:
    """Return the facts of tasks; of those in metered lanes with the first of the lane."""
    if not capacity.sets and not capacity.facts.prefers:
        return {row.id: _task(row) for row in rows}
    gauges = {row.id: capacity.gauges_of(row.queue_set or 0, row.own_set or 0) for row in rows}
    known = capacity.facts.gauges
    lanes = {
        row.lane_id
        for row in rows
        if row.status == TaskStatus.QUEUED and any(known[one].limit.is_metered for one in gauges[row.id])
    }
    heads: dict[int, LaneHead] = {}
    if lanes:
        for head in await db.execute(_HEADS, {"lanes": ids(sorted(lanes))}):
            heads[head.lane] = LaneHead(task_id=head.id, key=head.key, costs=shown_costs(head.cost))
    return {
        row.id: replace(
            _task(row),
            gauges=gauges[row.id],
            costs=shown_costs(row.cost),
            prefer=capacity.facts.prefers.get(row.own_set or 0, ()),
            head=_before(row, heads.get(row.lane_id)),
        )
        for row in rows
    }


def _before(row: _Row, head: LaneHead | None) -> LaneHead | None:
    return None if head is None or head.task_id == row.id or row.status != TaskStatus.QUEUED else head


async def _with_details(db: AsyncConnection, facts: TaskFacts) -> TaskFacts:
    bound = {"id": facts.task_id}
    if facts.needs_left:
        needs = (await db.execute(_NEEDS, bound)).all()
        named = tuple(Need(task_id=row.id, key=row.key, status=row.status) for row in needs)
        facts = replace(facts, needs=named)
    if facts.awaited_place is not None:
        gauge = facts.awaited_place.gauge
        holders = (await read_holders(db, [gauge])).get(gauge, ())
        facts = replace(facts, awaited_place=replace(facts.awaited_place, holders=holders))
    if facts.held is not None:
        facts = replace(facts, held=replace(facts.held, at=(await db.execute(_HELD_AT, bound)).scalar()))
    fault = (await db.execute(_FAULT, bound)).scalar()
    if fault is None and facts.status != TaskStatus.RUNNING:
        fault = (await db.execute(_JOB_FAULT, {"id": facts.job_id})).scalar()
    return replace(facts, fault=facts.fault or fault or "")


def _people(row: _Row) -> AskedPeople | None:
    if row.item_id is None:
        return None
    return AskedPeople(
        item_id=row.item_id,
        title=row.title or "",
        since=row.asked_at or 0,
        assignee=row.assignee,
        group=row.team,
        claimed_by=row.claimed_by,
        due_at=row.item_due,
        on_due=row.on_due or "",
        missing=row.missing or 1,
    )


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
        tolerated=bool(row.tolerated),
        signal=row.signal,
        signal_key=row.signal_key or "",
        answer_at=row.answer_at,
        fails_at=row.fails_at,
        awaits=None if row.awaits is None else await_facts(row.awaits),
        people=_people(row),
        fault=_missing(row),
        instances=_counts(row.instances),
        group=_counts(row.of_group),
        group_task=row.group_task,
        paused_above=paused_jobs(row.above),
        awaited_place=awaited_place(row.awaited_place),
    )


def _counts(stored: str | None) -> GroupCounts | None:
    return None if stored is None else GroupCounts.from_json(object_of(stored))


def _missing(row: _Row) -> str:
    """Return which row a task points to is gone; '' = none is."""
    gone = {"job": row.job_status is None, "stage": row.stage is None, "queue": bool(row.queueless)}
    names = [name for name, is_gone in gone.items() if is_gone]
    return f"the store has lost its {' and its '.join(names)}" if names else ""


def _switch(by: str | None, at: int | None, reason: str | None) -> Switch | None:
    return None if at is None else Switch(by=by, at=at, reason=reason or None)
