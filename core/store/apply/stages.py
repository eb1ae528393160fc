"""Close stages when their last task ends, and open the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from core.model.status import JobStatus, StageStatus, TaskStatus
from core.model.values import INBOX
from core.store.apply.ends import close_stage, end_if_done, give_verdict, succeed_job
from core.store.apply.moves import queueing
from core.store.apply.moves.stages import open_stage
from core.store.apply.stops import Cause
from core.store.batch import Batch
from core.store.rows import FinalTask

_LESS = "UPDATE stage SET open_tasks = open_tasks - ? WHERE id = ? RETURNING open_tasks"
_READ = (
    "SELECT s.id, s.job_id, s.position, s.name, s.status, s.open_tasks, job.status, job.on_task_failure"
    " FROM stage s JOIN job ON job.id = s.job_id WHERE "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A stage with what its job makes of its end."""

    id: int
    job_id: int
    position: int
    name: str
    status: str
    open_tasks: int
    job_status: str
    on_task_failure: str

    @property
    def ending(self) -> bool:
        return self.job_status == "ending"


def close_stages(batch: Batch, finals: Iterable[FinalTask]) -> None:
    """Count final tasks off their stages; close a stage whose last task this was, and go on from there."""
    counts = Counter(final.stage_id for final in finals if final.job_id != INBOX)
    for stage_id, number in counts.items():
        ((left,),) = batch.rows(_LESS, number, stage_id)
        if left == 0:
            _settle(batch, _read(batch, "s.id = ?", stage_id))


def open_bite(batch: Batch, stage_id: int) -> None:
    """Unblock tasks of an open stage that wait for nothing else; what exceeds the budget is followed up."""
    stage = _read(batch, "s.id = ?", stage_id)
    if stage is None or stage.status != StageStatus.OPEN or stage.ending:
        return
    if stage.open_tasks == 0:
        _settle(batch, stage)
        return
    budget = max(batch.budget, 0)
    unblocked = queueing.unblock_by_stage(batch, stage_id, limit=budget)
    batch.budget -= unblocked
    if unblocked == budget:
        batch.followups.append(("stage", stage_id))


def _read(batch: Batch, condition: str, *args: int) -> _Stage | None:
    row = batch.one(_READ + condition, *args)
    if row is None:
        return None
    return _Stage(
        id=row[0],
        job_id=row[1],
        position=row[2],
        name=row[3],
        status=row[4],
        open_tasks=row[5],
        job_status=row[6],
        on_task_failure=row[7],
    )


def _settle(batch: Batch, stage: _Stage | None) -> None:
    """Close stages from this one on, as long as each has nothing left to do."""
    while stage is not None and stage.open_tasks == 0:
        if stage.status != StageStatus.OPEN and not stage.ending:
            return
        target = close_stage(batch, stage.job_id, stage.id, stage.name)
        if stage.ending:
            end_if_done(batch, stage.job_id)
            return
        stage = _after(batch, stage, target)


def _after(batch: Batch, stage: _Stage, closed: StageStatus) -> _Stage | None:
    """Open the next stage and return it, or bring the job to its end and return None."""
    if closed in {StageStatus.FAILED, StageStatus.CANCELLED} and _condemned(batch, stage):
        return None
    following = _read(
        batch, "s.job_id = ? AND s.status IN ('pending', 'open') ORDER BY s.position LIMIT 1", stage.job_id
    )
    if following is None:
        if not _condemned(batch, stage):
            _conclude(batch, stage.job_id)
        return None
    if following.status == StageStatus.OPEN:
        # A rerun reopened it while a later stage was at work; its own end goes on from here.
        return None
    open_stage(batch, stage.job_id, following.id, name=following.name)
    if following.open_tasks > 0:
        open_bite(batch, following.id)
    return _read(batch, "s.id = ?", following.id)


def _condemned(batch: Batch, stage: _Stage) -> bool:
    """Give the verdict that closed stages bring, also one that a rerun of later tasks left as it was."""
    stages = batch.rows(
        "SELECT status, name FROM stage WHERE job_id = ? ORDER BY position DESC", stage.job_id
    )
    first = dict(stages)
    if StageStatus.FAILED in first and stage.on_task_failure != "continue":
        return give_verdict(
            batch, stage.job_id, JobStatus.FAILED, Cause(reason=f"stage {first[StageStatus.FAILED]} failed")
        )
    if StageStatus.CANCELLED not in first:
        return False
    reason = f"stage {first[StageStatus.CANCELLED]} was cancelled"
    return give_verdict(batch, stage.job_id, JobStatus.CANCELLED, Cause(reason=reason))


def _conclude(batch: Batch, job_id: int) -> None:
    """End a job whose last stage closed; under `continue` one success is enough."""
    batch.flush_counts()
    counts = dict(
        batch.rows("SELECT status, n FROM counter WHERE scope = 'job' AND ref = ? AND n > 0", str(job_id))
    )
    if TaskStatus.FAILED in counts and TaskStatus.SUCCEEDED not in counts:
        give_verdict(batch, job_id, JobStatus.FAILED, Cause(reason="no task succeeded"))
        return
    succeed_job(batch, job_id)
