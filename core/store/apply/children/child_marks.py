"""Marks of children: paused from above, superseded by a new one.

Called by the operators' commands, reruns and the ends of jobs.
"""

from __future__ import annotations

from core.model.status import JOB_FINAL
from core.store.apply.moves import jobs
from core.store.batch import Batch
from core.store.sql import among

_ROOT = (
    "SELECT coalesce(j.root_id, j.id), r.status = 'paused' FROM job j JOIN job r"
    " ON r.id = coalesce(j.root_id, j.id) WHERE j.id = ?"
)
# A child has a higher number than the job above it, unless what failed in it ran again.
_BELOW = (
    "SELECT c.id, t.job_id, c.status = 'paused', c.paused_above FROM job c INDEXED BY job_of_root"
    f" JOIN task t ON t.id = c.parent_task WHERE c.root_id = ? AND NOT {among(JOB_FINAL, 'c.status')}"
    " ORDER BY c.depth, c.id"
)
_SUPERSEDE = (
    "UPDATE job SET superseded = 1 WHERE parent_task IN (SELECT value FROM json_each(?1)) AND NOT superseded"
    " AND (is_worklet OR parent_task IN (SELECT value FROM json_each(?2)) OR (SELECT t.status FROM task t"
    " WHERE t.id = job.parent_task) IN ('succeeded', 'skipped')) RETURNING id, parent_task"
)


def spread_pause(batch: Batch, job_id: int) -> None:
    """Mark the children, of all depths, above which a job is paused now, and those above which none is."""
    row = batch.one(_ROOT, job_id)
    if row is None:
        return
    root_id, is_paused = row
    paused = {root_id: bool(is_paused)}
    for child_id, above, own, marked in batch.rows(_BELOW, root_id):
        is_above = paused.get(above, False)
        paused[child_id] = is_above or bool(own)
        if is_above != bool(marked):
            jobs.mark_paused_above(batch, child_id, is_above=is_above)


def supersede(batch: Batch, task_ids: str, *, fresh: str) -> None:
    """Let tasks that run again (JSON) take a new child: those that succeeded, and those that are `fresh`.

    What their worklets decided before counts no more.
    """
    batch.run(_SUPERSEDE, task_ids, fresh)
