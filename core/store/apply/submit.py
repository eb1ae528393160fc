"""Admit jobs and loose tasks: rows, edges, first events.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import NamedTuple

from core.model.commands.work import Enqueue, Enqueued, Submit, Submitted
from core.model.errors import Conflict, TaskdeckError
from core.model.limits.limit_forms import cost_column
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.model.records import replace
from core.model.status import StageStatus, TaskStatus
from core.model.stored_spec import spec_to_json
from core.model.values import ID_MAX, INBOX, INBOX_STAGE, JsonObject
from core.store.apply.children.job_answers import bind_new
from core.store.apply.claims.lanes import Lanes
from core.store.apply.first_facts import job_facts, task_facts
from core.store.apply.limits.auto_costs import AutoCosts
from core.store.apply.limits.lane_sets import GaugeSets
from core.store.apply.limits.once_keys import OnceKeys
from core.store.apply.moves.idle import skip_repeated
from core.store.apply.schedules.expectations import expect_of_workflow
from core.store.apply.variables import declare_variables
from core.store.batch import Batch
from core.store.rows import PLACE, LeftOver, Subject, TaskPlace
from core.store.sql import KEEP_PAYLOAD, KEEP_TEXT, digest, pack, raw

_TASK = (
    f"INSERT INTO task ({PLACE}, key, name, grp, uses, priority, status, sort_key, needs_left, conditional,"
    " wait_reason, max_attempts, created_at, queued_at, cost, spec, actor)"
    " VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),"
    " CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT))"
)
_JOB = (
    "INSERT INTO job (id, name, status, on_task_failure, definition_hash, params, meta, notify, client_key,"
    " input_hash, actor, project, schedule_id, vtime, created_at, outputs, documents, parent_task, root_id,"
    " depth, paused_above, is_worklet)"
    " VALUES (?, CAST(? AS TEXT), 'pending', ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?,"
    " CAST(? AS TEXT), CAST(? AS TEXT), ?, coalesce((SELECT CAST(min(vtime) AS INTEGER) FROM job"
    " INDEXED BY job_vtime WHERE status IN ('ending', 'paused', 'pending', 'running') AND root_id IS NULL),"
    " 0), ?,"
    " ?, ?, ?, ?, ?, ?, ?)"
)
_PIN = (
    "INSERT OR IGNORE INTO pinned_text (job_id, hash) SELECT ?, d.value->>'$.hash' FROM json_each(?) d"
    " WHERE d.value->>'$.hash' IS NOT NULL"
)
_STAGE = (
    "INSERT INTO stage (id, job_id, position, name, status, open_tasks, first_task, last_task, is_finally)"
    " VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?)"
)
_NAMED_BY = {
    "job": (
        f"SELECT max(job_id) FROM stage WHERE job_id < {ID_MAX}",
        f"SELECT max(job_id) FROM task WHERE job_id < {ID_MAX}",
        f"SELECT max(job_id) FROM event WHERE job_id > 1 AND job_id < {ID_MAX}",
    ),
    "stage": ("SELECT stage_id FROM task ORDER BY id DESC LIMIT 1",),
    "task": (
        f"SELECT max(task_id) FROM attempt WHERE task_id < {ID_MAX}",
        f"SELECT max(task_id) FROM event WHERE task_id < {ID_MAX}",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLink:
    """What a child has of the job above it, as its row says it (`schema.job`)."""

    parent_task: int
    root_id: int
    depth: int
    documents: str | None = None
    surroundings: str | None = None
    """The hash under which those of its task are kept."""
    paused_above: bool = False
    is_worklet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Where tasks are admitted to: job and stage, and whether its tasks may run."""

    job_id: int
    id: int
    is_open: bool
    root_id: int
    """The job whose budgets they are under."""


@dataclass(slots=True, kw_only=True)
class _NewTask:
    """A task as it is admitted; `needs` is how many edges it waits for."""

    place: TaskPlace
    plan: TaskPlan
    needs: int
    group: str | None
    status: TaskStatus
    is_conditional: bool
    awaits_judgement: bool
    """Its `when`, its limits and cost are to be judged at once."""
    first: int | None = None
    """The task that has the key of its `once`, for which it is skipped."""

    def repeat(self, first: int | None) -> None:
        """Let it wait to be skipped, if a first task has its key."""
        if first is not None:
            self.first, self.status, self.awaits_judgement = first, TaskStatus.BLOCKED, False


class _Likeness(NamedTuple):
    """What the tasks of a command have in common."""

    group: str | None
    actor: str
    surroundings: str
    has_once: bool


