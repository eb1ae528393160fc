"""Worklets asked for: what follows the last failure of a task.

Called by the completions, the looks of polls and when a deadline passes.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.crash_points import crash_point
from core.model.outcomes import TaskError
from core.model.patterns.children import OnFailure, on_failure_of
from core.model.status import AttemptStatus
from core.model.values import INBOX
from core.store.apply.moves import running, waiting
from core.store.apply.moves.attempts import ClosedAttempt
from core.store.batch import Batch
from core.store.rows import Awaited, TaskPlace
from core.store.sql import unpack

_ROUNDS = (
    "SELECT count(*) FROM job INDEXED BY job_child WHERE parent_task = ? AND is_worklet AND NOT superseded"
)
# What only waits makes no attempt that could be repeated.
_SPEC = (
    "SELECT CASE WHEN json_valid(spec) AND NOT coalesce(spec->>'$.waits', 0) THEN spec->'$.on_failure' END"
    " FROM task WHERE id = ?"
)


class _Worklet(NamedTuple):
    """The worklet of a task, and how often it has begun."""

    said: OnFailure
    rounds: int

    @property
    def why_not(self) -> str:
        """Why it does not begin again; '' = it may."""
        if self.rounds < self.said.max:
            return ""
        times = "once" if self.rounds == 1 else f"{self.rounds} times"
        return f"its worklet has run {times}, and may not run again"


def follow_failure(batch: Batch, closed: ClosedAttempt) -> None:
    """Let a task for which nothing is left to try wait for its worklet, or fail.

    One that was never begun has no worklet, nor one whose worklets have had their rounds.
    """
    worklet = None if closed.status is AttemptStatus.BOUNCED else _worklet(batch, closed.place)
    if worklet is None or worklet.why_not:
        running.give_up(batch, closed, reason="" if worklet is None else worklet.why_not)
        return
    running.await_worklet(batch, closed)
    waiting.keep(batch, closed.place, Awaited(asks="worklet"))
    batch.report.conditions.append(closed.place.task_id)
    crash_point("worklet.asked")


def fail_parked(batch: Batch, place: TaskPlace, error: TaskError) -> bool:
    """Fail a waiting task, or let a parked one wait for its worklet; False = it does not wait."""
    worklet = _worklet(batch, place)
    if worklet is None or worklet.why_not:
        return waiting.fail(batch, place, error, reason="" if worklet is None else worklet.why_not)
    return waiting.ask_for_worklet(batch, place, error)


def _worklet(batch: Batch, place: TaskPlace) -> _Worklet | None:
    if place.job_id == INBOX:
        return None
    ((stored,),) = batch.rows(_SPEC, place.task_id)
    said = on_failure_of(unpack(stored))
    if said is None:
        return None
    ((rounds,),) = batch.rows(_ROUNDS, place.task_id)
    return _Worklet(said, int(rounds))
