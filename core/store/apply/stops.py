"""Stop requests to claimed tasks, written to the row and as event.

Called by the operators' commands and by the end of a job. A request has author, time, reason and force.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.commands.work import Force
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.batch_report import Stop
from core.store.rows import Cause, Subject
from core.store.sql import ids, raw

# Who was asked is asked once more only to be killed, and who is being killed is not asked again.
_STOP = (
    "UPDATE task SET stop_at = ?1, stop_by = CAST(?2 AS TEXT), stop_reason = CAST(?3 AS TEXT), stop_how = ?4"
    " WHERE {which} AND status = 'running' AND stop_how IS NOT ?4 AND stop_how IS NOT 'kill'"
    " RETURNING job_id, id, epoch"
)
_STOP_TASKS = _STOP.format(which="id IN (SELECT value FROM json_each(?5))")
_STOP_SET = _STOP.format(
    which="id IN (SELECT task_id FROM attempt INDEXED BY attempt_open WHERE status = 'running')"
    " AND set_id = ?5"
)
_STOP_JOB = _STOP.format(which="job_id = ?5 AND stage_id != ?6")


def stop_tasks(batch: Batch, task_ids: Sequence[int], cause: Cause) -> frozenset[int]:
    """Ask those of the tasks to stop that run and were not asked so before; return their ids."""
    return _stop(batch, _STOP_TASKS, ids(task_ids), cause) if task_ids else frozenset()


def stop_set(batch: Batch, set_id: int, cause: Cause) -> frozenset[int]:
    """Ask all instances of a set that run to stop, unless they were asked so before; return their ids."""
    return _stop(batch, _STOP_SET, set_id, cause)


def stop_job(batch: Batch, job_id: int, cause: Cause, *, spared: int | None = None) -> frozenset[int]:
    """Ask everything that runs of a job to stop, unless it was asked so before; return the ids.

    What runs of the stage that is `spared` goes on.
    """
    return _stop(batch, _STOP_JOB, job_id, cause, spared or 0)


def _stop(batch: Batch, sql: str, which: str | int, cause: Cause, *more: int) -> frozenset[int]:
    note: JsonObject = {"reason": cause.reason, **cause.facts}
    if cause.force is Force.KILL:
        note["how"] = cause.force.value
    args = (batch.wall, raw(cause.actor), raw(cause.reason), cause.force, which, *more)
    asked = sorted(batch.rows(sql, *args))
    for job_id, task_id, epoch in asked:
        batch.event("task.stop_requested", Subject(job_id, task_id, epoch), actor=cause.actor, data=note)
        batch.report.stops.append(Stop(task_id=task_id, epoch=epoch, force=cause.force))
    return frozenset(task_id for _, task_id, _ in asked)