def apply_submits(batch: Batch, commands: Sequence[Submit]) -> list[Submitted | TaskdeckError]:
    """Admit jobs, in order; a known client key with the same input answers with the job that stands."""
    return [_submit(batch, command) for command in commands]


def apply_enqueues(batch: Batch, commands: Sequence[Enqueue]) -> list[Enqueued | TaskdeckError]:
    """Admit loose tasks into the inbox, in order."""
    alike = groupby(commands, key=_likeness)
    return [answer for likeness, ones in alike for answer in _enqueue_alike(batch, list(ones), likeness)]


def _likeness(command: Enqueue) -> _Likeness:
    has_once = any(plan.once is not None for plan in command.tasks)
    return _Likeness(command.group, command.actor, command.surroundings, has_once)


def _enqueue_alike(batch: Batch, commands: Sequence[Enqueue], likeness: _Likeness) -> Iterator[Enqueued]:
    """Write the tasks of like commands as those of one: many clients that enqueue one task each are usual."""
    # Each command notes for itself which keys of `once` refused its tasks.
    if likeness.has_once or len(commands) == 1:
        yield from [_enqueue(batch, command) for command in commands]
        return
    tasks = tuple(plan for command in commands for plan in command.tasks)
    task_ids = iter(_enqueue(batch, replace(commands[0], tasks=tasks)).task_ids)
    for command in commands:
        yield Enqueued(task_ids=tuple(islice(task_ids, len(command.tasks))))


def enqueue(batch: Batch, plans: Sequence[TaskPlan], *, group: str | None, actor: str) -> tuple[int, ...]:
    """Write loose tasks into the inbox; return their ids in order."""
    return _enqueue(batch, Enqueue(tasks=tuple(plans), group=group, actor=actor)).task_ids


def _enqueue(batch: Batch, command: Enqueue) -> Enqueued:
    """Write the tasks whose `once` has no task yet; name the first of the others in their place."""
    first = next_id(batch, "task")
    keys, new, task_ids, duplicates = OnceKeys(batch), list[TaskPlan](), list[int](), list[int]()
    for number, plan in enumerate(command.tasks):
        task_id = first + len(new)
        holder = keys.take(plan.once, task_id, job_id=INBOX)
        task_ids.append(task_id if holder is None else holder)
        if holder is None:
            new.append(plan)
        else:
            duplicates.append(number)
    loose = _loose_tasks(batch, new, first=first, group=command.group)
    kept = _keep_surroundings(batch, command.surroundings)
    _write_tasks(batch, loose, command, {}, surroundings=kept)
    keys.tell(actor=command.actor)
    return Enqueued(task_ids=tuple(task_ids), duplicates=tuple(duplicates))


def _loose_tasks(
    batch: Batch, plans: Sequence[TaskPlan], *, first: int, group: str | None
) -> Iterator[_NewTask]:
    lanes, sets = Lanes(batch, INBOX), GaugeSets(batch)
    for task_id, plan in enumerate(plans, first):
        gset_id = sets.of_plan(plan, job_id=INBOX, workflow=None, project=plan.project)
        place = TaskPlace(task_id, INBOX, INBOX_STAGE, plan.queue, lanes.of(plan.queue, gset_id), None)
        yield _new_task(place, plan, needs=0, is_open=True, group=group)


def _submit(batch: Batch, command: Submit) -> Submitted | TaskdeckError:
    plan = command.plan
    input_hash = digest(pack([plan.definition_hash, plan.params]))
    if plan.client_key is not None:
        known = batch.one(
            "SELECT id, input_hash FROM job WHERE client_key = CAST(? AS TEXT)", raw(plan.client_key)
        )
        if known is not None:
            job_id, stored_hash = known
            return _known(plan.client_key, int(job_id), same_input=stored_hash == input_hash)
    job_id = next_id(batch, "job")
    _write_job(batch, job_id, command, input_hash)
    _write_stages(batch, job_id, command)
    return Submitted(job_id=job_id)


def submit_child(batch: Batch, command: Submit, link: ChildLink) -> int:
    """Write the job that a task waits for; return its id."""
    plan = command.plan
    job_id = next_id(batch, "job")
    _write_job(batch, job_id, command, digest(pack([plan.definition_hash, plan.params])), link=link)
    if link.surroundings is not None:
        batch.run("UPDATE payload SET used_at = ? WHERE hash = ?", batch.now, link.surroundings)
    _write_stages(batch, job_id, command, link=link)
    return job_id


