"""JSON shapes of jobs, tasks, stages and queues; times ISO 8601 UTC.

Used by `--json` of the commands, and by `json_shapes` for what is listed beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.limits.amounts import write_amount
from core.model.limits.estimates import AUTO, Estimate
from core.model.run_times import UsualTime
from core.model.values import JsonObject, JsonValue, iso_or_none, to_iso
from core.model.views import (
    ChildView,
    JobDetail,
    JobView,
    QueueView,
    StageView,
    TaskDetail,
    TaskView,
    VariableView,
)
from core.render.data_texts import variable_shape


def job_shape(job: JobView) -> JsonObject:
    """Return a job as `jobs --json` has it."""
    return {
        "id": job.id,
        "name": job.name,
        "status": job.status,
        "tasks": dict(job.tasks),
        "reason": job.reason,
        "on_task_failure": job.on_task_failure,
        "created_at": iso_or_none(job.created_at),
        "started_at": iso_or_none(job.started_at),
        "finished_at": iso_or_none(job.finished_at),
        "params": job.params,
        "definition_hash": job.definition_hash,
        "actor": job.actor,
        "verdict_by": job.verdict_by,
        "verdict_task": job.verdict_task,
        "verdict_ends": job.verdict_ends,
        "paused": job.paused,
        "tolerated": job.tolerated,
        "pinned": _pin_shape(job.pinned),
        "parent": job.parent,
        "root": job.root,
        "depth": job.depth or 0,
        "paused_above": list(job.paused_above),
        "place": job.place,
    }


def task_shape(task: TaskView) -> JsonObject:
    """Return a task as `tasks --json` has it; `attempts` = executions so far."""
    return {
        "id": task.id,
        "job": task.job_id,
        "stage": task.stage_id,
        "key": task.key,
        "name": task.name,
        "uses": task.uses,
        "queue": task.queue,
        "priority": task.priority,
        "group": task.group,
        "status": task.status,
        "attempts": task.attempts,
        "tries": task.tries,
        "max_attempts": task.max_attempts,
        "wait_reason": task.wait_reason,
        "waits_for": task.waits_for,
        "usual": usual_shape(task.usual),
        "created_at": iso_or_none(task.created_at),
        "queued_at": iso_or_none(task.queued_at),
        "started_at": iso_or_none(task.started_at),
        "finished_at": iso_or_none(task.finished_at),
        "retry_at": iso_or_none(task.retry_at),
        "stop_requested": task.stop_requested,
        "error": task.error,
        "actor": task.actor,
        "status_by": task.status_by,
        "status_reason": task.status_reason,
        "partial": task.partial,
        "tolerated": task.tolerated,
        "instances": None if task.instances is None else task.instances.to_json(),
        "group_task": task.group_task,
        "family": task.family,
        "pinned": _pin_shape(task.pinned),
    }


def _pin_shape(pinned: JsonObject | None) -> JsonObject | None:
    at = None if pinned is None else pinned["at"]
    return None if pinned is None else {**pinned, "at": to_iso(at) if isinstance(at, int) else None}


def usual_shape(usual: UsualTime | None) -> JsonObject | None:
    """Return what is usual, in ms; None = not known."""
    if usual is None:
        return None
    return {
        "median_ms": usual.median_ms,
        "p90_ms": usual.p90_ms,
        "p95_ms": usual.p95_ms,
        "attempts": usual.attempts,
    }


def detail_shape(detail: JobDetail, variables: Sequence[VariableView] = ()) -> JsonObject:
    """Return a job with its variables, stages and tasks as `show --json` has it."""
    return {
        "job": job_shape(detail.job),
        "variables": [variable_shape(one) for one in variables],
        "stages": [stage_shape(stage) for stage in detail.stages],
        "tasks": [task_detail_shape(task) for task in detail.tasks],
        "children": [child_shape(child) for child in detail.children],
    }


def child_shape(child: ChildView) -> JsonObject:
    """Return a job that a task waits for, or waited for."""
    return {
        "job": child.job_id,
        "name": child.name,
        "status": child.status,
        "task": child.task_id,
        "key": child.key,
        "superseded": child.superseded,
        "worklet": child.is_worklet,
    }


def task_detail_shape(detail: TaskDetail) -> JsonObject:
    """Return a task of `show --json`: as in lists, with what its document says of it; needs are keys."""
    return {
        **task_shape(detail.task),
        "needs": list(detail.needs),
        "metadata": detail.metadata,
        "continue_on_error": detail.continue_on_error,
        "success_exit_codes": list(detail.success_exit_codes),
        "skip_exit_codes": list(detail.skip_exit_codes),
        "limits": [{"limit": ref.name, "key": ref.key or None} for ref in detail.limits],
        "cost": _cost_shape(detail.cost),
        "estimated": None if detail.cost is None else _amounts(detail.cost),
        "prefer": list(detail.prefer),
        "on_exhausted": detail.on_exhausted,
        "tags": list(detail.tags),
        "project": detail.project,
        "once": None if detail.once is None else {"key": detail.once.key, "for": detail.once.for_},
    }


def _cost_shape(cost: Estimate | None) -> JsonValue:
    """Return decimal texts by unit, the text of one that needs outputs, `auto`, or None."""
    if cost is None or cost.is_auto:
        return None if cost is None else AUTO
    return {**_amounts(cost), **cost.expressions}


def _amounts(cost: Estimate) -> JsonObject:
    """Return the decimal texts by unit; of `auto` those of earlier attempts."""
    return {unit: write_amount(amount) for unit, amount in cost.amounts.items()}


def queue_shape(queue: QueueView) -> JsonObject:
    """Return a queue as `queues --json` has it."""
    return {
        "name": queue.name,
        "tasks": dict(queue.tasks),
        "paused_at": iso_or_none(queue.paused_at),
        "paused_by": queue.paused_by,
        "pause_reason": queue.pause_reason,
        "oldest_at": iso_or_none(queue.oldest_at),
        "waited_ms": queue.waited_ms,
        "per_minute": queue.rate,
        "ends": list(queue.ends),
        "pools": None if queue.pools is None else list(queue.pools),
        "paused_pools": list(queue.paused_pools),
    }


def stage_shape(stage: StageView) -> JsonObject:
    return {
        "id": stage.id,
        "position": stage.position,
        "name": stage.name,
        "status": stage.status,
        "tasks": dict(stage.tasks),
    }
