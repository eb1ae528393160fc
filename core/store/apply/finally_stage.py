"""The stage `finally`: spared by verdicts, opened last.

Called by the ends of jobs, the verdicts and the stages.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.status import TASK_FINAL, StageStatus
from core.store.apply.claims.lanes import open_job
from core.store.apply.moves.jobs import begin_finally
from core.store.apply.moves.stages import open_stage
from core.store.batch import Batch
from core.store.rows import LeftOver
from core.store.sql import among

# Nothing of a job that was never claimed is to be cleared up.
_SPARED = (
    "SELECT s.id, s.name, s.status, s.open_tasks FROM stage s JOIN job ON job.id = s.job_id"
    " WHERE s.job_id = ? AND s.is_finally AND job.started_at IS NOT NULL AND job.finishing < 2"
)
# An ending job does not follow its edges: those to `finally` are followed as that opens.
_NEEDED = (
    "SELECT DISTINCT e.need_id FROM stage s JOIN task t INDEXED BY task_list ON t.job_id = s.job_id"
    " AND t.id BETWEEN s.first_task AND s.last_task JOIN edge e INDEXED BY edge_task ON e.task_id = t.id"
    f" AND e.met = 0 JOIN task n ON n.id = e.need_id AND {among(TASK_FINAL, 'n.status')} WHERE s.id = ?"
)


class FinallyStage(NamedTuple):
    """A stage `finally` that runs, or is going to."""

    id: int
    name: str
    status: StageStatus
    open_tasks: int


def spared_stage(batch: Batch, job_id: int) -> FinallyStage | None:
    """Return the stage of a job that its verdict does not end; None = it ends all."""
    row = batch.one(_SPARED, job_id)
    if row is None:
        return None
    stage_id, name, status, open_tasks = row
    return FinallyStage(stage_id, name, StageStatus(status), open_tasks)


def open_finally(batch: Batch, job_id: int, stage_id: int, *, name: str) -> None:
    """Open the last stage of a job, also of one that is ending; the next batch lets its tasks go."""
    open_stage(batch, job_id, stage_id, name=name)
    begin_finally(batch, job_id)
    # Those of a job that was paused are shut.
    open_job(batch, job_id)
    batch.followups.append(LeftOver("stage", stage_id))
    batch.followups += [LeftOver("task", need) for (need,) in batch.rows(_NEEDED, stage_id)]