def _known(client_key: str, job_id: int, *, same_input: bool) -> Submitted | TaskdeckError:
    if same_input:
        return Submitted(job_id=job_id, duplicate=True)
    return Conflict(
        "client_key.conflict",
        f"the key {client_key!r} belongs to job {job_id}, which had other input",
        hint="use another key, or the same definition and params",
        facts={"job": job_id},
    )


def _keep_surroundings(batch: Batch, surroundings: str) -> str | None:
    """Keep them once; return their hash, None where there are none."""
    if not surroundings:
        return None
    key = digest(surroundings)
    batch.run(KEEP_PAYLOAD, key, surroundings, batch.now)
    return key


def _write_job(
    batch: Batch, job_id: int, command: Submit, input_hash: str, *, link: ChildLink | None = None
) -> None:
    plan = command.plan
    documents: JsonObject = {one.reference: one.to_json() for one in plan.documents}
    batch.many(KEEP_TEXT, [(one.hash, raw(one.text)) for one in plan.documents])
    if plan.definition_hash:
        batch.run(
            "INSERT OR IGNORE INTO definition (hash, name, body, created_at)"
            " VALUES (?, CAST(? AS TEXT), ?, ?)",
            plan.definition_hash,
            raw(plan.name),
            pack(plan.definition),
            batch.wall,
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
        raw(plan.project),
        command.schedule_id,
        batch.wall,
        pack(plan.outputs) if plan.outputs else None,
        *(
            _linked(link)
            if link is not None
            else (pack(documents) if documents else None, None, None, 0, 0, 0)
        ),
    )
    _pin_texts(batch, job_id, link.documents if link is not None else pack(documents))
    facts = job_facts(command)
    if link is not None:
        facts |= {"parent_task": link.parent_task, "root": link.root_id, "depth": link.depth}
        facts |= {name: True for name in ("paused_above", "is_worklet") if getattr(link, name)}
    batch.event("job.created", Subject(job_id), actor=command.actor, data=facts)
    declare_variables(batch, job_id, plan.variables)
    if plan.definition_hash:
        expect_of_workflow(batch, plan.name, plan.expect_ms, actor=command.actor)
    bind_new(batch, job_id, name=plan.name, key=plan.client_key)


def _pin_texts(batch: Batch, job_id: int, documents: str | None) -> None:
    """Note the texts that a job names: they are kept as long as it is."""
    if documents is not None and documents != "{}":
        batch.run(_PIN, job_id, documents)


def _linked(link: ChildLink) -> tuple[str | int | None, ...]:
    flags = (int(link.paused_above), int(link.is_worklet))
    return (link.documents, link.parent_task, link.root_id, link.depth, *flags)


def _write_stages(batch: Batch, job_id: int, command: Submit, *, link: ChildLink | None = None) -> None:
    first_task, stage_id = next_id(batch, "task"), next_id(batch, "stage")
    numbers = _numbers(command.plan, first_task)
    keys, repeated = OnceKeys(batch), dict[int, int]()
    root_id = job_id if link is None else link.root_id
    kept = _keep_surroundings(batch, command.surroundings) if link is None else link.surroundings
    for position, plan in enumerate(command.plan.stages):
        stage = _Stage(job_id=job_id, id=stage_id + position, is_open=position == 0, root_id=root_id)
        _write_stage(batch, stage, plan, position=position, first_task=first_task)
        tasks = list(_tasks_of_stage(batch, stage, plan, first_task, job=command.plan))
        for task in tasks:
            task.repeat(keys.take(task.plan.once, task.place.task_id, job_id=job_id))
        repeated |= {task.place.task_id: task.first for task in tasks if task.first is not None}
        _write_tasks(batch, tasks, command, numbers, surroundings=kept)
        first_task += len(tasks)
    batch.many(
        "INSERT INTO edge (need_id, task_id, kind, met) VALUES (?, ?, ?, 0)",
        list(_edges(command.plan, numbers)),
    )
    skip_repeated(batch, repeated)
    keys.tell(actor=command.actor)
    if command.plan.stages and not command.plan.stages[0].tasks:
        # An empty first stage has no task whose end would close it.
        batch.followups.append(LeftOver("stage", stage_id))


def _write_stage(batch: Batch, stage: _Stage, plan: StagePlan, *, position: int, first_task: int) -> None:
    status = StageStatus.OPEN if stage.is_open else StageStatus.PENDING
    count = len(plan.tasks)
    last_task = first_task + count - 1
    row = (stage.id, stage.job_id, position, raw(plan.name), status, count, first_task, last_task)
    batch.run(_STAGE, *row, int(plan.is_finally))
    if stage.is_open:
        batch.event(
            "stage.open", Subject(stage.job_id), data={"stage": stage.id, "name": plan.name, "from": None}
        )


