"""Answer the task that waits for a job which has ended.

Called by the ends of jobs, the begins of children and when a task is released.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.crash_points import crash_point
from core.model.outcomes import TaskError
from core.model.patterns.children import OnChildFailure
from core.model.status import JOB_FINAL, JobStatus, TaskStatus
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.apply.children.worklet_failures import fail_by_worklet
from core.store.apply.moves import waiting
from core.store.batch import Batch
from core.store.rows import OF_PLACE, Cause, TaskPlace
from core.store.sql import among, unpack

MESSAGE_MAX = 2_000
"""Characters of the error of a task whose child failed."""

_WAITS = (
    "SELECT t.id, t.job_id, t.stage_id, t.queue, t.lane_id, t.set_id, t.status, w.is_held, w.is_late,"
    " w.on_child_failure, t.stop_at IS NOT NULL, t.stop_by, t.stop_reason, j.id, j.name, j.status, j.reason,"
    " j.verdict_task, j.outputs IS NOT NULL, j.is_worklet FROM awaited w INDEXED BY awaited_child"
    " JOIN task t ON t.id = w.task_id JOIN job j ON j.id = w.child_id"
    f" WHERE w.child_id = ? AND w.asks IS NULL AND {among(JOB_FINAL, 'j.status')}"
)
_BROKE = "SELECT key, error FROM task WHERE id = ?"
_FIRST_BROKEN = (
    "SELECT key, error FROM task INDEXED BY task_list"
    " WHERE job_id = ? AND status = 'failed' AND NOT tolerated ORDER BY id LIMIT 1"
)
_ASK = "UPDATE awaited SET asks = 'outputs', fails_at = NULL WHERE task_id = ?"


class _Ended(NamedTuple):
    """A child that has ended, as its task sees it."""

    task_status: TaskStatus
    is_held: int
    is_late: int
    on_child_failure: str | None
    is_stopped: int
    stop_by: str | None
    stop_reason: str | None
    id: int
    name: str
    status: JobStatus
    reason: str | None
    verdict_task: int | None
    has_outputs: int
    is_worklet: int


def answer_parent(batch: Batch, job_id: int) -> None:
    """Answer the task that waits for a job, if one does and the job has ended; a held one later."""
    row = batch.one(_WAITS, job_id)
    if row is None:
        return
    crash_point("childjob.ended")
    place, child = TaskPlace(*row[:OF_PLACE]), _Ended(*row[OF_PLACE:])
    if child.status == JobStatus.SUCCEEDED and not child.is_late:
        if not child.is_held:
            _take(batch, place, child)
    elif child.is_stopped and not child.is_late:
        cause = Cause(reason=child.stop_reason or "", actor=child.stop_by)
        waiting.cancel(batch, place, TaskStatus(child.task_status), cause)
    elif not child.is_held:
        _fail(batch, place, child)


def _take(batch: Batch, place: TaskPlace, child: _Ended) -> None:
    """Take the outputs of a child that succeeded, or let the engine work them out."""
    if child.has_outputs or child.is_worklet:
        batch.run(_ASK, place.task_id)
        batch.report.conditions.append(place.task_id)
        return
    waiting.succeed(batch, place, {})


def _fail(batch: Batch, place: TaskPlace, child: _Ended) -> None:
    error = _late(child) if child.is_late else _error(batch, child)
    if child.is_worklet:
        fail_by_worklet(batch, place, error)
    elif child.is_late or child.on_child_failure in (None, OnChildFailure.FAIL):
        waiting.fail(batch, place, error)
    elif child.on_child_failure == OnChildFailure.SKIP:
        waiting.skip(batch, place, reason=error.message)
    else:
        output: JsonObject = {"job": child.id, "status": str(child.status), "error": error.to_json()}
        waiting.succeed(batch, place, output)


def _late(child: _Ended) -> TaskError:
    message = f"job {child.id} {safe_line(child.name)} did not end in time"
    code = "worklet.timeout" if child.is_worklet else "timeout"
    return TaskError(code=code, message=message, facts={"job": child.id})


def _error(batch: Batch, child: _Ended) -> TaskError:
    """Say how a child ended, and what broke in it, down to the deepest."""
    row = batch.one(_BROKE, child.verdict_task) if child.verdict_task else batch.one(_FIRST_BROKEN, child.id)
    facts: JsonObject = {"job": child.id, "status": str(child.status)}
    parts = [f"job {child.id} {safe_line(child.name)} {child.status}"]
    if row is None:
        parts.append(child.reason or "")
    else:
        key, stored = row
        inner = unpack(stored)
        facts["task"] = key
        parts.append(f"task {safe_line(key)}")
        if isinstance(inner, dict):
            facts["code"] = inner.get("code")
            parts.append(str(inner.get("message") or inner.get("code") or ""))
    message = ": ".join(part for part in parts if part)
    noun = "worklet" if child.is_worklet else "workflow"
    return TaskError(code=f"{noun}.{child.status}", message=message[:MESSAGE_MAX], facts=facts)
