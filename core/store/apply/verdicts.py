"""Carry out a verdict: cancel tasks not yet started, limited per batch.

Called by the consequences.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.decisions import Verdict
from core.model.status import JobStatus, TaskStatus
from core.store.apply.children.child_stops import HAS_CHILD, stop_children
from core.store.apply.ends import cause_of, end_if_done
from core.store.apply.finally_stage import spared_stage
from core.store.apply.moves import idle
from core.store.apply.moves.idle import IdleTask
from core.store.apply.stages import close_stages
from core.store.batch import Batch
from core.store.rows import PLACE, Cause, FinalTask, LeftOver, TaskPlace
from core.store.sql import among

_VERDICT = "SELECT verdict, reason, verdict_by, verdict_task FROM job WHERE id = ? AND status = 'ending'"
_PICK = (
    f"SELECT {PLACE}, status FROM task INDEXED BY task_list"
    f" WHERE job_id = ? AND {among(idle.CANCELLABLE)} AND stage_id != ?"
    f" AND NOT (status IN ('waiting', 'held') AND {HAS_CHILD}) LIMIT ?"
)


class IdleCancelled(NamedTuple):
    """Tasks without a slot that were cancelled, and whether they were the last of their job."""

    tasks: list[FinalTask]
    is_last: bool


def cancel_rest(batch: Batch, job_id: int) -> None:
    """Cancel an ending job's tasks that hold no slot, as far as the budget goes; end the job after the last.

    What exceeds the budget is followed up.
    """
    row = batch.one(_VERDICT, job_id)
    if row is None:
        return
    status, reason, actor, task_id = row
    verdict = Verdict(status=JobStatus(status), reason=reason or "", task_id=task_id)
    cancelled, is_last = cancel_idle_of(batch, job_id, cause_of(verdict, actor=actor))
    close_stages(batch, cancelled)
    if is_last:
        end_if_done(batch, job_id)


def cancel_idle_of(batch: Batch, job_id: int, cause: Cause) -> IdleCancelled:
    """Cancel a job's tasks that hold no slot, as far as the budget goes, but for those of its `finally`.

    Those that wait for a child are asked to stop; the end of the child ends them. What exceeds the budget is
    followed up.
    """
    budget = max(batch.budget, 0)
    spared = spared_stage(batch, job_id)
    spared_id = 0 if spared is None else spared.id
    asked = stop_children(batch, job_id, cause, spared=spared_id, limit=budget)
    budget -= asked
    rows = batch.rows(_PICK, job_id, spared_id, budget)
    batch.budget -= len(rows) + asked
    tasks = [IdleTask(TaskPlace(*place), TaskStatus(status)) for *place, status in sorted(rows)]
    cancelled = idle.cancel_idle(batch, tasks, cause)
    if len(rows) == budget:
        batch.followups.append(LeftOver("job", job_id))
    return IdleCancelled(cancelled, is_last=len(rows) < budget)