def _tasks_of_stage(
    batch: Batch, stage: _Stage, plan: StagePlan, first_task: int, *, job: JobPlan
) -> Iterator[_NewTask]:
    lanes, sets = Lanes(batch, stage.job_id), GaugeSets(batch)
    for task_id, task in enumerate(plan.tasks, first_task):
        gset_id = sets.of_plan(task, job_id=stage.root_id, workflow=job.name, project=job.project)
        lane_id = lanes.of(task.queue, gset_id)
        place = TaskPlace(task_id, stage.job_id, stage.id, task.queue, lane_id, None)
        yield _new_task(place, task, needs=len(task.needs), is_open=stage.is_open)


def _new_task(
    place: TaskPlace, plan: TaskPlan, *, needs: int, is_open: bool, group: str | None = None
) -> _NewTask:
    ready, is_conditional = is_open and needs == 0, plan.is_conditional
    return _NewTask(
        place=place,
        plan=plan,
        needs=needs,
        group=group,
        status=TaskStatus.QUEUED if ready and not is_conditional else TaskStatus.BLOCKED,
        is_conditional=is_conditional,
        awaits_judgement=ready and is_conditional,
    )


def _numbers(plan: JobPlan, first_task: int) -> dict[str, int]:
    """Return the ids of the tasks of a job by key."""
    keys = (task.key for stage in plan.stages for task in stage.tasks)
    return {key: task_id for task_id, key in enumerate(keys, first_task)}


def _edges(plan: JobPlan, numbers: dict[str, int]) -> Iterator[tuple[int, int, str]]:
    for stage in plan.stages:
        for task in stage.tasks:
            for need in task.needs:
                yield numbers[need.key], numbers[task.key], need.when


def _write_tasks(
    batch: Batch,
    tasks: Iterable[_NewTask],
    command: Enqueue | Submit,
    numbers: Mapping[str, int],
    *,
    surroundings: str | None,
) -> None:
    """Write tasks, their first events and counts; `numbers` are the ids of a job's tasks by key."""
    rows = []
    actor = command.actor
    # The tasks of a job have its actor.
    signed = raw(actor) if isinstance(command, Enqueue) else None
    costs = AutoCosts(batch, command.plan.name if isinstance(command, Submit) else None)
    known: JsonObject = {}
    noted = ""
    for task in tasks:
        spec = pack(spec_to_json(task.plan, surroundings=surroundings))
        cost = cost_column(costs.of(task.plan.key, task.plan.cost))
        rows.append((*_row(batch, task), cost, spec, signed))
        if task.awaits_judgement:
            batch.report.conditions.append(task.place.task_id)
        batch.count_created(task.place, task.status)
        facts = _first_facts(task, numbers)
        if facts != known:
            known, noted = facts, pack(facts)
        batch.created(task.place, actor=actor, facts=noted)
    batch.many(_TASK, rows)


def _row(batch: Batch, task: _NewTask) -> tuple[int | str | bytes | None, ...]:
    place, plan, status = task.place, task.plan, task.status
    queued = status is TaskStatus.QUEUED
    sort_key = batch.rules.sort_key(batch.now, plan.priority, aging_step=batch.aging_step) if queued else None
    return (
        place.task_id,
        place.job_id,
        place.stage_id,
        raw(place.queue),
        place.lane_id,
        place.set_id,
        raw(plan.key),
        raw(plan.name),
        raw(task.group),
        raw(plan.uses),
        plan.priority,
        status,
        sort_key,
        task.needs,
        int(task.is_conditional),
        "condition" if task.awaits_judgement else None,
        plan.retry.max_attempts,
        batch.wall,
        batch.wall if queued else None,
    )


def _first_facts(task: _NewTask, numbers: Mapping[str, int]) -> JsonObject:
    """Return what the event that creates a task says of it."""
    facts = task_facts(task.plan, status=task.status, stage_id=task.place.stage_id, needs=numbers)
    return facts if task.group is None else {**facts, "group": task.group}


def next_id(batch: Batch, table: str) -> int:
    """Return the id of the next row of a table that is purged: no id comes twice."""
    # A row that was deleted by hand leaves behind what names it: none of that may be of a new one.
    named = "".join(f", ({sql})" for sql in _NAMED_BY[table])
    (known,) = batch.rows(
        f"SELECT (SELECT max(id) FROM {table} WHERE id < {ID_MAX}),"
        f" (SELECT last FROM purged WHERE noun = ? ORDER BY first DESC LIMIT 1){named}",
        table,
    )
    return max(one for one in (0, *known) if isinstance(one, int) and one < ID_MAX) + 1
