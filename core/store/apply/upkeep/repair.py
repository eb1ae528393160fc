"""Repair a job whose rows do not follow from each other.

Called through the table in `core.store.dispatch`, for what the sweep of the janitor found.
"""

from __future__ import annotations

from core.model.commands.work import FailJob, Repair
from core.model.decisions import Verdict
from core.model.outcomes import TaskError
from core.model.status import JOB_FINAL, STAGE_FINAL, TASK_FINAL, JobStatus
from core.model.values import INBOX, JsonObject
from core.store.apply.ends import close_stage, give_verdict
from core.store.apply.moves import running
from core.store.apply.moves.attempts import close_stray, reopen_as_lost
from core.store.apply.stages import open_next
from core.store.apply.upkeep.recounts import note_repair, recount_job, recount_queues
from core.store.batch import MAX_PER_BATCH, Batch
from core.store.rows import PLACE, LeftOver, TaskPlace
from core.store.sql import among

_RUNS_NOTHING = (
    f"SELECT {PLACE}, epoch FROM task INDEXED BY task_list WHERE job_id = ? AND status = 'running'"
    " AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.task_id = task.id AND a.epoch = task.epoch"
    " AND a.status = 'running') LIMIT ?"
)
_STRAY = (
    "SELECT a.task_id, a.epoch FROM attempt a INDEXED BY attempt_open JOIN task t ON t.id = a.task_id"
    " WHERE a.status = 'running' AND t.job_id = ? AND NOT (t.status = 'running' AND t.epoch = a.epoch)"
)
_OVERDUE = (
    "SELECT DISTINCT e.need_id FROM task t INDEXED BY task_list JOIN edge e ON e.task_id = t.id AND e.met = 0"
    f" JOIN task n ON n.id = e.need_id AND {among(TASK_FINAL, 'n.status')}"
    " WHERE t.job_id = ? AND t.status = 'blocked' LIMIT ?"
)
_UNCLOSED = (
    "SELECT s.id, s.name FROM stage s JOIN job j ON j.id = s.job_id WHERE s.job_id = ? AND s.open_tasks = 0"
    f" AND {among(JOB_FINAL, 'j.status')} AND NOT {among(STAGE_FINAL, 's.status')} ORDER BY s.position"
)
_STUCK = (
    "SELECT s.id FROM stage s WHERE s.job_id = ? AND s.status = 'open' AND (s.open_tasks = 0 OR EXISTS ("
    "SELECT 1 FROM task t INDEXED BY task_list WHERE t.job_id = s.job_id AND t.status = 'blocked'"
    " AND t.id BETWEEN s.first_task AND s.last_task AND t.needs_left = 0 AND t.wait_reason IS NULL))"
)
_FREE = (
    "UPDATE awaited SET child_id = NULL WHERE child_id IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM job WHERE id = awaited.child_id)"
    " AND task_id IN (SELECT id FROM task INDEXED BY task_list WHERE job_id = ? AND status = 'waiting')"
)


def apply_repair(batch: Batch, command: Repair) -> int:
    """Make the rows of a job agree; return how many repairs were made, each of which is an event.

    Counts are set to what the tasks say. A task that runs without an attempt is held for an operator;
    an attempt without its task is closed. What should follow from ended tasks, open stages and verdicts
    is taken up again, a limited number per batch.
    """
    job_id = command.job_id
    found = recount_job(batch, job_id)
    if found or job_id == INBOX:
        found += recount_queues(batch)
    found += _hold_what_runs_nothing(batch, job_id)
    found += _close_strays(batch, job_id)
    batch.reorder_lanes_of(job_id)
    return found if job_id == INBOX else found + _take_up(batch, job_id)


def apply_fail_job(batch: Batch, command: FailJob) -> bool:
    """Fail a job that cannot go on; False = its verdict is in already, and nothing of it was freed."""
    # A child whose row is gone answers nothing, and its task would wait for that.
    is_freed = batch.run(_FREE, command.job_id) > 0
    if give_verdict(batch, command.job_id, Verdict(status=JobStatus.FAILED, reason=command.reason)):
        return True
    if is_freed:
        batch.verdicts.append(command.job_id)
    return is_freed


def _hold_what_runs_nothing(batch: Batch, job_id: int) -> int:
    error = TaskError(code="attempt.missing", message="its attempt was not in the store").to_json()
    rows = batch.rows(_RUNS_NOTHING, job_id, MAX_PER_BATCH)
    for *place, epoch in rows:
        task = TaskPlace(*place)
        note_repair(batch, job_id, {"what": "attempt.missing", "task": task.task_id})
        running.hold_lost(batch, reopen_as_lost(batch, task, epoch, error=error))
    return len(rows)


def _close_strays(batch: Batch, job_id: int) -> int:
    rows = batch.rows(_STRAY, job_id)
    for task_id, epoch in rows:
        close_stray(batch, task_id, epoch)
        note_repair(batch, job_id, {"what": "attempt.stray", "task": task_id, "attempt": epoch})
    return len(rows)


def _take_up(batch: Batch, job_id: int) -> int:
    needs = batch.rows(_OVERDUE, job_id, MAX_PER_BATCH)
    found = sum(
        _follow_up(batch, job_id, LeftOver("task", need), {"what": "edge.overdue", "need": need})
        for (need,) in needs
    )
    ((status,),) = batch.rows("SELECT status FROM job WHERE id = ?", job_id)
    if status == JobStatus.ENDING:
        return found + _follow_up(batch, job_id, LeftOver("job", job_id), {"what": "job.unended"})
    if status not in JOB_FINAL:
        return found + _resume_stages(batch, job_id)
    for stage_id, name in batch.rows(_UNCLOSED, job_id):
        close_stage(batch, job_id, stage_id, name)
        found += note_repair(batch, job_id, {"what": "stage.unclosed", "stage": stage_id})
    return found


def _resume_stages(batch: Batch, job_id: int) -> int:
    """Take open stages up again that are done or hold tasks which wait for nothing; one must be open."""
    found = note_repair(batch, job_id, {"what": "job.stalled"}) if open_next(batch, job_id) else 0
    for (stage_id,) in batch.rows(_STUCK, job_id):
        what: JsonObject = {"what": "stage.stuck", "stage": stage_id}
        found += _follow_up(batch, job_id, LeftOver("stage", stage_id), what)
    return found


def _follow_up(batch: Batch, job_id: int, left: LeftOver, what: JsonObject) -> int:
    batch.followups.append(left)
    return note_repair(batch, job_id, what)
