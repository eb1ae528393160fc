"""Moves of tasks into a slot and out of it.

Called by `claim` and `complete`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.model.errors import Bug
from core.model.outcomes import SHORT
from core.model.records import replace
from core.model.status import TASK, TASK_FINAL, AttemptStatus, Move, TaskStatus
from core.model.values import JsonObject
from core.store.apply.limits.lane_sets import join_retries
from core.store.apply.moves.attempts import ClosedAttempt, close_succeeded, error_note, open_attempts
from core.store.apply.moves.tolerance import NOTE, is_tolerated
from core.store.apply.run_times import TimedAttempt, keep_run_times
from core.store.batch import Batch
from core.store.rows import NO_HOLDS, PLACE, Cause, ClaimedRow, Hold, Success, TaskPlace
from core.store.sql import SORT_KEY, WALL, guard, ids, pack, raw

INTERRUPTED = "the engine stopped; what the call had done so far is not kept, it begins again"
LOSS_HOLDS = "the attempt was lost; 'retry' or 'unhold' runs it again, 'cancel' ends it"

_CLAIM = (
    "UPDATE task SET status = 'running', epoch = epoch + 1, started_at = ?, status_by = NULL,"
    " status_reason = NULL FROM json_each(?) AS j"
    f" WHERE task.id = j.value AND {guard(TASK['claim'], 'task.status')}"
    f" RETURNING {PLACE}, epoch, key, uses, spec, generation, tries, losses, bounces, conditional"
)
_SUCCEED = (
    "UPDATE task SET status = 'succeeded', finished_at = ?, output = j.value->>2, error = NULL,"
    " status_reason = j.value->>3"
    " FROM json_each(?) AS j WHERE task.id = j.value->>0 AND task.epoch = j.value->>1"
    f" AND {guard(TASK['succeed'], 'task.status')} RETURNING {PLACE}, epoch"
)

_SKIP = (
    "UPDATE task SET status = 'skipped', finished_at = ?, output = ?, error = NULL, status_by = NULL,"
    " status_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND epoch = ? AND {guard(TASK['skip_by_exit'])}"
)


_SEEN = "UPDATE attempt SET looks = 1, seen = ? WHERE task_id = ? AND epoch = ?"


def _leaving(move: Move[TaskStatus], more: str) -> str:
    return (
        f"UPDATE task SET status = '{move.target}', {more} retry_at = ?9,"
        " tries = tries + ?3, losses = losses + ?4, bounces = bounces + ?5, error = coalesce(?6, error),"
        " family = coalesce(?12, family),"
        " status_by = CAST(?10 AS TEXT), status_reason = CAST(?11 AS TEXT)"
        f" WHERE id = ?7 AND epoch = ?8 AND {guard(move, sources={TaskStatus.RUNNING})}"
    )


_QUEUE = f"queued_at = {WALL}, sort_key = {SORT_KEY},"
_LEAVE = {
    name: _leaving(TASK[name], more)
    for name, more in {
        "retry_later": "",
        "bounce": _QUEUE,
        "interrupt": _QUEUE,
        "hold_lost": "",
        "park": "",
        "await_worklet": "",
        "give_up": f"finished_at = {WALL},",
        "cancel": f"finished_at = {WALL},",
    }.items()
}


def claim(batch: Batch, task_ids: Sequence[int], holds: Mapping[int, Hold] = NO_HOLDS) -> list[ClaimedRow]:
    """Claim queued tasks, each of which must be there; return them in this order."""
    rows = {row.task_id: row for row in batch.typed(ClaimedRow, _CLAIM, batch.wall, ids(task_ids))}
    if len(rows) != len(task_ids):
        raise Bug("claim.refused", "a task at the head of its lane could not be claimed")
    claimed = [rows[task_id] for task_id in task_ids]
    for row in claimed:
        batch.task_moved(row, TASK["claim"], attempt=row.epoch)
    open_attempts(batch, claimed, holds)
    return claimed


def succeed(batch: Batch, successes: Sequence[Success]) -> list[Success]:
    """Close attempts that succeeded and move their tasks; return those that landed.

    A stop that was asked for does not undo what was done.
    """
    if not successes:
        return []
    listed = pack([[one.task_id, one.epoch, one.output, one.reason] for one in successes])
    places = {
        (place[0], epoch): TaskPlace(*place) for *place, epoch in batch.rows(_SUCCEED, batch.wall, listed)
    }
    landed = [success for success in successes if (success.task_id, success.epoch) in places]
    close_succeeded(batch, landed)
    keep_run_times(
        batch,
        [TimedAttempt(places[one.task_id, one.epoch].job_id, one.task_id, one.epoch) for one in landed],
    )
    for success in landed:
        place = places[success.task_id, success.epoch]
        batch.task_moved(place, TASK["succeed"], attempt=success.epoch, data=success.note)
        batch.follow(place, TaskStatus.SUCCEEDED)
    return landed


def skip(batch: Batch, place: TaskPlace, ended: Success) -> None:
    """Close an attempt that succeeded and skip its task: it said that there was nothing to do."""
    row = (batch.wall, ended.output, raw(ended.reason), place.task_id, ended.epoch)
    if batch.run(_SKIP, *row) != 1:
        raise Bug("task.missing", "an open attempt had no running task", facts={"task": place.task_id})
    close_succeeded(batch, [ended])
    keep_run_times(batch, [TimedAttempt(place.job_id, place.task_id, ended.epoch)])
    note: JsonObject = {**ended.note, "reason": ended.reason}
    batch.task_moved(place, TASK["skip_by_exit"], attempt=ended.epoch, data=note)
    batch.follow(place, TaskStatus.SKIPPED)


def retry_later(batch: Batch, closed: ClosedAttempt, *, retry_at: int) -> None:
    """Let a task wait outside a slot for its next attempt."""
    _leave(batch, closed, TASK["retry_later"], cause=_course(batch.due(retry_at)), retry_at=retry_at)
    join_retries(batch, closed.place.task_id)


def bounce(batch: Batch, closed: ClosedAttempt) -> None:
    """Queue a task again whose hand-off failed before the start."""
    # A bounce has no event of its attempt: the task's own carries the count and the cause.
    _leave(batch, closed, TASK["bounce"], cause=_course({"error": closed.error}))


def interrupt(batch: Batch, closed: ClosedAttempt) -> None:
    """Queue a task again whose attempt the engine ended as it stopped."""
    _leave(batch, closed, TASK["interrupt"], cause=Cause(actor=None, reason=INTERRUPTED))


def hold_lost(batch: Batch, closed: ClosedAttempt) -> None:
    """Hold a task whose attempt was lost, until an operator decides."""
    _leave(batch, closed, TASK["hold_lost"], cause=Cause(reason=LOSS_HOLDS))
    join_retries(batch, closed.place.task_id)


def park(batch: Batch, closed: ClosedAttempt, seen: str) -> None:
    """Let a task wait outside its slot for an answer that its attempt did not get."""
    batch.run(_SEEN, seen, closed.place.task_id, closed.epoch)
    _leave(batch, closed, TASK["park"], cause=_course({}))


def await_worklet(batch: Batch, closed: ClosedAttempt) -> None:
    """Let a task for which nothing is left to try wait for what its worklet decides."""
    _leave(batch, closed, TASK["await_worklet"], cause=_course({}))
    # What it decides may be that the task runs again.
    join_retries(batch, closed.place.task_id)


def give_up(batch: Batch, closed: ClosedAttempt, *, reason: str = "") -> None:
    """Fail a task for which nothing is left to try."""
    if closed.status is AttemptStatus.BOUNCED and closed.error is not None:
        closed = replace(closed, family=batch.families.note(closed.error, closed.place))
    cause = replace(_course(_last_bounce(closed)), reason=reason)
    _leave(batch, closed, TASK["give_up"], cause=cause)


def cancel(batch: Batch, closed: ClosedAttempt, cause: Cause | None) -> None:
    """Cancel a task whose attempt was asked to stop; None = its connector ended it."""
    note = _last_bounce(closed)
    because = _course(note) if cause is None else replace(cause, facts=note)
    _leave(batch, closed, TASK["cancel"], cause=because)


def _course(note: JsonObject) -> Cause:
    """Return the cause of a move in the ordinary course, with what its event says."""
    return Cause(actor=None, facts=note)


def _last_bounce(closed: ClosedAttempt) -> JsonObject:
    if closed.status is not AttemptStatus.BOUNCED:
        return {}
    return {**error_note(closed.error, closed.family), "bounced": _counts_as_bounce(closed)}


def _counts_as_bounce(closed: ClosedAttempt) -> bool:
    """Return whether a hand-off failed by a fault of its own, not because the machine was short."""
    is_short = closed.error is not None and closed.error.get("code") == SHORT
    return closed.status is AttemptStatus.BOUNCED and not is_short


def _leave(
    batch: Batch,
    closed: ClosedAttempt,
    move: Move[TaskStatus],
    *,
    cause: Cause,
    retry_at: int | None = None,
) -> None:
    place, status = closed.place, closed.status
    moved = batch.run(
        _LEAVE[move.name],
        batch.now,
        batch.aging_step,
        int(status in {AttemptStatus.FAILED, AttemptStatus.TIMED_OUT}),
        int(status is AttemptStatus.LOST),
        int(_counts_as_bounce(closed)),
        None if closed.error is None else pack(closed.error),
        place.task_id,
        closed.epoch,
        retry_at,
        raw(cause.actor),
        raw(cause.reason or None),
        closed.family,
    )
    if moved != 1:
        raise Bug("task.missing", "an open attempt had no running task", facts={"task": place.task_id})
    left = move.leaving(TaskStatus.RUNNING)
    tolerated = move.target is TaskStatus.FAILED and is_tolerated(batch, place)
    note = {**cause.note, **NOTE} if tolerated else cause.note
    batch.task_moved(place, left, attempt=closed.epoch, actor=cause.actor, data=note)
    if move.target in TASK_FINAL:
        batch.follow(place, move.target, tolerated=tolerated)
