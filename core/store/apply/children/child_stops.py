"""Ask tasks that wait for a child to stop, by its cancel.

Called by the operators' commands, the verdicts, the ends of groups and when a deadline passes.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.commands.work import Force
from core.model.decisions import Verdict
from core.model.records import replace
from core.model.status import JOB_FINAL, JobStatus, TaskStatus
from core.model.values import JsonObject
from core.store.apply.ends import cause_of, give_verdict
from core.store.apply.moves import jobs, waiting
from core.store.apply.stops import stop_job
from core.store.batch import Batch
from core.store.rows import Cause, TaskPlace
from core.store.sql import ids

_COLUMNS = (
    "t.id, t.job_id, t.stage_id, t.queue, t.lane_id, t.set_id, t.status, w.child_id, j.status FROM awaited w"
    " JOIN task t ON t.id = w.task_id JOIN job j ON j.id = w.child_id"
)
_CHOSEN = f"SELECT {_COLUMNS} WHERE w.task_id IN (SELECT value FROM json_each(?)) ORDER BY t.id"
_OF_JOB = (
    "SELECT t.id, t.job_id, t.stage_id, t.queue, t.lane_id, t.set_id, t.status, w.child_id, j.status"
    " FROM task t INDEXED BY task_list CROSS JOIN awaited w ON w.task_id = t.id"
    " CROSS JOIN job j ON j.id = w.child_id WHERE t.job_id = ? AND t.status IN ('waiting', 'held')"
    " AND t.stage_id != ? AND (? OR t.stop_at IS NULL) ORDER BY t.id LIMIT ?"
)
_OF_SET = _OF_JOB.replace(
    "t.stage_id != ? AND (? OR t.stop_at IS NULL)", "t.set_id = ? AND t.stop_at IS NULL"
)
HAS_CHILD = "EXISTS (SELECT 1 FROM awaited w WHERE w.task_id = task.id AND w.child_id IS NOT NULL)"
"""Condition on `task`: it waits for a child, which ends it."""


class WaitingParent(NamedTuple):
    """A task that waits for a child, and where both stand."""

    place: TaskPlace
    status: TaskStatus
    child_id: int
    child_status: JobStatus


def parents_among(batch: Batch, task_ids: list[int]) -> dict[int, WaitingParent]:
    """Return those of the tasks that wait for a child, by id."""
    found = map(_parent, batch.rows(_CHOSEN, ids(task_ids))) if task_ids else ()
    return {one.place.task_id: one for one in found}


def stop_children(batch: Batch, job_id: int, cause: Cause, *, spared: int, limit: int) -> int:
    """Ask the tasks of a job that wait for a child, and were not asked before; return how many."""
    rows = batch.rows(_OF_JOB, job_id, spared, 0, limit)
    for row in rows:
        stop(batch, _parent(row), cause)
    return len(rows)


def stop_children_of_set(batch: Batch, job_id: int, set_id: int, cause: Cause, *, limit: int) -> int:
    """Ask the instances of a set that wait for a child, and were not asked before; return how many."""
    rows = batch.rows(_OF_SET, job_id, set_id, limit)
    for row in rows:
        stop(batch, _parent(row), cause)
    return len(rows)


def stop(batch: Batch, parent: WaitingParent, cause: Cause) -> bool:
    """Ask a task that waits for a child to stop; False = it was asked so before."""
    if not waiting.ask_to_stop(batch, parent.place, cause):
        return False
    if parent.child_status in JOB_FINAL:
        # Held: else its end would have answered already, or the engine is about to.
        if parent.status is TaskStatus.HELD:
            waiting.cancel(batch, parent.place, parent.status, cause)
        return True
    end_child(batch, parent, cause)
    return True


def stop_late(batch: Batch, place: TaskPlace, *, reason: str) -> None:
    """Cancel the child of a task whose deadline has passed; the task fails when the child has ended."""
    batch.run("UPDATE awaited SET is_late = 1, fails_at = NULL WHERE task_id = ?", place.task_id)
    for parent in parents_among(batch, [place.task_id]).values():
        stop(batch, parent, Cause(reason=reason))


def press(batch: Batch, job_id: int, cause: Cause) -> int:
    """Cut the `finally` of an ending job and of all below it short, kill what is to be killed; count it."""
    was_cut = jobs.cut_finally(batch, job_id, cause)
    asked = len(stop_job(batch, job_id, cause)) if was_cut or cause.force is Force.KILL else 0
    if was_cut:
        batch.verdicts.append(job_id)
        asked = max(1, asked)
    for parent in map(_parent, batch.rows(_OF_JOB, job_id, 0, 1, -1)):
        if parent.child_status is JobStatus.ENDING:
            asked += press(batch, parent.child_id, cause)
    return asked


def end_child(batch: Batch, parent: WaitingParent, cause: Cause) -> None:
    """Cancel the child of a task; of one that is ending by itself force alone cuts `finally`."""
    task = parent.place
    reason = cause.reason or f"task {task.task_id} of job {task.job_id} was asked to stop"
    verdict = Verdict(status=JobStatus.CANCELLED, reason=reason)
    facts: JsonObject = {"parent_task": task.task_id}
    given = give_verdict(batch, parent.child_id, verdict, actor=cause.actor or "", force=cause.force)
    if not given and cause.force is not Force.ASK:
        harder = replace(cause_of(verdict, actor=cause.actor, force=cause.force), facts=facts)
        press(batch, parent.child_id, harder)


def _parent(row: tuple) -> WaitingParent:  # type: ignore[type-arg]
    *place, status, child_id, child_status = row
    return WaitingParent(TaskPlace(*place), TaskStatus(status), child_id, JobStatus(child_status))
