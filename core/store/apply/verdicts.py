"""Carry out a verdict: cancel what has not started, in bites."""

from __future__ import annotations

from core.model.errors import Bug
from core.model.status import TASK, TaskStatus
from core.store.apply.ends import end_if_done
from core.store.apply.stages import close_stages
from core.store.batch import Batch, Final
from core.store.sql import among, ids

_IDLE = TASK["cancel"].sources - {TaskStatus.RUNNING}
_PICK = (
    "SELECT id, job_id, stage_id, queue, lane_id, status FROM task INDEXED BY task_list"
    f" WHERE job_id = ? AND {among(_IDLE)} LIMIT ?"
)
_CANCEL = (
    "UPDATE task SET status = 'cancelled', finished_at = ?, wait_reason = NULL, retry_at = NULL"
    f" FROM json_each(?) AS j WHERE task.id = j.value AND {among(_IDLE, 'task.status')}"
)


def cancel_bite(batch: Batch, job_id: int) -> None:
    """Cancel an ending job's tasks that hold no slot, as far as the budget goes; end the job after the last.

    A full bite leaves a follow-up.
    """
    if batch.one("SELECT 1 FROM job WHERE id = ? AND status = 'ending'", job_id) is None:
        return
    budget = max(batch.budget, 0)
    rows = batch.rows(_PICK, job_id, budget)
    batch.budget -= len(rows)
    close_stages(batch, cancel_idle(batch, sorted(rows), actor=None))
    if len(rows) == budget:
        batch.followups.append(("job", job_id))
    else:
        end_if_done(batch, job_id)


def cancel_idle(batch: Batch, rows: list[tuple], *, actor: str | None) -> list[Final]:  # type: ignore[type-arg]
    """Make tasks CANCELLED that hold no slot; rows are (task, job, stage, queue, lane, status).

    The caller counts the finals off their stages and follows their edges.
    """
    if batch.run(_CANCEL, batch.now, ids(row[0] for row in rows)) != len(rows):
        raise Bug("cancel.refused", "a task without a slot could not be cancelled")
    finals = []
    for task_id, job_id, stage_id, queue, lane_id, status in rows:
        batch.moved((job_id, stage_id, queue), TASK["cancel"], status)
        if status == TaskStatus.QUEUED:
            batch.queued(lane_id)
        batch.report.final_tasks.append(task_id)
        finals.append(Final(task_id=task_id, job_id=job_id, stage_id=stage_id, status=TaskStatus.CANCELLED))
        batch.event("task.cancelled", (job_id, task_id, None), actor=actor)
    return finals
