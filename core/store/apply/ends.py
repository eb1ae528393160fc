"""Bring jobs to their end: verdict, stop requests, final status, notice."""

from __future__ import annotations

from core.model.commands import ENGINE
from core.model.plans import RetryPolicy, TaskPlan
from core.model.status import JOB, STAGE, Move, StageStatus, TaskStatus
from core.model.values import JsonObject
from core.store.apply.claim import start_jobs
from core.store.apply.stops import Cause, stop_job
from core.store.apply.submit import enqueue
from core.store.batch import Batch
from core.store.sql import guard, raw

_VERDICT = (
    "UPDATE job SET status = 'ending', verdict = ?, reason = CAST(? AS TEXT), verdict_by = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(JOB['verdict'])}"
)
_OPEN_STAGE = "SELECT 1 FROM stage WHERE job_id = ? AND open_tasks > 0 LIMIT 1"
_NOTICE_RETRY = RetryPolicy(max_attempts=5, base_ms=2_000)


def give_verdict(batch: Batch, job_id: int, verdict: str, cause: Cause) -> bool:
    """Make a job `ending`: nothing of it is claimed from now on, what runs is asked to stop.

    The rest is cancelled in bites by `verdicts`. Returns False when it was ending or final already.
    """
    if batch.run(_VERDICT, verdict, raw(cause.reason), raw(cause.actor), job_id) != 1:
        return False
    note: JsonObject = {"verdict": verdict, "reason": cause.reason}
    batch.event("job.ending", (job_id, None, None), actor=cause.actor, data=note)
    stop_job(batch, job_id, cause)
    batch.verdicts.append(job_id)
    return True


def end_if_done(batch: Batch, job_id: int) -> None:
    """End an `ending` job none of whose tasks is left to end."""
    row = batch.one(f"SELECT verdict, reason FROM job WHERE id = ? AND {guard(JOB['end_failed'])}", job_id)
    # Counted by stages: a task that ended in this batch is not counted off before its stage looks at it.
    if row is None or batch.one(_OPEN_STAGE, job_id) is not None:
        return
    left = (
        f"SELECT id, name FROM stage WHERE job_id = ? AND {guard(STAGE['close_skipped'])} ORDER BY position"
    )
    for stage_id, name in batch.rows(left, job_id):
        close_stage(batch, job_id, stage_id, name)
    move = JOB["end_failed"] if row[0] == "failed" else JOB["end_cancelled"]
    batch.run(
        f"UPDATE job SET status = ?, finished_at = ? WHERE id = ? AND {guard(move)}",
        move.target,
        batch.now,
        job_id,
    )
    _announce(batch, job_id, move.event, {"reason": row[1]})


def close_stage(batch: Batch, job_id: int, stage_id: int, name: str) -> StageStatus:
    """Close a stage none of whose tasks is left, with the status that they make."""
    move = _closing(batch, stage_id)
    batch.run(f"UPDATE stage SET status = ? WHERE id = ? AND {guard(move)}", move.target, stage_id)
    batch.event(move.event, (job_id, None, None), data={"stage": stage_id, "name": name})
    return move.target


def _closing(batch: Batch, stage_id: int) -> Move[StageStatus]:
    batch.flush_counts()
    counts = dict(
        batch.rows("SELECT status, n FROM counter WHERE scope = 'stage' AND ref = ? AND n > 0", str(stage_id))
    )
    if TaskStatus.FAILED in counts:
        return STAGE["close_failed"]
    if TaskStatus.CANCELLED in counts:
        return STAGE["close_cancelled"]
    return STAGE["close_succeeded"] if TaskStatus.SUCCEEDED in counts else STAGE["close_skipped"]


def succeed_job(batch: Batch, job_id: int) -> None:
    """End a job whose stages are all closed well."""
    # A job whose tasks were all skipped was never claimed from; it starts and ends at once.
    start_jobs(batch, {job_id})
    batch.run(
        f"UPDATE job SET status = 'succeeded', finished_at = ? WHERE id = ? AND {guard(JOB['succeed'])}",
        batch.now,
        job_id,
    )
    _announce(batch, job_id, JOB["succeed"].event, {})


def _announce(batch: Batch, job_id: int, kind: str, data: JsonObject) -> None:
    batch.event(kind, (job_id, None, None), data=data)
    batch.report.ended_jobs.append(job_id)
    ((name, url),) = batch.rows("SELECT name, notify FROM job WHERE id = ?", job_id)
    if url is None:
        return
    notice: JsonObject = {"job": job_id, "type": name, "status": kind.removeprefix("job.")}
    plan = TaskPlan(
        key="notify",
        uses="http",
        with_={"method": "POST", "url": url, "json": notice},
        retry=_NOTICE_RETRY,
        metadata={"job": job_id},
    )
    enqueue(batch, [plan], group=f"notify-{job_id}", actor=ENGINE)
