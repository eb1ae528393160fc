"""Take outputs of children and results of worklets for waiting tasks.

Called by the judgements.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.crash_points import crash_point
from core.model.outcomes import TaskError
from core.model.patterns.judgements import GiveUp, TakeOutputs, TakeResult
from core.model.records import replace
from core.model.status import TaskStatus
from core.store.apply.children.worklet_failures import NONSENSE, NOT_BEGUN, fail_by_worklet
from core.store.apply.children.worklets import take_result
from core.store.apply.moves import waiting
from core.store.batch import Batch
from core.store.rows import OF_PLACE, Cause, TaskPlace

_ASKS = (
    "SELECT t.id, t.job_id, t.stage_id, t.queue, t.lane_id, t.set_id, w.asks, w.child_id,"
    " w.child_id IS NULL OR coalesce(j.is_worklet, 0), t.stop_at IS NOT NULL, t.stop_by, t.stop_reason"
    " FROM awaited w JOIN task t ON t.id = w.task_id LEFT JOIN job j ON j.id = w.child_id"
    " WHERE w.task_id = ? AND w.asks IS NOT NULL AND t.status = 'waiting'"
)


class _Asking(NamedTuple):
    """A waiting task whose question is answered."""

    asks: str
    child_id: int | None
    is_failed: int
    """Its attempt failed: a worklet is asked."""
    is_stopped: int
    stop_by: str | None
    stop_reason: str | None

    @property
    def stop(self) -> Cause | None:
        """Who asked a task that failed to stop; None = it was not asked, or waits for an ordinary child."""
        if not (self.is_failed and self.is_stopped):
            return None
        return Cause(actor=self.stop_by, reason=self.stop_reason or "")


def take(batch: Batch, task_id: int, answer: TakeOutputs | TakeResult | GiveUp) -> bool:
    """Answer a waiting task; False = it asks for no such answer."""
    row = batch.one(_ASKS, task_id)
    if row is None:
        return False
    place, asking = TaskPlace(*row[:OF_PLACE]), _Asking(*row[OF_PLACE:])
    crash_point("childjob.answered")
    if asking.stop is not None:
        return waiting.cancel(batch, place, TaskStatus.WAITING, asking.stop)
    match answer:
        case TakeOutputs() if asking.asks == "outputs" and not asking.is_failed:
            return waiting.succeed(batch, place, answer.outputs)
        case TakeResult() if asking.child_id is not None and asking.asks == "outputs" and asking.is_failed:
            return take_result(batch, place, asking.child_id, answer)
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
    if not asking.is_failed:
        return waiting.fail(batch, place, error)
    if asking.stop is not None:
        return waiting.cancel(batch, place, TaskStatus.WAITING, asking.stop)
    code = NONSENSE if asking.asks == "outputs" else NOT_BEGUN
    facts = {"refusal": error.code, **error.facts}
    if asking.child_id is not None:
        facts["job"] = asking.child_id
    return fail_by_worklet(batch, place, replace(error, code=code, facts=facts))
