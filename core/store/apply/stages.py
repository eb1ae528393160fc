"""Close stages when their last task ends, and open the next.

Called by the consequences and the verdicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from core.model.decisions import ClosedStages
from core.model.plans import OnTaskFailure
from core.model.status import JobStatus, StageStatus
from core.model.values import INBOX
from core.store.apply.ends import close_stage, end_if_done, give_verdict, succeed_job
from core.store.apply.finally_stage import open_finally
from core.store.apply.judged_counts import judged_counts
from core.store.apply.moves import idle, queueing
from core.store.apply.moves.stages import open_stage
from core.store.apply.plain_ends import succeed_plain
from core.store.batch import Batch
from core.store.rows import FinalTask, LeftOver

_LESS = "UPDATE stage SET open_tasks = open_tasks - ? WHERE id = ? RETURNING open_tasks"
_READ = (
    "SELECT s.id, s.job_id, s.name, s.status, s.open_tasks, job.status, job.on_task_failure, s.is_finally,"
    " job.started_at IS NOT NULL"
    " FROM stage s JOIN job ON job.id = s.job_id WHERE "
)
_STATUSES = "SELECT status, name FROM stage WHERE job_id = ? AND NOT is_finally ORDER BY position DESC"
UNCLAIMED = "nothing of its job was ever claimed"
"""Why `finally` of a job does not run."""
_NOT_CLOSED = "s.job_id = ? AND s.status IN ('pending', 'open') ORDER BY s.position LIMIT 1"


class _Stage(NamedTuple):
    """A stage with what its job makes of its end."""

    id: int
    job_id: int
    name: str
    status: StageStatus
    open_tasks: int
    job_status: JobStatus
    on_task_failure: OnTaskFailure
    is_finally: bool
    job_started: bool

    @property
    def is_of_ending_job(self) -> bool:
        return self.job_status is JobStatus.ENDING


def close_stages(batch: Batch, finals: Iterable[FinalTask]) -> None:
    """Count final tasks off their stages; close a stage whose last task this was, and what follows."""
    counts = Counter(final.stage_id for final in finals if final.job_id != INBOX)
    for stage_id in succeed_plain(batch, counts) if counts else ():
        ((left,),) = batch.rows(_LESS, counts[stage_id], stage_id)
        if left == 0:
            _settle(batch, _read(batch, "s.id = ?", stage_id))


def unblock_stage(batch: Batch, stage_id: int) -> None:
    """Unblock tasks of an open stage that wait for nothing else; what exceeds the budget is followed up."""
    stage = _read(batch, "s.id = ?", stage_id)
    if stage is None or stage.status is not StageStatus.OPEN:
        return
    if stage.is_of_ending_job and not stage.is_finally:
        return
    if stage.open_tasks == 0:
        _settle(batch, stage)
        return
    budget = max(batch.budget, 0)
    if stage.is_finally and not stage.job_started:
        unblocked = idle.skip_stage(batch, stage_id, UNCLAIMED, limit=budget)
    else:
        unblocked = queueing.unblock_by_stage(batch, stage_id, limit=budget)
    batch.budget -= unblocked
    if unblocked == budget:
        batch.followups.append(LeftOver("stage", stage_id))


def open_next(batch: Batch, job_id: int) -> bool:
    """Open the next stage of a live job that has none open, or bring it to its end; False = one is open."""
    if batch.one("SELECT 1 FROM stage WHERE job_id = ? AND status = 'open'", job_id) is not None:
        return False
    following = _read(batch, _NOT_CLOSED, job_id)
    if following is None:
        _end_job(batch, job_id)
    elif following.is_finally:
        open_finally(batch, job_id, following.id, name=following.name)
    else:
        open_stage(batch, job_id, following.id, name=following.name)
        batch.followups.append(LeftOver("stage", following.id))
    return True


def _read(batch: Batch, condition: str, *args: int) -> _Stage | None:
    row = batch.one(_READ + condition, *args)
    if row is None:
        return None
    stage_id, job_id, name, status, open_tasks, job_status, on_task_failure, is_finally, started = row
    return _Stage(
        id=stage_id,
        job_id=job_id,
        name=name,
        status=StageStatus(status),
        open_tasks=open_tasks,
        job_status=JobStatus(job_status),
        on_task_failure=OnTaskFailure(on_task_failure),
        is_finally=bool(is_finally),
        job_started=bool(started),
    )


def _settle(batch: Batch, stage: _Stage | None) -> None:
    """Close stages from this one on, as long as each has nothing left to do."""
    while stage is not None and stage.open_tasks == 0:
        if stage.status is not StageStatus.OPEN and not stage.is_of_ending_job:
            return
        target = close_stage(batch, stage.job_id, stage.id, stage.name)
        if stage.is_of_ending_job:
            end_if_done(batch, stage.job_id)
            return
        stage = _after(batch, stage, target)


def _after(batch: Batch, stage: _Stage, closed: StageStatus) -> _Stage | None:
    """Open the next stage and return it, or bring the job to its end and return None."""
    following = _read(batch, _NOT_CLOSED, stage.job_id)
    if stage.is_finally:
        _after_finally(batch, stage, closed, following)
        return None
    is_last = following is None or following.is_finally
    if batch.rules.needs_verdict(closed, None if following is None or is_last else following.status):
        verdict = batch.rules.verdict_of_stages(stage.on_task_failure, _closed_stages(batch, stage.job_id))
        if verdict is not None:
            give_verdict(batch, stage.job_id, verdict)
            return None
    if following is None:
        _end_job(batch, stage.job_id)
        return None
    if following.is_finally and following.status is StageStatus.PENDING:
        _begin_finally(batch, following)
        return None
    if following.status is StageStatus.OPEN:
        # A rerun reopened it while a later stage was at work; what follows is decided when that one closes.
        return None
    open_stage(batch, stage.job_id, following.id, name=following.name)
    if following.open_tasks > 0:
        unblock_stage(batch, following.id)
    return _read(batch, "s.id = ?", following.id)


def _begin_finally(batch: Batch, stage: _Stage) -> None:
    """Open the last stage of a job that would succeed now, or give the verdict on its tasks before."""
    verdict = batch.rules.verdict_of_tasks(judged_counts(batch, "job", stage.job_id))
    if verdict is None:
        open_finally(batch, stage.job_id, stage.id, name=stage.name)
    else:
        give_verdict(batch, stage.job_id, verdict)


def _after_finally(batch: Batch, stage: _Stage, closed: StageStatus, following: _Stage | None) -> None:
    """End a job as its other stages want it, else as this one ended."""
    rules, tasks = batch.rules, Counter(judged_counts(batch, "job", stage.job_id))
    # Those that ended badly are there where tasks of `finally` alone were run again.
    others = +(tasks - Counter(judged_counts(batch, "stage", stage.id)))
    verdict = (
        rules.verdict_of_stages(stage.on_task_failure, _closed_stages(batch, stage.job_id))
        or rules.verdict_of_tasks(others)
        or rules.verdict_of_finally(closed)
    )
    if verdict is not None:
        give_verdict(batch, stage.job_id, verdict)
    elif following is None:
        succeed_job(batch, stage.job_id)


def _closed_stages(batch: Batch, job_id: int) -> ClosedStages:
    stages = batch.rows(_STATUSES, job_id)
    first = dict(stages)
    return ClosedStages(failed=first.get(StageStatus.FAILED), cancelled=first.get(StageStatus.CANCELLED))


def _end_job(batch: Batch, job_id: int) -> None:
    """End a job whose last stage closed."""
    verdict = batch.rules.verdict_of_tasks(judged_counts(batch, "job", job_id))
    if verdict is None:
        succeed_job(batch, job_id)
    else:
        give_verdict(batch, job_id, verdict)
