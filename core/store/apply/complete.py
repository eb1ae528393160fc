"""Close attempts with their outcomes and move their tasks."""

from __future__ import annotations

from collections.abc import Sequence

from core.model.commands import Complete, Completed
from core.model.errors import Bug, TaskdeckError
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Cancelled,
    Failed,
    Interrupted,
    Lost,
    Outcome,
    Requeue,
    RetryAt,
    Succeeded,
    TaskError,
    TimedOut,
)
from core.model.status import ATTEMPT, TASK, AttemptStatus, Move, TaskStatus
from core.model.values import JsonObject, JsonValue
from core.store.batch import Batch
from core.store.sql import INLINE_LIMIT, digest, guard, pack, unpack

_SUCCEED = (
    "UPDATE task SET status = 'succeeded', finished_at = ?, output = j.value->>2, error = NULL"
    " FROM json_each(?) AS j WHERE task.id = j.value->>0 AND task.epoch = j.value->>1"
    f" AND {guard(TASK['succeed'], 'task.status')} RETURNING id, epoch, job_id, stage_id, queue"
)
_READ = (
    "SELECT t.id, t.job_id, t.stage_id, t.queue, t.lane_id, t.priority, t.stop_at, job.status"
    " FROM task t JOIN job ON job.id = t.job_id"
    f" WHERE t.id = ? AND t.epoch = ? AND {guard(TASK['succeed'], 't.status')}"
)
_CLOSE = (
    "UPDATE attempt SET status = ?, finished_at = ?, error = ? WHERE task_id = ? AND epoch = ?"
    " AND status = 'running'"
)
_CLOSE_SUCCEEDED = (
    "UPDATE attempt SET status = 'succeeded', finished_at = ? FROM json_each(?) AS j"
    " WHERE task_id = j.value->>0 AND epoch = j.value->>1 AND status = 'running'"
)
_MOVE = (
    "UPDATE task SET status = ?, tries = tries + ?, losses = losses + ?, bounces = bounces + ?,"
    " error = coalesce(?, error), retry_at = ?, queued_at = coalesce(?, queued_at),"
    " sort_key = coalesce(?, sort_key), finished_at = ?"
    f" WHERE id = ? AND epoch = ? AND {guard(TASK['succeed'])}"
)
LOSS_HOLDS = "the attempt was lost; 'retry' or 'unhold' runs it again, 'cancel' ends it"


def apply_completes(batch: Batch, commands: Sequence[Complete]) -> list[Completed | TaskdeckError]:
    """Close attempts; a closed one is a duplicate (an event without effect), an unknown one a bug."""
    landed = _succeed(batch, [c for c in commands if isinstance(c.outcome, Succeeded)])
    for command in commands:
        if not isinstance(command.outcome, Succeeded) and _end(batch, command):
            landed.add((command.task_id, command.epoch))
    return [
        Completed(landed=True) if (c.task_id, c.epoch) in landed else _judge_refused(batch, c)
        for c in commands
    ]


def _succeed(batch: Batch, commands: Sequence[Complete]) -> set[tuple[int, int]]:
    """Move all successes at once; a stop that was asked for does not undo what was done."""
    if not commands:
        return set()
    outputs = {
        (c.task_id, c.epoch): _stored(batch, c.outcome.output)
        for c in commands
        if isinstance(c.outcome, Succeeded)
    }
    listed = pack([[task_id, epoch, output] for (task_id, epoch), output in outputs.items()])
    rows = batch.rows(_SUCCEED, batch.now, listed)
    landed = {(row[0], row[1]): row[2:] for row in rows}
    closed = batch.run(_CLOSE_SUCCEEDED, batch.now, pack([list(key) for key in landed]))
    if closed != len(landed):
        raise Bug("attempt.missing", "a running task had no open attempt")
    for command in commands:
        key = (command.task_id, command.epoch)
        where = landed.get(key)
        if where is None or not isinstance(command.outcome, Succeeded):
            continue
        batch.moved(where, TASK["succeed"], TaskStatus.RUNNING)
        batch.final(command.task_id, where, TaskStatus.SUCCEEDED)
        output = outputs[key]
        note: JsonObject = {} if output is None else {"output": unpack(output)}
        if command.outcome.partial:
            note |= {"partial": True, "reason": command.outcome.reason}
        batch.event("task.succeeded", (where[0], *key), data=note)
    return set(landed)


def _end(batch: Batch, command: Complete) -> bool:
    """Close an attempt that did not succeed; the row decides what its task becomes."""
    row = batch.one(_READ, command.task_id, command.epoch)
    if row is None:
        return False
    stopped = row[6] is not None or row[7] == "ending"
    error = _error(command.outcome)
    move = _task_move(command, stopped=stopped)
    closing = _attempt_move(command.outcome, stopped=stopped)
    stored = None if error is None else pack(error.to_json())
    subject = (row[1], command.task_id, command.epoch)
    if batch.run(_CLOSE, closing.target, batch.now, stored, command.task_id, command.epoch) != 1:
        raise Bug("attempt.missing", "a running task had no open attempt", facts={"task": command.task_id})
    if closing.event:
        batch.event(closing.event, subject, data=None if error is None else {"error": error.to_json()})
    _move_task(batch, command, (move, closing), (row, stored))
    return True


