"""JSON shapes of the views, stable for programs; times ISO 8601 UTC.

Used by `--json` of the commands and by the console's exports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from core.model.amounts import write_amount
from core.model.errors import TaskdeckError
from core.model.estimates import AUTO, Estimate
from core.model.events import EventView
from core.model.failures import FamilyView
from core.model.limit_commands import Charged
from core.model.limits import Price
from core.model.past import PastJob, PastTask
from core.model.run_times import UsualTime
from core.model.schedule_views import FireView
from core.model.usage_views import Spending
from core.model.values import JsonObject, JsonValue, to_iso
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
from core.render.schedule_lines import ScheduleLine
from core.render.schedule_texts import fire_shape, schedule_shape


def json_line(value: Mapping[str, JsonValue]) -> str:
    """Write a shape on one line, all but ASCII escaped."""
    return json.dumps(value, ensure_ascii=True) + "\n"


def shape_of(view: object) -> JsonObject | None:
    """Return a row of a list as its command has it with `--json`; None for what no list holds."""
    match view:
        case JobView():
            return job_shape(view)
        case TaskView():
            return task_shape(view)
        case EventView():
            return event_shape(view)
        case QueueView():
            return queue_shape(view)
        case FamilyView():
            return family_shape(view)
        case ScheduleLine():
            return schedule_shape(view.view)
        case FireView():
            return fire_shape(view)
        case _:
            return None


def job_shape(job: JobView) -> JsonObject:
    """Return a job as `jobs --json` has it."""
    return {
        "id": job.id,
        "name": job.name,
        "status": job.status,
        "tasks": dict(job.tasks),
        "reason": job.reason,
        "on_task_failure": job.on_task_failure,
        "created_at": _iso(job.created_at),
        "started_at": _iso(job.started_at),
        "finished_at": _iso(job.finished_at),
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
    }


def past_job_shape(job: PastJob, *, at: int) -> JsonObject:
    """Return a job of an earlier moment as `jobs --at --json` has it."""
    return {
        "as_of": to_iso(at),
        "id": job.id,
        "name": job.name,
        "status": job.status,
        "tasks": dict(job.tasks),
        "created_at": _iso(job.created_at),
        "actor": job.actor,
    }


def past_task_shape(task: PastTask, *, at: int) -> JsonObject:
    """Return a task of an earlier moment as `tasks --at --json` has it; `since` = its status began."""
    return {
        "as_of": to_iso(at),
        "id": task.id,
        "job": task.job_id,
        "key": task.key,
        "name": task.name,
        "status": task.status,
        "queue": task.queue,
        "uses": task.uses,
        "group": task.group,
        "created_at": _iso(task.created_at),
        "since": _iso(task.since),
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
        "created_at": _iso(task.created_at),
        "queued_at": _iso(task.queued_at),
        "started_at": _iso(task.started_at),
        "finished_at": _iso(task.finished_at),
        "retry_at": _iso(task.retry_at),
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


def family_shape(family: FamilyView) -> JsonObject:
    """Return a failure family as `failures --json` has it."""
    known = family.acknowledged
    return {
        "id": family.id,
        "state": family.state,
        "code": family.code,
        "pattern": family.pattern,
        "message": family.message,
        "failed": family.failed,
        "known": family.known,
        "retrying": family.retrying,
        "jobs": family.jobs,
        "failures": family.failures,
        "first_at": _iso(family.first_at),
        "last_at": _iso(family.last_at),
        "newest_task": family.newest_task,
        "trend": list(family.trend),
        "acknowledged": None
        if known is None
        else {
            "by": known.by,
            "at": _iso(known.at),
            "reason": known.reason,
            "until": _iso(known.until),
            "since": known.since,
        },
    }


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


def spending_shape(spent: Spending) -> JsonObject:
    """Return what was spent of a unit, as `usage --json` has it; `unknown` is not in the total."""
    return {
        "unit": spent.unit,
        "total": write_amount(spent.total),
        "reported": write_amount(spent.reported),
        "estimated": write_amount(spent.estimated),
        "corrected": write_amount(spent.corrected),
        "unknown": write_amount(spent.unknown),
        "entries": spent.entries,
        "unpriced": spent.unpriced,
    }


def charged_shape(charged: Charged) -> JsonObject:
    """Return what became of a charge, as `charge --json` has it."""
    return {
        "booked": charged.landed,
        "late": charged.late,
        "spent": [
            {"unit": one.unit, "amount": write_amount(one.amount), "model": one.model, "price": one.price}
            for one in charged.spent
        ],
        "budgets": [
            {
                "name": one.name,
                "key": one.key or None,
                "unit": one.unit,
                "left": write_amount(one.left),
                "max": write_amount(one.max),
                "spent": one.is_spent,
            }
            for one in charged.budgets
        ],
    }


def price_shape(price: Price) -> JsonObject:
    """Return a price as `prices --json` has it: dollars for `per` tokens."""
    return {
        "model": price.model,
        "input": write_amount(price.input),
        "output": write_amount(price.output),
        "per": price.per,
        "from": _iso(price.since or None),
    }


def event_shape(event: EventView) -> JsonObject:
    """Return an event as `events --json` has it."""
    return {
        "id": event.id,
        "at": _iso(event.at),
        "kind": event.kind,
        "job": event.job_id,
        "task": event.task_id,
        "key": event.key,
        "attempt": event.attempt,
        "actor": event.actor,
        "data": event.data,
    }


def queue_shape(queue: QueueView) -> JsonObject:
    """Return a queue as `queues --json` has it."""
    return {
        "name": queue.name,
        "tasks": dict(queue.tasks),
        "paused_at": _iso(queue.paused_at),
        "paused_by": queue.paused_by,
        "pause_reason": queue.pause_reason,
        "oldest_at": _iso(queue.oldest_at),
        "waited_ms": queue.waited_ms,
        "per_minute": queue.rate,
        "ends": list(queue.ends),
        "pools": None if queue.pools is None else list(queue.pools),
        "paused_pools": list(queue.paused_pools),
    }


def error_shape(error: TaskdeckError) -> JsonObject:
    """Return a refusal as it stands on standard error with `--json`."""
    return {"error": error.to_json()}


def stage_shape(stage: StageView) -> JsonObject:
    return {
        "id": stage.id,
        "position": stage.position,
        "name": stage.name,
        "status": stage.status,
        "tasks": dict(stage.tasks),
    }


def _iso(at: int | None) -> str | None:
    return None if at is None else to_iso(at)
