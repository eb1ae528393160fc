"""Admit jobs and loose tasks: rows, edges, first events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.model.commands import Enqueue, Enqueued, Submit, Submitted
from core.model.errors import Conflict, TaskdeckError
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.model.status import StageStatus, TaskStatus
from core.model.stored_spec import StoredSpec
from core.model.values import INBOX, INBOX_STAGE, JsonObject
from core.store.batch import Batch
from core.store.sql import digest, pack, raw

_TASK = (
    "INSERT INTO task (id, job_id, stage_id, lane_id, key, name, grp, uses, queue, priority, status,"
    " sort_key, needs_left, conditional, wait_reason, max_attempts, created_at, queued_at, spec)"
    " VALUES (?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),"
    " CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_JOB = (
    "INSERT INTO job (id, name, status, on_task_failure, definition_hash, params, meta, notify, client_key,"
    " input_hash, actor, vtime, created_at)"
    " VALUES (?, CAST(? AS TEXT), 'pending', ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?,"
    " CAST(? AS TEXT), coalesce((SELECT min(vtime) FROM job INDEXED BY job_live"
    " WHERE status IN ('ending', 'paused', 'pending', 'running')), 0), ?)"
)
_STAGE = (
    "INSERT INTO stage (id, job_id, position, name, status, open_tasks, first_task, last_task)"
    " VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Home:
    """Where a task is put: job, stage, whether the stage is open, and the group."""

    job_id: int
    stage_id: int
    open: bool
    group: str | None = None


def apply_submits(batch: Batch, commands: Sequence[Submit]) -> list[Submitted | TaskdeckError]:
    """Admit jobs, in order; a known client key with the same input answers with the job that stands."""
    return [_submit(batch, command) for command in commands]


def apply_enqueues(batch: Batch, commands: Sequence[Enqueue]) -> list[Enqueued | TaskdeckError]:
    """Admit loose tasks into the inbox, in order."""
    return [
        Enqueued(task_ids=enqueue(batch, command.tasks, group=command.group, actor=command.actor))
        for command in commands
    ]


def enqueue(batch: Batch, plans: Sequence[TaskPlan], *, group: str | None, actor: str) -> tuple[int, ...]:
    """Write loose tasks into the inbox; return their ids in order."""
    home = _Home(job_id=INBOX, stage_id=INBOX_STAGE, open=True, group=group)
    first = _next_id(batch, "task")
    _write_tasks(batch, [(first + number, plan, 0) for number, plan in enumerate(plans)], home, actor)
    return tuple(range(first, first + len(plans)))


def _submit(batch: Batch, command: Submit) -> Submitted | TaskdeckError:
    plan = command.plan
    input_hash = digest(pack([plan.definition_hash, plan.params]))
    if plan.client_key is not None:
        known = batch.one(
            "SELECT id, input_hash FROM job WHERE client_key = CAST(? AS TEXT)", raw(plan.client_key)
        )
        if known is not None:
            return _known(plan.client_key, known, input_hash)
    job_id = _next_id(batch, "job")
    _write_job(batch, job_id, command, input_hash)
    _write_stages(batch, job_id, command)
    return Submitted(job_id=job_id)


def _known(client_key: str, known: tuple[int, str], input_hash: str) -> Submitted | TaskdeckError:
    job_id, stored = known
    if stored == input_hash:
        return Submitted(job_id=job_id, duplicate=True)
    return Conflict(
        "client_key.conflict",
        f"the key {client_key!r} belongs to job {job_id}, which had other input",
        hint="use another key, or the same definition and params",
        facts={"job": job_id},
    )


def _write_job(batch: Batch, job_id: int, command: Submit, input_hash: str) -> None:
    plan = command.plan
    if plan.definition_hash:
        batch.run(
            "INSERT OR IGNORE INTO definition (hash, name, body, created_at)"
            " VALUES (?, CAST(? AS TEXT), ?, ?)",
            plan.definition_hash,
            raw(plan.name),
            pack(plan.definition),
            batch.now,
        )
    batch.run(
        _JOB,
        job_id,
        raw(plan.name),
        plan.on_task_failure,
        plan.definition_hash or None,
        pack(plan.params),
        pack(plan.metadata),
        raw(plan.notify),
        raw(plan.client_key),
        input_hash,
        raw(command.actor),
        batch.now,
    )
    data: JsonObject = {"name": plan.name, "status": "pending", "definition": plan.definition_hash or None}
    batch.event("job.created", (job_id, None, None), actor=command.actor, data=data)


def _write_stages(batch: Batch, job_id: int, command: Submit) -> None:
    first_task, stage_id = _next_id(batch, "task"), _next_id(batch, "stage")
    numbers: dict[str, int] = {}
    for position, stage in enumerate(command.plan.stages):
        _write_stage(batch, (stage_id + position, job_id, position), stage, first_task)
        home = _Home(job_id=job_id, stage_id=stage_id + position, open=position == 0)
        rows = [(first_task + number, plan, len(plan.needs)) for number, plan in enumerate(stage.tasks)]
        numbers.update((plan.key, task_id) for task_id, plan, _ in rows)
        _write_tasks(batch, rows, home, command.actor)
        first_task += len(stage.tasks)
    batch.many(
        "INSERT INTO edge (need_id, task_id, kind, met) VALUES (?, ?, ?, 0)",
        list(_edges(command.plan, numbers)),
    )
    if command.plan.stages and not command.plan.stages[0].tasks:
        # An empty first stage has no task whose end would close it.
        batch.followups.append(("stage", stage_id))


def _write_stage(batch: Batch, ids: tuple[int, int, int], stage: StagePlan, first_task: int) -> None:
    status = StageStatus.OPEN if ids[2] == 0 else StageStatus.PENDING
    count = len(stage.tasks)
    batch.run(_STAGE, *ids, raw(stage.name), status, count, first_task, first_task + count - 1)
    if status is StageStatus.OPEN:
        batch.event("stage.open", (ids[1], None, None), data={"stage": ids[0], "name": stage.name})


def _edges(plan: JobPlan, numbers: dict[str, int]) -> Iterator[tuple[int, int, str]]:
    for stage in plan.stages:
        for task in stage.tasks:
            for need in task.needs:
                yield numbers[need.key], numbers[task.key], need.when


def _write_tasks(batch: Batch, rows: Sequence[tuple[int, TaskPlan, int]], home: _Home, actor: str) -> None:
    """Write tasks with their ids and numbers of needs, and note their events and counts."""
    lanes: dict[str, int] = {}
    inserts = []
    for task_id, plan, needs in rows:
        lane_id = lanes.get(plan.queue)
        if lane_id is None:
            lane_id = lanes[plan.queue] = _lane(batch, plan.queue, home.job_id)
        ready = home.open and needs == 0
        status = TaskStatus.QUEUED if ready and plan.when is None else TaskStatus.BLOCKED
        waits = ready and plan.when is not None
        where = (task_id, home.job_id, home.stage_id, lane_id)
        inserts.append(_row(batch, where, plan, (needs, status, home.group, "condition" if waits else None)))
        if status is TaskStatus.QUEUED:
            batch.queued(lane_id)
        if waits:
            batch.report.conditions.append(task_id)
        batch.born((home.job_id, home.stage_id, plan.queue), status)
        batch.event(
            "task.created",
            (home.job_id, task_id, None),
            actor=actor,
            data=_birth(plan, (home.stage_id, needs, status, home.group)),
        )
    batch.many(_TASK, inserts)


def _row(
    batch: Batch,
    where: tuple[int, int, int, int],
    plan: TaskPlan,
    state: tuple[int, TaskStatus, str | None, str | None],
) -> tuple[int | str | bytes | None, ...]:
    needs, status, group, wait_reason = state
    queued = status is TaskStatus.QUEUED
    return (
        *where,
        raw(plan.key),
        raw(plan.name),
        raw(group),
        raw(plan.uses),
        raw(plan.queue),
        plan.priority,
        status,
        batch.now - plan.priority * batch.aging_step if queued else None,
        needs,
        int(plan.when is not None),
        wait_reason,
        plan.retry.max_attempts,
        batch.now,
        batch.now if queued else None,
        pack(StoredSpec.of(plan).to_json()),
    )


def _birth(plan: TaskPlan, state: tuple[int, int, TaskStatus, str | None]) -> JsonObject:
    stage_id, needs, status, group = state
    data: JsonObject = {
        "status": status,
        "stage": stage_id,
        "key": plan.key,
        "uses": plan.uses,
        "queue": plan.queue,
        "priority": plan.priority,
        "max_attempts": plan.retry.max_attempts,
    }
    if needs:
        data["needs"] = needs
    if plan.name is not None:
        data["name"] = plan.name
    if group is not None:
        data["group"] = group
    return data


def _lane(batch: Batch, queue: str, job_id: int) -> int:
    name = raw(queue)
    known = batch.one("SELECT id FROM lane WHERE queue = CAST(? AS TEXT) AND job_id = ?", name, job_id)
    if known is not None:
        return int(known[0])
    batch.run("INSERT OR IGNORE INTO queue (name) VALUES (CAST(? AS TEXT))", name)
    made = batch.rows(
        "INSERT INTO lane (queue, job_id) VALUES (CAST(? AS TEXT), ?) RETURNING id", name, job_id
    )
    return int(made[0][0])


def _next_id(batch: Batch, table: str) -> int:
    (highest,) = batch.rows(f"SELECT max(id) FROM {table}")[0]
    return int(highest or 0) + 1
