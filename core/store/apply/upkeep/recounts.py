"""Recounts: kept numbers of a job made to agree with its tasks.

Called by the containment of faults and by repairs.
"""

from __future__ import annotations

from core.model.status import TASK_FINAL, TaskStatus
from core.model.values import INBOX, JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import among, raw

_STAGES = (
    "SELECT s.id, s.open_tasks, (SELECT count(*) FROM task t INDEXED BY task_list WHERE t.job_id = s.job_id"
    f" AND {among(set(TaskStatus) - TASK_FINAL, 't.status')} AND t.stage_id = s.id)"
    " FROM stage s WHERE s.job_id = ? ORDER BY s.id"
)
_OF_JOB = (
    "SELECT status, count(*) FROM task INDEXED BY task_list WHERE job_id = ? AND set_id IS NULL"
    " GROUP BY status"
)
_OF_SET = "SELECT status, count(*) FROM task INDEXED BY task_item WHERE set_id = ? GROUP BY status"
_SETS = "SELECT id FROM instance_set WHERE job_id = ? ORDER BY id"
_OF_STAGE = (
    "SELECT t.status, count(*) FROM stage s JOIN task t INDEXED BY task_list ON t.job_id = s.job_id"
    " AND t.id BETWEEN s.first_task AND s.last_task WHERE s.id = ? GROUP BY t.status"
)
_TOLERATED = (
    "SELECT t.status, count(*) FROM {of} JOIN task t INDEXED BY task_list ON t.job_id = {of}.{job}"
    " AND t.status = 'failed' AND t.tolerated WHERE {of}.id = ? {more} GROUP BY 1"
)
_TOLERATED_OF_JOB = _TOLERATED.format(of="job", job="id", more="")
_TOLERATED_OF_STAGE = _TOLERATED.format(of="stage", job="job_id", more="AND t.stage_id = stage.id")
_KEPT = "SELECT status, n FROM counter WHERE scope = ? AND ref = ? AND n != 0"
_OF_QUEUES = "SELECT queue, status, count(*) FROM task GROUP BY queue, status"
_KEPT_QUEUES = "SELECT ref, status, n FROM counter WHERE scope = 'queue' AND n != 0"
_SET = (
    "INSERT INTO counter (scope, ref, status, n) VALUES (?, CAST(? AS TEXT), ?, ?)"
    " ON CONFLICT (scope, ref, status) DO UPDATE SET n = excluded.n"
)
_NEEDS = (
    "UPDATE task SET needs_left = (SELECT count(*) FROM edge WHERE task_id = task.id AND met = 0)"
    " WHERE job_id = ? AND status = 'blocked'"
    " AND needs_left != (SELECT count(*) FROM edge WHERE task_id = task.id AND met = 0)"
)


def recount_job(batch: Batch, job_id: int) -> int:
    """Set what is kept of a job to what its tasks and edges say; return how many differences were found.

    These are the open tasks of its stages, its counts and theirs, the open needs of its blocked tasks;
    each difference is an event.
    """
    batch.flush_counts()
    found = _recount(batch, job_id, "job", job_id, sql=_OF_JOB)
    found += _recount(batch, job_id, "job_tolerated", job_id, sql=_TOLERATED_OF_JOB)
    if job_id == INBOX:
        return found
    for stage_id, kept, real in batch.rows(_STAGES, job_id):
        if kept != real:
            batch.run("UPDATE stage SET open_tasks = ? WHERE id = ?", real, stage_id)
            what: JsonObject = {"what": "stage.open_tasks", "stage": stage_id, "was": kept, "now": real}
            found += note_repair(batch, job_id, what)
        found += _recount(batch, job_id, "stage", stage_id, sql=_OF_STAGE)
        found += _recount(batch, job_id, "stage_tolerated", stage_id, sql=_TOLERATED_OF_STAGE)
    for (set_id,) in batch.rows(_SETS, job_id):
        found += _recount(batch, job_id, "set", set_id, sql=_OF_SET)
    corrected = batch.run(_NEEDS, job_id)
    if corrected:
        found += note_repair(batch, job_id, {"what": "task.needs_left", "tasks": corrected})
    return found


def recount_queues(batch: Batch) -> int:
    """Set the counts of all queues to what their tasks say; return how many differences were found."""
    batch.flush_counts()
    real = {(queue, status): n for queue, status, n in batch.rows(_OF_QUEUES)}
    kept = {(queue, status): n for queue, status, n in batch.rows(_KEPT_QUEUES)}
    wrong = [key for key in sorted(real.keys() | kept.keys()) if real.get(key, 0) != kept.get(key, 0)]
    for queue, status in wrong:
        was, now = kept.get((queue, status), 0), real.get((queue, status), 0)
        batch.run(_SET, "queue", raw(queue), status, now)
        what: JsonObject = {"what": "counter.wrong", "queue": queue, "status": status, "was": was, "now": now}
        note_repair(batch, INBOX, what)
    return len(wrong)


def note_repair(batch: Batch, job_id: int | None, what: JsonObject) -> int:
    """Write into the history what was found and made right; return 1, for the sum of repairs."""
    batch.event("fault.repaired", Subject() if job_id is None else Subject(job_id), data=what)
    return 1


def _recount(batch: Batch, job_id: int, scope: str, number: int, *, sql: str) -> int:
    real = dict(batch.rows(sql, number))
    kept = dict(batch.rows(_KEPT, scope, str(number)))
    wrong = [
        status for status in sorted(real.keys() | kept.keys()) if real.get(status, 0) != kept.get(status, 0)
    ]
    for status in wrong:
        was, now = kept.get(status, 0), real.get(status, 0)
        batch.run(_SET, scope, str(number), status, now)
        what: JsonObject = {"what": "counter.wrong", scope: number, "status": status, "was": was, "now": now}
        note_repair(batch, job_id, what)
    return len(wrong)
