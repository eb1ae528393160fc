"""Moves of jobs: start, pause, resume, verdict, end, reopen.

Called by the claim, the ends of jobs, reruns and the operators' commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from core.model.decisions import Verdict
from core.model.errors import Bug
from core.model.status import JOB, TASK_FINAL, JobStatus, Move, TaskStatus
from core.model.values import JsonObject
from core.store.apply.children.child_places import give_back, stop_waiting
from core.store.apply.claims.lanes import open_job, shut_job
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import guard, ids, pack, raw

_START = (
    "UPDATE job SET status = 'running', started_at = coalesce(started_at, ?),"
    " vtime = coalesce(j.value->>1, vtime) FROM json_each(?) AS j"
    f" WHERE job.id = j.value->>0 AND {guard(JOB['start'], 'job.status')} RETURNING id"
)
_SHARE = "UPDATE job SET vtime = ? WHERE id = ?"
_PAUSE = (
    "UPDATE job SET status = 'paused', paused_at = ?, paused_by = CAST(? AS TEXT),"
    " pause_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(JOB['pause'])}"
)
_NOT_PAUSED = "paused_at = NULL, paused_by = NULL, pause_reason = NULL"
_RESUME = (
    f"UPDATE job SET {_NOT_PAUSED}, status = CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END"
    f" WHERE id = ? AND {guard(JOB['resume'])} RETURNING status"
)
_VERDICT = (
    "UPDATE job SET status = 'ending', verdict = ?, reason = CAST(? AS TEXT), verdict_by = CAST(? AS TEXT),"
    f" verdict_task = ?, verdict_ends = ?, {_NOT_PAUSED} WHERE id = ? AND {guard(JOB['verdict'])}"
)
_END = {
    move.target: f"UPDATE job SET status = '{move.target}', finished_at = ?, {_NOT_PAUSED}"
    f" WHERE id = ? AND {guard(move)}"
    for move in (JOB["end_failed"], JOB["end_cancelled"], JOB["succeed"])
}
_SUCCEED_MANY = (
    f"UPDATE job SET status = 'succeeded', finished_at = ?, {_NOT_PAUSED} FROM json_each(?) AS j"
    f" WHERE job.id = j.value AND {guard(JOB['succeed'], 'job.status')}"
)
_CUT = (
    "UPDATE job SET finishing = 2 WHERE id = ? AND status = 'ending' AND finishing < 2"
    " AND EXISTS (SELECT 1 FROM stage s WHERE s.job_id = job.id AND s.is_finally AND s.open_tasks > 0)"
)
_REOPEN = (
    "UPDATE job SET status = 'running', finished_at = NULL, verdict = NULL, reason = NULL,"
    " verdict_by = NULL, verdict_task = NULL, verdict_ends = NULL, finishing = 0,"
    f" started_at = coalesce(started_at, ?) WHERE id = ? AND {guard(JOB['reopen'])}"
)


def start(batch: Batch, job_ids: Iterable[int]) -> None:
    """Make jobs running whose first task was claimed, or ended without a claim."""
    _start(batch, dict.fromkeys(job_ids))


def claim(batch: Batch, job_ids: Iterable[int], vtimes: Mapping[int, int]) -> None:
    """Make jobs running of which tasks were claimed; those whose share that is get these virtual times."""
    # A job that starts is written once: so are most of those that have one task.
    started = _start(batch, {**dict.fromkeys(job_ids), **vtimes})
    batch.many(_SHARE, [(vtime, job_id) for job_id, vtime in vtimes.items() if job_id not in started])


def _start(batch: Batch, vtimes: Mapping[int, int | None]) -> set[int]:
    """Make jobs running that are pending; return them."""
    started = batch.rows(_START, batch.wall, pack([[job_id, vtime] for job_id, vtime in vtimes.items()]))
    for (job_id,) in started:
        batch.job_moved(job_id, JOB["start"])
    return {job_id for (job_id,) in started}


def pause(batch: Batch, job_id: int, cause: Cause) -> bool:
    """Stop claiming from a job; False = it is paused, ending or final."""
    before = _status(batch, job_id)
    moved = batch.run(_PAUSE, batch.wall, raw(cause.actor), raw(cause.reason or None), job_id)
    if before is None or moved != 1:
        return False
    shut_job(batch, job_id)
    batch.job_moved(job_id, JOB["pause"].leaving(before), actor=cause.actor, data=cause.note)
    return True


def resume(batch: Batch, job_id: int, cause: Cause) -> bool:
    """Claim from a paused job again, pending or running as before; False = it is not paused."""
    row = batch.one(_RESUME, job_id)
    if row is None:
        return False
    open_job(batch, job_id)
    move = JOB["resume"] if row[0] == JobStatus.RUNNING else JOB["resume_unstarted"]
    batch.job_moved(job_id, move, actor=cause.actor, data=cause.note)
    return True


def mark_paused_above(batch: Batch, job_id: int, *, is_above: bool) -> None:
    """Note that a job above this one is paused, or none is any more; its own pause stays as it is."""
    batch.run("UPDATE job SET paused_above = ? WHERE id = ?", int(is_above), job_id)
    if is_above:
        shut_job(batch, job_id)
    else:
        open_job(batch, job_id)
    batch.event("job.paused_above" if is_above else "job.resumed_above", Subject(job_id))


def begin_finally(batch: Batch, job_id: int) -> None:
    """Note that the stage `finally` of a job is open: its tasks are claimed, whatever the verdict."""
    batch.run("UPDATE job SET finishing = 1 WHERE id = ? AND finishing = 0", job_id)


def cut_finally(batch: Batch, job_id: int, cause: Cause) -> bool:
    """Note that `finally` of an ending job ends with the rest; False = that was so, or it has none."""
    if batch.run(_CUT, job_id) != 1:
        return False
    batch.event("finally.cut", Subject(job_id), actor=cause.actor, data=cause.note)
    return True


def give_verdict(
    batch: Batch, job_id: int, verdict: Verdict, *, actor: str | None, spared: int | None = None
) -> bool:
    """Make a job ending; False = it has its verdict, or is final. The stage that is `spared` goes on."""
    before = _status(batch, job_id)
    counts = Counter(batch.task_counts("job", job_id))
    if spared is not None:
        counts.subtract(batch.task_counts("stage", spared))
    # How many it ends is known now; later some of them have ended by themselves.
    ends = sum(number for status, number in counts.items() if status not in TASK_FINAL)
    row = (verdict.status, raw(verdict.reason), raw(actor), verdict.task_id, ends)
    if batch.run(_VERDICT, *row, job_id) != 1 or before is None:
        return False
    stop_waiting(batch, job_id)
    note: JsonObject = {"verdict": verdict.status, "reason": verdict.reason, "ends": ends}
    if running := counts.get(TaskStatus.RUNNING):
        note["running"] = running
    if verdict.task_id is not None:
        note["task"] = verdict.task_id
    batch.job_moved(job_id, JOB["verdict"].leaving(before), actor=actor, data=note)
    return True


def end(batch: Batch, job_id: int, verdict: Verdict) -> None:
    move = JOB["end_failed"] if verdict.status is JobStatus.FAILED else JOB["end_cancelled"]
    (ended,) = batch.rows("SELECT verdict_ends FROM job WHERE id = ?", job_id)[0]
    _end(batch, job_id, move, {"reason": verdict.reason, "ended": ended})


def succeed(batch: Batch, job_id: int) -> None:
    """End a job whose stages are all closed well."""
    _end(batch, job_id, JOB["succeed"], {})


def succeed_many(batch: Batch, before: Mapping[int, JobStatus]) -> None:
    """End jobs whose stages are all closed well, by the status that each has; none has a place."""
    if batch.run(_SUCCEED_MANY, batch.wall, ids(before)) != len(before):
        raise Bug("job.refused", "a job could not succeed", facts={"jobs": [*before]})
    for job_id, status in before.items():
        batch.job_moved(job_id, JOB["succeed"].leaving(status))
    batch.report.ended_jobs.extend(before)
    batch.jobs_over.extend(before)


def reopen(batch: Batch, job_id: int, cause: Cause) -> None:
    """Make a final job running again."""
    before = _status(batch, job_id)
    if batch.run(_REOPEN, batch.wall, job_id) != 1 or before is None:
        raise Bug("job.refused", "a job that is not final was reopened", facts={"job": job_id})
    open_job(batch, job_id)
    note: JsonObject = {"reopened": True, **cause.note}
    batch.job_moved(job_id, JOB["reopen"].leaving(before), actor=cause.actor, data=note)


def _status(batch: Batch, job_id: int) -> JobStatus | None:
    row = batch.one("SELECT status FROM job WHERE id = ?", job_id)
    return None if row is None else JobStatus(row[0])


def _end(batch: Batch, job_id: int, move: Move[JobStatus], note: JsonObject) -> None:
    before = _status(batch, job_id)
    if batch.run(_END[move.target], batch.wall, job_id) != 1 or before is None:
        raise Bug("job.refused", f"a job could not {move.name}", facts={"job": job_id})
    give_back(batch, job_id)
    batch.job_moved(job_id, move.leaving(before), data=note)
    batch.report.ended_jobs.append(job_id)
    batch.jobs_over.append(job_id)
