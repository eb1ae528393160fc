"""Take outputs of children and results of worklets for waiting tasks.

Called by the judgements.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.children import Result
from core.model.commands import Cancel
from core.model.crash_points import crash_point
from core.model.decisions import Verdict
from core.model.judgements import GiveUp, TakeOutputs, TakeResult
from core.model.outcomes import TaskError
from core.model.status import TASK_FINAL, JobStatus
from core.model.text import safe_line
from core.store.apply.ends import give_verdict
from core.store.apply.moves import idle, queueing, waiting
from core.store.apply.operate import apply_cancel
from core.store.batch import Batch
from core.store.rows import OF_PLACE, TaskPlace
from core.store.sql import among, pack

_ASKS = (
    "SELECT t.id, t.job_id, t.stage_id, t.queue, t.lane_id, t.set_id, w.asks, w.child_id,"
    " w.child_id IS NULL OR coalesce(j.is_worklet, 0) FROM awaited w JOIN task t ON t.id = w.task_id"
    " LEFT JOIN job j ON j.id = w.child_id"
    " WHERE w.task_id = ? AND w.asks IS NOT NULL AND t.status = 'waiting'"
)
_DEPENDANTS = (
    "SELECT e.task_id, t.key FROM edge e JOIN task t ON t.id = e.task_id"
    " WHERE e.need_id = ? AND e.met = 0 AND t.status = 'blocked'"
)
_MEET = "UPDATE edge SET met = 1 WHERE need_id = ? AND task_id = ? AND met = 0"
_NAMED = (
    "SELECT t.id, t.key FROM task t INDEXED BY task_list WHERE t.job_id = ?"
    f" AND NOT {among(TASK_FINAL, 't.status')} AND t.key IN (SELECT value FROM json_each(?))"
)
_KNOWN = (
    "SELECT key FROM task INDEXED BY task_list WHERE job_id = ? AND key IN (SELECT value FROM json_each(?))"
)


class _Asking(NamedTuple):
    """A waiting task whose question is answered."""

    asks: str
    child_id: int | None
    is_failed: int
    """Its attempt failed: a worklet is asked."""


class _Unknown(Exception):
    """A worklet names what is not there; the text says what."""


def take(batch: Batch, task_id: int, answer: TakeOutputs | TakeResult | GiveUp) -> bool:
    """Answer a waiting task; False = it asks for no such answer."""
    row = batch.one(_ASKS, task_id)
    if row is None:
        return False
    place, asking = TaskPlace(*row[:OF_PLACE]), _Asking(*row[OF_PLACE:])
    crash_point("childjob.answered")
    match answer:
        case TakeOutputs() if asking.asks == "outputs" and not asking.is_failed:
            return waiting.succeed(batch, place, answer.outputs)
        case TakeResult() if asking.asks == "outputs" and asking.is_failed:
            return _decide(batch, place, asking, answer)
        case GiveUp() if asking.is_failed:
            return waiting.stay_failed(batch, place, reason=answer.reason)
        case _:
            return False


def fail(batch: Batch, task_id: int, error: TaskError) -> bool:
    """Fail a waiting task whose answer cannot be worked out; False = it asks for none."""
    row = batch.one(_ASKS, task_id)
    if row is None:
        return False
    place, asking = TaskPlace(*row[:OF_PLACE]), _Asking(*row[OF_PLACE:])
    if asking.is_failed:
        return waiting.stay_failed(batch, place, reason=f"its worklet did not help: {error.message}")
    return waiting.fail(batch, place, error)


def _decide(batch: Batch, place: TaskPlace, asking: _Asking, answer: TakeResult) -> bool:
    who = f"its worklet, job {asking.child_id}"
    try:
        cancelled = _named(batch, place, answer.cancel)
        following = _following(batch, place, answer.next)
    except _Unknown as unknown:
        return waiting.stay_failed(batch, place, reason=f"{who}, {unknown}")
    reason = f"{who}: {answer.message}" if answer.message else who
    match answer.result:
        case Result.RETRY:
            waiting.wake(batch, place, reason=reason)
        case Result.SKIP:
            waiting.skip(batch, place, reason=reason)
        case Result.SUCCEED:
            waiting.succeed(batch, place, answer.output)
            _choose(batch, place, following, reason=f"{who}, chose other tasks")
        case Result.FAIL:
            waiting.stay_failed(batch, place, reason=reason)
    if cancelled:
        apply_cancel(batch, Cancel(task_ids=cancelled, reason=reason))
    if answer.end is not None:
        give_verdict(batch, place.job_id, Verdict(status=JobStatus(answer.end), reason=reason))
    return True


def _named(batch: Batch, place: TaskPlace, keys: tuple[str, ...]) -> tuple[int, ...]:
    """Return the tasks of its job to cancel, those that have ended left out."""
    if not keys:
        return ()
    known = {key for (key,) in batch.rows(_KNOWN, place.job_id, pack([*keys]))}
    if missing := [key for key in keys if key not in known]:
        raise _Unknown(f"cancels {safe_line(missing[0][:64])}, which is not a task of this job")
    rows = batch.rows(_NAMED, place.job_id, pack([*keys]))
    return tuple(task_id for task_id, _ in rows if task_id != place.task_id)


def _following(batch: Batch, place: TaskPlace, keys: tuple[str, ...] | None) -> dict[int, bool] | None:
    """Return the dependants, and whether each goes on; None = as the end of the task has it."""
    if keys is None:
        return None
    dependants = batch.rows(_DEPENDANTS, place.task_id)
    known = {key for _, key in dependants}
    if missing := [key for key in keys if key not in known]:
        raise _Unknown(f"names {safe_line(missing[0][:64])} as next, which does not wait for this task")
    return {task_id: key in keys for task_id, key in dependants}


def _choose(batch: Batch, place: TaskPlace, following: dict[int, bool] | None, *, reason: str) -> None:
    if following is None:
        return
    idle.skip_because(
        batch, dict.fromkeys([one for one, goes_on in following.items() if not goes_on], reason)
    )
    chosen = [task_id for task_id, goes_on in following.items() if goes_on]
    for task_id in chosen:
        batch.run(_MEET, place.task_id, task_id)
    queueing.unblock_by_needs(batch, dict.fromkeys(chosen, 1))
