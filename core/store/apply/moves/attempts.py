"""Moves of attempts: opened by a claim, closed once by their outcome.

Called by the moves of running tasks and by `complete`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from core.model.errors import Bug
from core.model.status import ATTEMPT, AttemptStatus, Move
from core.model.values import JsonObject
from core.store.apply.limits.settle import HOLDING, Holding, give_back, lose, settle
from core.store.apply.run_times import forget_run_time
from core.store.batch import Batch
from core.store.rows import ClaimedRow, Hold, Success, TaskPlace
from core.store.sql import guard, pack, raw

_OPEN = (
    "INSERT INTO attempt (task_id, epoch, status, engine_epoch, started_at) VALUES (?, ?, 'running', ?, ?)"
)
_OPEN_HOLDING = (
    "INSERT INTO attempt (task_id, epoch, status, engine_epoch, started_at, pool, gset_id, held, counted_at)"
    " VALUES (?, ?, 'running', ?, ?, CAST(? AS TEXT), ?, ?, ?)"
)
_SUCCEED = (
    "UPDATE attempt SET status = 'succeeded', finished_at = ? FROM json_each(?) AS j"
    f" WHERE task_id = j.value->>0 AND epoch = j.value->>1 AND {guard(ATTEMPT['succeed'])}"
)
_SUCCEED_HOLDING = f"{_SUCCEED} RETURNING {HOLDING}"
_HOLDING = f"SELECT {HOLDING} FROM attempt WHERE task_id = ? AND epoch = ?"
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


def open_attempts(batch: Batch, claimed: Iterable[ClaimedRow], holds: Mapping[int, Hold]) -> None:
    """Open an attempt for each claim, with what it holds of pools and gauges."""
    rows = [(row.task_id, row.epoch, batch.epoch, batch.wall) for row in claimed]
    if not holds:
        batch.many(_OPEN, rows)
        return
    held = [holds[task_id] for task_id, *_ in rows]
    batch.many(
        _OPEN_HOLDING,
        [
            (*row, raw(one.pool), one.gset_id, one.held, one.counted_at)
            for row, one in zip(rows, held, strict=True)
        ],
    )


def close_succeeded(batch: Batch, successes: Collection[Success]) -> None:
    """Close open attempts as succeeded; each must be there."""
    listed = pack([[success.task_id, success.epoch] for success in successes])
    if batch.capacity.is_shared or batch.spent:
        holding = batch.typed(Holding, _SUCCEED_HOLDING, batch.wall, listed)
        closed = len(holding)
        settle(batch, holding)
    else:
        closed = batch.run(_SUCCEED, batch.wall, listed)
    if closed != len(successes):
        raise Bug("attempt.missing", "a running task had no open attempt")


def close_attempt(
    batch: Batch, place: TaskPlace, epoch: int, *, move: Move[AttemptStatus], error: JsonObject | None
) -> ClosedAttempt:
    """Close the open attempt of a task, which must be there."""
    stored = None if error is None else pack(error)
    if batch.run(_CLOSE[move.name], batch.wall, stored, place.task_id, epoch) != 1:
        raise Bug("attempt.missing", "a running task had no open attempt", facts={"task": place.task_id})
    _let_go(batch, place.task_id, epoch, move)
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
    move = ATTEMPT["interrupt"]
    if batch.run(_CLOSE[move.name], batch.wall, None, task_id, epoch):
        _let_go(batch, task_id, epoch, move)
    forget_run_time(batch, task_id, epoch)


def _let_go(batch: Batch, task_id: int, epoch: int, move: Move[AttemptStatus]) -> None:
    """Settle what a closed attempt held of gauges, as its end wants it."""
    if not batch.capacity.is_shared and not batch.spent:
        return
    holding = batch.typed(Holding, _HOLDING, task_id, epoch)
    match move.target:
        case AttemptStatus.BOUNCED:
            give_back(batch, holding)
        case AttemptStatus.LOST:
            lose(batch, holding)
        case _:
            settle(batch, holding)
