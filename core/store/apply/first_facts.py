"""What the events that create jobs and tasks say.

Called by the submissions. The rows hold all; an event holds what tells the story, without secrets and
bounded.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.model.commands.work import Submit
from core.model.plans import NeedPlan, NeedWhen, OnLoss, TaskPlan
from core.model.redaction import redacted
from core.model.status import JobStatus, TaskStatus
from core.model.values import JsonObject, JsonValue
from core.store.sql import INLINE_LIMIT, pack

NEEDS_MOST = 50
"""Needs that the event of a task names; `needs_left_out` counts the others."""
WHEN_MOST = 500
"""Characters of a `when` that the event of a task holds."""


def job_facts(command: Submit) -> JsonObject:
    """Return what `job.created` says: parameters without what looks like a secret, the first 4 KiB of them.

    `params_left_out` counts the parameters that have no room; of `variables` there are those that have.
    """
    plan = command.plan
    data: JsonObject = {
        "name": plan.name,
        "status": JobStatus.PENDING,
        "definition": plan.definition_hash or None,
    }
    if command.schedule_id is not None:
        data["schedule"] = command.schedule_id
    if plan.params:
        told = _told_values(plan.params)
        data["params"] = told
        if len(told) < len(plan.params):
            data["params_left_out"] = len(plan.params) - len(told)
    if plan.variables:
        data["variables"] = _told_values({one.name: one.value for one in plan.variables})
    return data


def task_facts(plan: TaskPlan, *, status: TaskStatus, stage_id: int, needs: Mapping[str, int]) -> JsonObject:
    """Return what `task.created` says; `needs` are the ids of the tasks of its job by key."""
    data: JsonObject = {
        "status": status,
        "stage": stage_id,
        "key": plan.key,
        "uses": plan.uses,
        "queue": plan.queue,
        "priority": plan.priority,
        "max_attempts": plan.retry.max_attempts,
    }
    if plan.needs and needs:
        data["needs"] = [_need(need, needs) for need in plan.needs[:NEEDS_MOST]]
        if len(plan.needs) > NEEDS_MOST:
            data["needs_left_out"] = len(plan.needs) - NEEDS_MOST
    if plan.when is not None:
        data["when"] = plan.when[:WHEN_MOST]
    if plan.timeout_ms is not None:
        data["timeout_ms"] = plan.timeout_ms
    if plan.on_loss is not None and plan.on_loss is not OnLoss.RETRY:
        data["on_loss"] = plan.on_loss
    if plan.name is not None:
        data["name"] = plan.name
    if plan.once is not None:
        data["once"] = plan.once.to_json()
    return data


def _told_values(values: JsonObject) -> JsonObject:
    told: JsonObject = {}
    room = INLINE_LIMIT
    for name, value in values.items():
        shown = redacted(name, value)
        size = len(pack({name: shown}))
        if size <= room:
            told[name] = shown
            room -= size
    return told


def _need(need: NeedPlan, ids: Mapping[str, int]) -> JsonValue:
    told: JsonObject = {"task": ids[need.key], "key": need.key}
    return told if need.when is NeedWhen.SUCCEEDED else {**told, "when": need.when}
