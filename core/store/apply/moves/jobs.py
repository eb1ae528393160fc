"""Moves of jobs: start, pause, resume, verdict, end, reopen.

Called by the claim, the ends of jobs, reruns and the operators' commands.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.model.commands import ENGINE
from core.model.decisions import Verdict
from core.model.errors import Bug
from core.model.status import JOB, JobStatus, Move
from core.model.values import JsonObject
from core.store.apply.lanes import open_job, shut_job
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import guard, ids, raw

_START = (
    "UPDATE job SET status = 'running', started_at = coalesce(started_at, ?) FROM json_each(?) AS j"
    f" WHERE job.id = j.value AND {guard(JOB['start'], 'job.status')} RETURNING id"
)
_PAUSE = f"UPDATE job SET status = 'paused' WHERE id = ? AND {guard(JOB['pause'])}"
_RESUME = (
    "UPDATE job SET status = CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END"
    f" WHERE id = ? AND {guard(JOB['resume'])} RETURNING status"
)
_VERDICT = (
    "UPDATE job SET status = 'ending', verdict = ?, reason = CAST(? AS TEXT), verdict_by = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(JOB['verdict'])}"
)
_END = {
    move.target: f"UPDATE job SET status = '{move.target}', finished_at = ? WHERE id = ? AND {guard(move)}"
    for move in (JOB["end_failed"], JOB["end_cancelled"], JOB["succeed"])
}
_REOPEN = (
    "UPDATE job SET status = 'running', finished_at = NULL, verdict = NULL, reason = NULL,"
    f" verdict_by = NULL, started_at = coalesce(started_at, ?) WHERE id = ? AND {guard(JOB['reopen'])}"
)


def start(batch: Batch, job_ids: Iterable[int]) -> None:
    """Make jobs running whose first task was claimed, or ended without a claim."""
    for (job_id,) in batch.rows(_START, batch.wall, ids(job_ids)):
        batch.event(JOB["start"].event, Subject(job_id), actor=ENGINE)


def pause(batch: Batch, job_id: int, *, actor: str, reason: str) -> bool:
    """Stop claiming from a job; False = it is paused, ending or final."""
    if batch.run(_PAUSE, job_id) != 1:
        return False
    shut_job(batch, job_id)
    note: JsonObject = {"reason": reason} if reason else {}
    batch.event(JOB["pause"].event, Subject(job_id), actor=actor, data=note)
    return True


def resume(batch: Batch, job_id: int, *, actor: str) -> bool:
    """Claim from a paused job again, pending or running as before; False = it is not paused."""
    row = batch.one(_RESUME, job_id)
    if row is None:
        return False
    open_job(batch, job_id)
    move = JOB["resume"] if row[0] == JobStatus.RUNNING else JOB["resume_unstarted"]
    batch.event(move.event, Subject(job_id), actor=actor)
    return True


def give_verdict(batch: Batch, job_id: int, verdict: Verdict, *, actor: str) -> bool:
    """Make a job ending; False = it has its verdict, or is final."""
    if batch.run(_VERDICT, verdict.status, raw(verdict.reason), raw(actor), job_id) != 1:
        return False
    note: JsonObject = {"verdict": verdict.status, "reason": verdict.reason}
    batch.event(JOB["verdict"].event, Subject(job_id), actor=actor, data=note)
    return True


def end(batch: Batch, job_id: int, verdict: Verdict) -> None:
    move = JOB["end_failed"] if verdict.status is JobStatus.FAILED else JOB["end_cancelled"]
    _end(batch, job_id, move, {"reason": verdict.reason})


def succeed(batch: Batch, job_id: int) -> None:
    """End a job whose stages are all closed well."""
    _end(batch, job_id, JOB["succeed"], {})


def reopen(batch: Batch, job_id: int, *, actor: str) -> None:
    """Make a final job running again."""
    if batch.run(_REOPEN, batch.wall, job_id) != 1:
        raise Bug("job.refused", "a job that is not final was reopened", facts={"job": job_id})
    open_job(batch, job_id)
    batch.event(JOB["reopen"].event, Subject(job_id), actor=actor, data={"reopened": True})


def _end(batch: Batch, job_id: int, move: Move[JobStatus], note: JsonObject) -> None:
    if batch.run(_END[move.target], batch.wall, job_id) != 1:
        raise Bug("job.refused", f"a job could not {move.name}", facts={"job": job_id})
    batch.event(move.event, Subject(job_id), data=note)
    batch.report.ended_jobs.append(job_id)
