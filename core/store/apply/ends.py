"""Bring jobs to their end: verdict, stop requests, final status, notice.

Called by the consequences, the verdicts, the stages and the operators' commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from core.model.commands.work import ENGINE, Force
from core.model.decisions import Verdict
from core.model.plans import RetryPolicy, TaskPlan
from core.model.status import JOB, STAGE, JobStatus, StageStatus
from core.model.values import JsonObject
from core.store.apply.children.child_ends import answer_parent
from core.store.apply.children.child_marks import spread_pause
from core.store.apply.claims.lanes import open_job
from core.store.apply.finally_stage import open_finally, spared_stage
from core.store.apply.judged_counts import judged_counts
from core.store.apply.moves import jobs, stages
from core.store.apply.schedules.expectations import note_success
from core.store.apply.stops import stop_job
from core.store.apply.submit import enqueue
from core.store.batch import Batch
from core.store.rows import Cause
from core.store.sql import guard

_OPEN_STAGE = "SELECT 1 FROM stage WHERE job_id = ? AND open_tasks > 0 AND id != ? LIMIT 1"
_LEFT = (
    f"SELECT id, name FROM stage WHERE job_id = ? AND {guard(STAGE['close_skipped'])} AND id != ?"
    " ORDER BY position"
)
_ENDING = f"SELECT verdict, reason FROM job WHERE id = ? AND {guard(JOB['end_failed'])}"
_NOTICE_RETRY = RetryPolicy(max_attempts=5, base_ms=2_000)


class EndedJob(NamedTuple):
    """A job that has ended, as far as others hear of it."""

    id: int
    name: str
    notify: str | None
    schedule_id: int | None


def give_verdict(
    batch: Batch, job_id: int, verdict: Verdict, *, actor: str = ENGINE, force: Force = Force.ASK
) -> bool:
    """Make a job `ending`: nothing of it is claimed from now on, what runs is asked to stop.

    The rest is cancelled by `verdicts`, batch after batch; `finally` goes on, unless all is killed. Returns
    False when it was ending or final already.
    """
    spared = spared_stage(batch, job_id) if force is Force.ASK else None
    spared_id = None if spared is None else spared.id
    if not jobs.give_verdict(batch, job_id, verdict, actor=actor, spared=spared_id):
        return False
    cause = cause_of(verdict, actor=actor, force=force)
    if force is Force.KILL:
        jobs.cut_finally(batch, job_id, cause)
    if spared is not None and spared.status is StageStatus.OPEN:
        # It was paused while `finally` was open.
        open_job(batch, job_id)
        spread_pause(batch, job_id)
    stop_job(batch, job_id, cause, spared=spared_id)
    batch.verdicts.append(job_id)
    return True


def cause_of(verdict: Verdict, *, actor: str | None, force: Force = Force.ASK) -> Cause:
    """Return what the tasks that a verdict ends say of their end."""
    facts: JsonObject = {"verdict": verdict.status}
    if verdict.task_id is not None:
        facts["cause"] = verdict.task_id
    return Cause(reason=verdict.reason, actor=actor, force=force, facts=facts)


def end_if_done(batch: Batch, job_id: int) -> None:
    """End an `ending` job none of whose tasks is left to end; before that, open its `finally`."""
    row = batch.one(_ENDING, job_id)
    spared = spared_stage(batch, job_id)
    waits = spared is not None and spared.open_tasks > 0
    last = spared.id if spared is not None and waits else 0
    # Counted by stages: a task that ended in this batch is counted off later, with its stage.
    if row is None or batch.one(_OPEN_STAGE, job_id, last) is not None:
        return
    for stage_id, name in batch.rows(_LEFT, job_id, last):
        close_stage(batch, job_id, stage_id, name)
    if spared is not None and waits:
        if spared.status is StageStatus.PENDING:
            open_finally(batch, job_id, spared.id, name=spared.name)
        return
    end_job(batch, job_id)


def end_job(batch: Batch, job_id: int) -> None:
    """End an `ending` job as its verdict has it, whatever is left of it, and tell who waits for that."""
    ((status, reason),) = batch.rows(_ENDING, job_id)
    jobs.end(batch, job_id, Verdict(status=JobStatus(status), reason=reason))
    _tell(batch, job_id, JobStatus(status))


def close_stage(batch: Batch, job_id: int, stage_id: int, name: str) -> StageStatus:
    """Close a stage none of whose tasks is left, with the status that they make."""
    status = batch.rules.status_of_stage(judged_counts(batch, "stage", stage_id))
    stages.close_stage(batch, job_id, stage_id, name=name, status=status)
    return status


def succeed_job(batch: Batch, job_id: int) -> None:
    """End a job whose stages are all closed well."""
    # A job whose tasks were all skipped was never claimed from; it starts and ends at once.
    jobs.start(batch, [job_id])
    jobs.succeed(batch, job_id)
    _tell(batch, job_id, JobStatus.SUCCEEDED)


def tell_successes(batch: Batch, ended: Iterable[EndedJob]) -> None:
    """Tell who waits for it of jobs that succeeded; children are told of by themselves."""
    known: set[tuple[str, int | None]] = set()
    for job in ended:
        kind = (job.name, job.schedule_id)
        if kind not in known:
            # The next ones of its kind would say the same at the same moment.
            known.add(kind)
            note_success(batch, job.id, name=job.name, schedule_id=job.schedule_id)
        _notify(batch, job, JobStatus.SUCCEEDED)


def _tell(batch: Batch, job_id: int, status: JobStatus) -> None:
    (job,) = batch.typed(EndedJob, "SELECT id, name, notify, schedule_id FROM job WHERE id = ?", job_id)
    answer_parent(batch, job_id)
    if status is JobStatus.SUCCEEDED:
        note_success(batch, job_id, name=job.name, schedule_id=job.schedule_id)
    _notify(batch, job, status)


def _notify(batch: Batch, job: EndedJob, status: JobStatus) -> None:
    if job.notify is None:
        return
    notice: JsonObject = {"job": job.id, "type": job.name, "status": status}
    plan = TaskPlan(
        key="notify",
        uses="http",
        with_={"method": "POST", "url": job.notify, "json": notice},
        retry=_NOTICE_RETRY,
        metadata={"job": job.id},
    )
    enqueue(batch, [plan], group=f"notify-{job.id}", actor=ENGINE)
