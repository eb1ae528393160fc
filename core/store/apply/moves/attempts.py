"""Moves of attempts: opened by a claim, closed once by their outcome.

Called by the moves of running tasks and by `complete`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from core.model.errors import Bug
from core.model.status import ATTEMPT, AttemptStatus, Move
from core.model.values import JsonObject
from core.store.apply.run_times import forget_run_time
from core.store.batch import Batch
from core.store.rows import ClaimedRow, Success, TaskPlace
from core.store.sql import guard, pack

_OPEN = (
    "INSERT INTO attempt (task_id, epoch, status, engine_epoch, started_at) VALUES (?, ?, 'running', ?, ?)"
)
_SUCCEED = (
    "UPDATE attempt SET status = 'succeeded', finished_at = ? FROM json_each(?) AS j"
    f" WHERE task_id = j.value->>0 AND epoch = j.value->>1 AND {guard(ATTEMPT['succeed'])}"
)
_CLOSE = {
    move.name: f"UPDATE attempt SET status = '{move.target}', finished_at = ?, error = ?"
    f" WHERE task_id = ? AND epoch = ? AND {guard(move)}"
    for move in ATTEMPT.values()
}


_FAILURES = (AttemptStatus.FAILED, AttemptStatus.TIMED_OUT, AttemptStatus.LOST)
_OPEN_AGAIN = (
    "INSERT INTO attempt (task_id, epoch, status, engine_epoch, started_at) VALUES (?, ?, 'running', ?, ?)"
    " ON CONFLICT (task_id, epoch) DO UPDATE SET status = 'running', finished_at = NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedAttempt:
    """An attempt that did not succeed: of which task, how it ended, and why."""

    place: TaskPlace
    epoch: int
    status: AttemptStatus
    error: JsonObject | None
    family: str | None = None
    """That of its failure; None = it was stopped, or never began."""


def open_attempts(batch: Batch, claimed: Iterable[ClaimedRow]) -> None:
    """Open an attempt for each claim."""
    batch.many(_OPEN, [(row.task_id, row.epoch, batch.epoch, batch.wall) for row in claimed])


def close_succeeded(batch: Batch, successes: Collection[Success]) -> None:
    """Close open attempts as succeeded; each must be there."""
    closed = batch.run(
        _SUCCEED, batch.wall, pack([[success.task_id, success.epoch] for success in successes])
    )
    if closed != len(successes):
        raise Bug("attempt.missing", "a running task had no open attempt")


def close_attempt(
    batch: Batch, place: TaskPlace, epoch: int, *, move: Move[AttemptStatus], error: JsonObject | None
) -> ClosedAttempt:
    """Close the open attempt of a task, which must be there."""
    stored = None if error is None else pack(error)
    if batch.run(_CLOSE[move.name], batch.wall, stored, place.task_id, epoch) != 1:
        raise Bug("attempt.missing", "a running task had no open attempt", facts={"task": place.task_id})
    family = None if error is None or move.target not in _FAILURES else batch.families.note(error, place)
    if move.event:
        batch.task_event(move.event, place, attempt=epoch, data=error_note(error, family))
    return ClosedAttempt(place=place, epoch=epoch, status=move.target, error=error, family=family)


def error_note(error: JsonObject | None, family: str | None) -> JsonObject:
    """Return what an event says of an error and of its family."""
    told: JsonObject = {} if error is None else {"error": error}
    return told if family is None else {**told, "family": family}


def reopen_as_lost(batch: Batch, place: TaskPlace, epoch: int, *, error: JsonObject) -> ClosedAttempt:
    """Close the attempt of a running task as lost that was not there, or was closed without its task."""
    batch.run(_OPEN_AGAIN, place.task_id, epoch, batch.epoch, batch.wall)
    forget_run_time(batch, place.task_id, epoch)
    return close_attempt(batch, place, epoch, move=ATTEMPT["lose"], error=error)


def close_stray(batch: Batch, task_id: int, epoch: int) -> None:
    """Close an open attempt that its task does not run; the task stays as it is."""
    batch.run(_CLOSE[ATTEMPT["interrupt"].name], batch.wall, None, task_id, epoch)
    forget_run_time(batch, task_id, epoch)
