"""Worklets of failed tasks: begun, their results carried out.

Called by the judgements; `worklet_asks` says when one is wanted.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.commands.work import Cancel
from core.model.crash_points import crash_point
from core.model.decisions import Verdict
from core.model.outcomes import TaskError
from core.model.patterns.children import TOO_DEEP, Result
from core.model.patterns.judgements import BeginWorklet, TakeResult
from core.model.status import TASK_FINAL, JobStatus
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.apply.children.children import link_above, submit_below
from core.store.apply.children.worklet_failures import NONSENSE, NOT_BEGUN, fail_by_worklet
from core.store.apply.ends import give_verdict
from core.store.apply.moves import idle, queueing, waiting
from core.store.apply.operate import apply_cancel
from core.store.apply.variables import set_variables
from core.store.batch import Batch
from core.store.rows import PLACED, Subject, TaskPlace
from core.store.sql import among, pack

_PUT_CHILD = (
    "UPDATE awaited SET child_id = ?, asks = NULL, fails_at = ?"
    " WHERE task_id = ? AND asks = 'worklet' AND child_id IS NULL"
)
_ASKS = (
    f"SELECT {PLACED} FROM awaited w JOIN task t ON t.id = w.task_id"
    " WHERE w.task_id = ? AND w.asks = 'worklet' AND w.child_id IS NULL AND t.status = 'waiting'"
)
# What needs an instance alone is the instance of its index, which may not be made yet.
_DEPENDANTS = (
    "SELECT e.task_id, t.key, e.met = 0 AND t.status = 'blocked' FROM edge e JOIN task t ON t.id = e.task_id"
    " WHERE e.need_id = ? AND t.group_task IS NULL"
)
_MEET = "UPDATE edge SET met = 1 WHERE need_id = ? AND task_id = ? AND met = 0"
_NAMED = (
    "SELECT t.id, t.key FROM task t INDEXED BY task_list WHERE t.job_id = ?"
    f" AND NOT {among(TASK_FINAL, 't.status')} AND t.key IN (SELECT value FROM json_each(?))"
)
_KNOWN = (
    "SELECT key FROM task INDEXED BY task_list WHERE job_id = ? AND key IN (SELECT value FROM json_each(?))"
)
_DECIDED = {
    Result.RETRY: "lets it run again",
    Result.SKIP: "skips it",
    Result.SUCCEED: "lets it succeed",
    Result.FAIL: "leaves it failed",
}


class _Unknown(Exception):
    """A worklet names what is not there; the text says what."""


class _Chosen(NamedTuple):
    """What a worklet names: tasks to cancel, and the dependants with whether each goes on."""

    cancelled: tuple[int, ...]
    following: dict[int, bool] | None
    """None = as the end of the task has it."""


def begin_worklet(batch: Batch, task_id: int, command: BeginWorklet) -> bool:
    """Begin the worklet of a task that failed; False = it does not wait for one."""
    places = batch.places(_ASKS, task_id)
    if not places:
        return False
    above = link_above(batch, task_id, is_worklet=True)
    if above.is_full:
        return fail_by_worklet(batch, places[0], TaskError(code=NOT_BEGUN, message=TOO_DEEP))
    child_id = submit_below(batch, command.plan, above)
    crash_point("childjob.begun")
    fails_at = None if command.within_ms is None else batch.now + command.within_ms
    batch.run(_PUT_CHILD, child_id, fails_at, task_id)
    batch.task_event("task.worklet", places[0], data={"child": child_id, "name": command.plan.name})
    return True


def take_result(batch: Batch, place: TaskPlace, child_id: int, answer: TakeResult) -> bool:
    """Carry out what a worklet decided; False = its task does not wait.

    Of a result that names what is not there nothing is carried out: the task fails.
    """
    try:
        chosen = _Chosen(_named(batch, place, answer.cancel), _following(batch, place, answer.next))
    except _Unknown as unknown:
        error = TaskError(code=NONSENSE, message=f"job {child_id} {unknown}", facts={"job": child_id})
        return fail_by_worklet(batch, place, error)
    reason = f"its worklet, job {child_id}, {_DECIDED[answer.result]}"
    reason = f"{reason}: {answer.message}" if answer.message else reason
    told: JsonObject = {"child": child_id, "result": answer.result, "message": answer.message}
    batch.task_event("task.decided", place, data=told)
    if answer.variables:
        set_variables(batch, Subject(place.job_id, place.task_id), answer.variables)
    _decide(batch, place, answer, reason=reason)
    if answer.result is Result.SUCCEED:
        _choose(
            batch, place, chosen.following, reason=f"the worklet of its need, job {child_id}, chose others"
        )
    if chosen.cancelled:
        apply_cancel(batch, Cancel(task_ids=chosen.cancelled, reason=reason))
    if answer.end is not None:
        give_verdict(batch, place.job_id, Verdict(status=JobStatus(answer.end), reason=reason))
    return True


def _decide(batch: Batch, place: TaskPlace, answer: TakeResult, *, reason: str) -> None:
    match answer.result:
        case Result.RETRY:
            waiting.wake(batch, place, reason=reason)
        case Result.SKIP:
            waiting.skip(batch, place, reason=reason)
        case Result.SUCCEED:
            waiting.succeed(batch, place, answer.output, reason=reason)
        case Result.FAIL:
            waiting.stay_failed(batch, place, reason=reason)


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
    """Return the dependants that wait, and whether each goes on; None = as the end of the task has it."""
    if keys is None:
        return None
    dependants = batch.rows(_DEPENDANTS, place.task_id)
    known = {key for _, key, _ in dependants}
    if missing := [key for key in keys if key not in known]:
        raise _Unknown(f"names {safe_line(missing[0][:64])} as next, which does not need this task")
    return {task_id: key in keys for task_id, key, is_blocked in dependants if is_blocked}


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