def _move_task(
    batch: Batch,
    command: Complete,
    moves: tuple[Move[TaskStatus], Move[AttemptStatus]],
    state: tuple[tuple, str | None],  # type: ignore[type-arg]
) -> None:
    (move, closing), (row, stored) = moves, state
    where, target = row[1:4], move.target
    queued = target is TaskStatus.QUEUED
    retry_at = (
        command.decision.at if move.name == "retry_later" and isinstance(command.decision, RetryAt) else None
    )
    moved = batch.run(
        _MOVE,
        target,
        int(closing.target in {AttemptStatus.FAILED, AttemptStatus.TIMED_OUT}),
        int(closing.target is AttemptStatus.LOST),
        int(closing.target is AttemptStatus.BOUNCED),
        stored,
        retry_at,
        batch.now if queued else None,
        batch.now - row[5] * batch.aging_step if queued else None,
        batch.now if target in {TaskStatus.FAILED, TaskStatus.CANCELLED} else None,
        command.task_id,
        command.epoch,
    )
    if moved != 1:
        raise Bug("task.missing", "an open attempt had no running task", facts={"task": command.task_id})
    batch.moved(where, move, TaskStatus.RUNNING)
    if queued:
        batch.queued(row[4])
    if target in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
        batch.final(command.task_id, where, target)
    batch.event(move.event, (where[0], command.task_id, command.epoch), data=_note(moves, retry_at, stored))


def _note(
    moves: tuple[Move[TaskStatus], Move[AttemptStatus]], retry_at: int | None, stored: str | None
) -> JsonObject:
    move, closing = moves
    if retry_at is not None:
        return {"retry_at": retry_at}
    if move.name == "hold_lost":
        return {"reason": LOSS_HOLDS}
    if closing.target is AttemptStatus.BOUNCED and stored is not None:
        # A bounce has no event of its attempt: the task's own carries the count and the cause.
        note: JsonObject = {"error": unpack(stored)}
        return note if move.name == "bounce" else {**note, "bounced": True}
    return {}


def _task_move(command: Complete, *, stopped: bool) -> Move[TaskStatus]:
    if stopped:
        return TASK["cancel"]
    match command.outcome, command.decision:
        case Cancelled(), _:
            return TASK["cancel"]
        case Interrupted(), _:
            return TASK["interrupt"]
        case Bounced(), Requeue():
            return TASK["bounce"]
        case _, RetryAt():
            return TASK["retry_later"]
        case Lost(), AskOperator():
            return TASK["hold_lost"]
        case _:
            return TASK["give_up"]


def _attempt_move(outcome: Outcome, *, stopped: bool) -> Move[AttemptStatus]:
    match outcome:
        case Succeeded():
            return ATTEMPT["succeed"]
        case Failed() | TimedOut() | Interrupted() if stopped:
            return ATTEMPT["cancel"]
        case Failed():
            return ATTEMPT["fail"]
        case TimedOut():
            return ATTEMPT["time_out"]
        case Cancelled():
            return ATTEMPT["cancel"]
        case Lost():
            return ATTEMPT["lose"]
        case Interrupted():
            return ATTEMPT["interrupt"]
        case Bounced():
            return ATTEMPT["bounce"]


def _error(outcome: Outcome) -> TaskError | None:
    match outcome:
        case Failed(error=error):
            return error
        case TimedOut(after_ms=after):
            return TaskError(code="timeout", message=f"timed out after {after / 1000:g} s")
        case Lost(reason=reason):
            return TaskError(code="attempt.lost", message=reason)
        case Bounced(reason=reason):
            return TaskError(code="attempt.bounced", message=reason)
        case _:
            return None


def _judge_refused(batch: Batch, command: Complete) -> Completed | TaskdeckError:
    row = batch.one(
        "SELECT a.status, t.job_id FROM attempt a JOIN task t ON t.id = a.task_id"
        " WHERE a.task_id = ? AND a.epoch = ?",
        command.task_id,
        command.epoch,
    )
    facts: JsonObject = {"task": command.task_id, "epoch": command.epoch}
    if row is None:
        return Bug("attempt.unknown", "an outcome came for an attempt that never was", facts=facts)
    if row[0] == AttemptStatus.RUNNING:
        return Bug("attempt.stuck", "an open attempt could not be closed", facts=facts)
    note: JsonObject = {"outcome": type(command.outcome).__name__.lower(), "closed": row[0]}
    batch.event("task.duplicate", (row[1], command.task_id, command.epoch), data=note)
    return Completed(landed=False)


def _stored(batch: Batch, output: JsonValue) -> str | None:
    """Return the column's text; a large output goes to `payload` under its hash."""
    if output is None:
        return None
    body = pack(output)
    if len(body) <= INLINE_LIMIT:
        return body
    key = digest(body)
    batch.run("INSERT OR IGNORE INTO payload (hash, body) VALUES (?, ?)", key, body)
    return pack({"$payload": key})
