"""Close attempts with their outcomes and move their tasks.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.commands.work import Complete, Completed
from core.model.errors import Bug, TaskdeckError
from core.model.outcomes import (
    SHORT,
    AskOperator,
    Bounced,
    Cancelled,
    Failed,
    Interrupted,
    Lost,
    Outcome,
    Parked,
    Requeue,
    RetryAt,
    Skipped,
    Succeeded,
    TaskError,
    TimedOut,
)
from core.model.records import replace
from core.model.status import ATTEMPT, TASK, AttemptStatus, Move
from core.model.values import JsonObject
from core.store.apply.artifacts import keep_artifacts
from core.store.apply.children.worklet_asks import follow_failure
from core.store.apply.groups.groups import mark_late
from core.store.apply.limits.backends import note_end, note_successes
from core.store.apply.limits.settle import note_unpriced
from core.store.apply.moves import running, waiting
from core.store.apply.moves.attempts import ClosedAttempt, close_attempt
from core.store.apply.stored_outputs import store_output
from core.store.apply.variables import set_variables
from core.store.batch import Batch
from core.store.rows import PLACED, Awaited, Cause, Subject, Success, TaskPlace
from core.store.sql import guard, pack

_READ = (
    f"SELECT {PLACED}, t.stop_at, t.stop_by, t.stop_reason,"
    " job.status = 'ending' AND job.finishing != 1"
    " FROM task t JOIN job ON job.id = t.job_id"
    f" WHERE t.id = ? AND t.epoch = ? AND {guard(TASK['succeed'], 't.status')}"
)


def apply_completes(batch: Batch, commands: Sequence[Complete]) -> list[Completed | TaskdeckError]:
    """Close attempts; a closed one is a duplicate (an event without effect), an unknown one a bug."""
    reports = [command for command in commands if command.spent]
    for command in reports:
        note_unpriced(batch, _subject(batch, command), command.spent)
    batch.spent |= {(command.task_id, command.epoch): command.spent for command in reports}
    successes = [
        _success(batch, command, command.outcome)
        for command in commands
        if isinstance(command.outcome, Succeeded)
    ]
    mark_late(batch, successes)
    note_successes(batch, successes)
    landed = {(success.task_id, success.epoch) for success in running.succeed(batch, successes)}
    for command in commands:
        if not isinstance(command.outcome, Succeeded) and _end(batch, command):
            landed.add((command.task_id, command.epoch))
    for command in commands:
        if (command.task_id, command.epoch) not in landed:
            continue
        if command.abandoned:
            batch.event("call.abandoned", _subject(batch, command))
        if command.cut:
            batch.event("output.cut", _subject(batch, command), data=command.cut)
        if command.unread:
            batch.event("usage.ignored", _subject(batch, command), data={"reason": command.unread})
        if command.artifacts and isinstance(command.outcome, Succeeded):
            keep_artifacts(batch, _subject(batch, command), command.artifacts)
        if command.variables and isinstance(command.outcome, Succeeded):
            set_variables(batch, _subject(batch, command), command.variables)
    return [
        Completed(landed=True) if (c.task_id, c.epoch) in landed else _judge_refused(batch, c)
        for c in commands
    ]


def _success(batch: Batch, command: Complete, outcome: Succeeded) -> Success:
    note: JsonObject = {}
    stored = None
    if outcome.output is not None:
        stored, note["output"] = store_output(batch, outcome.output)
    if outcome.partial:
        note |= {"partial": True, "reason": outcome.reason}
    reason = outcome.reason if outcome.partial else None
    return Success(command.task_id, command.epoch, stored, note, reason)


def _end(batch: Batch, command: Complete) -> bool:
    """Close an attempt that did not succeed; the row decides what its task becomes."""
    row = batch.one(_READ, command.task_id, command.epoch)
    if row is None:
        return False
    *place, stop_at, stop_by, stop_reason, is_ending = row
    if isinstance(command.outcome, Skipped):
        _skip(batch, TaskPlace(*place), command.epoch, command.outcome)
        return True
    stopped = stop_at is not None or bool(is_ending)
    error, move = _error(command.outcome), _attempt_move(command.outcome, stopped=stopped)
    if command.abandoned and move is not ATTEMPT["interrupt"]:
        error = _of_abandoned(error)
    if not stopped:
        note_end(batch, TaskPlace(*place), command.epoch, command.outcome)
    closed = close_attempt(
        batch,
        TaskPlace(*place),
        command.epoch,
        move=move,
        error=None if error is None else error.to_json(),
    )
    if stopped:
        running.cancel(batch, closed, Cause(reason=stop_reason or "", actor=stop_by))
    else:
        _carry_on(batch, command, closed)
    return True


def _skip(batch: Batch, place: TaskPlace, epoch: int, outcome: Skipped) -> None:
    """Close an attempt that had nothing to do; a stop that was asked for does not undo what was done."""
    note: JsonObject = {}
    stored = None
    if outcome.output is not None:
        stored, note["output"] = store_output(batch, outcome.output)
    success = Success(place.task_id, epoch, stored, note, outcome.reason)
    note_successes(batch, [success])
    running.skip(batch, place, success)


def _carry_on(batch: Batch, command: Complete, closed: ClosedAttempt) -> None:
    """Move the task of a closed attempt that was not asked to stop."""
    match command.outcome, command.decision:
        case Cancelled(), _:
            running.cancel(batch, closed, None)
        case Interrupted(), _:
            running.interrupt(batch, closed)
        case Bounced(), Requeue():
            running.bounce(batch, closed)
        case Parked() as parked, _:
            _park(batch, closed, parked)
        case _, RetryAt(at=at):
            running.retry_later(batch, closed, retry_at=at)
        case Lost(), AskOperator():
            running.hold_lost(batch, closed)
        case _:
            follow_failure(batch, closed)


def _park(batch: Batch, closed: ClosedAttempt, parked: Parked) -> None:
    running.park(batch, closed, pack(parked.seen))
    awaited = Awaited(
        fails_at=None if parked.within_ms is None else batch.now + parked.within_ms,
        every_ms=parked.poll.every_ms,
        url=parked.poll.url,
    )
    waiting.keep(batch, closed.place, awaited)


def _attempt_move(outcome: Outcome, *, stopped: bool) -> Move[AttemptStatus]:
    match outcome:
        case Succeeded() | Skipped():
            return ATTEMPT["succeed"]
        case Failed() | TimedOut() | Interrupted() | Parked() if stopped:
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
        case Parked():
            return ATTEMPT["park"]


def _error(outcome: Outcome) -> TaskError | None:
    match outcome:
        case Failed(error=error):
            return error
        case TimedOut(after_ms=after, silent=silent):
            what = "wrote nothing for" if silent else "timed out after"
            return TaskError(code=outcome.code, message=f"{what} {after / 1000:g} s")
        case Lost(reason=reason):
            return TaskError(code="attempt.lost", message=reason)
        case Bounced(reason=reason, shortage=shortage):
            return TaskError(code=SHORT if shortage else "attempt.bounced", message=reason)
        case _:
            return None


def _of_abandoned(error: TaskError | None) -> TaskError:
    """Return the error of an attempt whose call was given up; `error`: of its outcome, None = cancelled."""
    if error is not None:
        return replace(error, facts={**error.facts, "abandoned": True})
    message = "its call ignored the cancel and was given up: it may go on in the engine"
    return TaskError(code="call.abandoned", message=message)


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
    batch.event("task.duplicate", Subject(row[1], command.task_id, command.epoch), data=note)
    return Completed(landed=False)


def _subject(batch: Batch, command: Complete) -> Subject:
    row = batch.one("SELECT job_id FROM task WHERE id = ?", command.task_id)
    return Subject(None if row is None else row[0], command.task_id, command.epoch)
