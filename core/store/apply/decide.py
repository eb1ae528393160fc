"""Carry out judgements of `when`, and queue retries whose time has come."""

from __future__ import annotations

from collections.abc import Sequence

from core.model.commands import Decide, FailIt, Proceed, SkipIt
from core.model.status import TASK, TaskStatus
from core.store.batch import BITE, Batch
from core.store.sql import guard, pack

_WAITING = "id = ? AND wait_reason = 'condition'"
_RETURN = "RETURNING id, job_id, stage_id, queue, lane_id"
_PROCEED = (
    "UPDATE task SET status = 'queued', wait_reason = NULL, queued_at = ?, sort_key = ? - priority * ?"
    f" WHERE {_WAITING} AND {guard(TASK['unblock'])} {_RETURN}"
)
_SKIP = (
    "UPDATE task SET status = 'skipped', wait_reason = NULL, finished_at = ?"
    f" WHERE {_WAITING} AND {guard(TASK['skip'])} {_RETURN}"
)
_FAIL = (
    "UPDATE task SET status = 'failed', wait_reason = NULL, finished_at = ?, error = ?"
    f" WHERE {_WAITING} AND status = 'blocked' {_RETURN}"
)
_COME_DUE = (
    "UPDATE task SET status = 'queued', queued_at = ?, sort_key = ? - priority * ?, retry_at = NULL"
    " WHERE id IN (SELECT id FROM task INDEXED BY task_due WHERE status = 'retrying' AND retry_at <= ?"
    f" ORDER BY retry_at LIMIT ?) AND {guard(TASK['come_due'])} {_RETURN}"
)


def apply_decides(batch: Batch, commands: Sequence[Decide]) -> list[None]:
    """Carry out judgements; a task that no longer waits for one stays as it is."""
    for command in commands:
        _decide(batch, command)
    return [None] * len(commands)


def apply_come_due(batch: Batch) -> None:
    """Queue retrying tasks that are due, one bite; the alarm of the rest is armed again at once."""
    args = (batch.now, batch.now, batch.aging_step, batch.now, BITE)
    for task_id, job_id, stage_id, queue, lane_id in sorted(batch.rows(_COME_DUE, *args)):
        batch.moved((job_id, stage_id, queue), TASK["come_due"], TaskStatus.RETRYING)
        batch.queued(lane_id)
        batch.event("task.queued", (job_id, task_id, None))


def _decide(batch: Batch, command: Decide) -> None:
    match command.verdict:
        case Proceed():
            args = (batch.now, batch.now, batch.aging_step, command.task_id)
            for task_id, job_id, stage_id, queue, lane_id in batch.rows(_PROCEED, *args):
                batch.moved((job_id, stage_id, queue), TASK["unblock"], TaskStatus.BLOCKED)
                batch.queued(lane_id)
                batch.event("task.queued", (job_id, task_id, None))
        case SkipIt():
            for task_id, *where, _ in batch.rows(_SKIP, batch.now, command.task_id):
                _end(batch, task_id, (where[0], where[1], where[2]), TaskStatus.SKIPPED)
                batch.event("task.skipped", (where[0], task_id, None), data={"when": False})
        case FailIt(error=error):
            stored = error.to_json()
            for task_id, *where, _ in batch.rows(_FAIL, batch.now, pack(stored), command.task_id):
                _end(batch, task_id, (where[0], where[1], where[2]), TaskStatus.FAILED)
                batch.event("task.failed", (where[0], task_id, None), data={"error": stored})


def _end(batch: Batch, task_id: int, where: tuple[int, int, str], status: TaskStatus) -> None:
    move = TASK["skip"] if status is TaskStatus.SKIPPED else TASK["give_up"]
    batch.moved(where, move, TaskStatus.BLOCKED)
    batch.final(task_id, where, status)
