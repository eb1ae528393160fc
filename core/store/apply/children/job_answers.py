"""Answers of tasks that wait for the end of another job.

Called when a wait begins or goes on, when jobs are submitted, and by the consequences.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.outcomes import TaskError
from core.model.patterns.awaits import AwaitedJob, JobEnd
from core.model.status import JOB_FINAL, JobStatus
from core.model.text import safe_line
from core.model.values import INBOX, JsonObject
from core.store.apply.moves import waiting
from core.store.batch import Batch
from core.store.rows import PLACED, TaskPlace
from core.store.sql import ids, raw

_JOB = "SELECT id, name, status, reason, client_key FROM job WHERE "
_BY_ID = f"{_JOB} id = ?"
_BY_KEY = f"{_JOB} client_key = CAST(? AS TEXT)"
_BY_NAME = f"{_JOB} id > 1 AND name = CAST(? AS TEXT) AND id != ? ORDER BY id DESC LIMIT 1"
_BIND = "UPDATE awaited SET job_id = ? WHERE task_id = ?"
_BIND_KEY = "UPDATE awaited SET job_id = ? WHERE job_id IS NULL AND job_key = CAST(? AS TEXT)"
_BIND_NAME = "UPDATE awaited SET job_id = ? WHERE job_id IS NULL AND job_name = CAST(? AS TEXT)"
_WAITS = (
    f"SELECT {PLACED}, w.wanted FROM awaited w INDEXED BY awaited_job JOIN task t ON t.id = w.task_id"
    " WHERE w.is_held = 0 AND w.job_id = ? ORDER BY w.task_id LIMIT ?"
)
_WAITED_FOR = (
    "SELECT DISTINCT w.job_id FROM json_each(?) AS j CROSS JOIN awaited w INDEXED BY awaited_job"
    " ON w.is_held = 0 AND w.job_id = j.value"
)
# The alarm of what comes due takes them up at once, also after a crash.
_LATER = "UPDATE awaited SET due_at = ? WHERE is_held = 0 AND job_id = ?"

_ENDS = {"succeeded": "succeeded", "failed": "failed", "cancelled": "was cancelled"}


class _EndedJob(NamedTuple):
    """A job that may have ended."""

    id: int
    name: str
    status: JobStatus
    reason: str | None
    key: str | None

    @property
    def output(self) -> JsonObject:
        """Return what the task that waited for it gives out."""
        told: JsonObject = {"id": self.id, "name": self.name, "status": self.status}
        return {**told, "key": self.key} if self.key is not None else told


def begin(batch: Batch, place: TaskPlace, awaited: AwaitedJob) -> None:
    """Find the job that a task waits for, and answer the task at once if that has ended."""
    rows = _found(batch, place, awaited)
    if not rows and awaited.id is not None:
        message = f"job {awaited.id} does not exist"
        waiting.fail(batch, place, TaskError(code="job.unknown", message=message, facts={"job": awaited.id}))
    for row in rows:
        job = _EndedJob(*row)
        if place.job_id == job.id != INBOX:
            message = f"it would wait for the end of its own job, {job.id}"
            waiting.fail(batch, place, TaskError(code="job.own", message=message, facts={"job": job.id}))
            return
        batch.run(_BIND, job.id, place.task_id)
        if job.status in JOB_FINAL:
            _answer(batch, place, job, wanted=awaited.wanted)


def bind_new(batch: Batch, job_id: int, *, name: str, key: str | None) -> None:
    """Let tasks wait for a new job that were waiting for one of its key, or of its name."""
    batch.run(_BIND_NAME, job_id, raw(name))
    if key is not None:
        batch.run(_BIND_KEY, job_id, raw(key))


def answer_ended(batch: Batch) -> None:
    """Answer the tasks that wait for jobs which ended just now, as far as the budget goes."""
    if batch.jobs_over:
        # Most jobs are waited for by none.
        waited_for = {job_id for (job_id,) in batch.rows(_WAITED_FOR, ids(batch.jobs_over))}
        batch.jobs_over = [job_id for job_id in batch.jobs_over if job_id in waited_for]
    while batch.jobs_over and batch.budget > 0:
        job_id = batch.jobs_over.pop(0)
        waits = batch.rows(_WAITS, job_id, batch.budget)
        if len(waits) == batch.budget:
            batch.run(_LATER, batch.now, job_id)
        batch.budget -= len(waits)
        for *place, wanted in waits:
            decide(batch, TaskPlace(*place), job_id, wanted=wanted)
    put_off(batch)


def put_off(batch: Batch) -> None:
    """Let what waits for jobs whose ends nothing followed yet come due at once."""
    while batch.jobs_over:
        batch.run(_LATER, batch.now, batch.jobs_over.pop())


def decide(batch: Batch, place: TaskPlace, job_id: int, *, wanted: str) -> None:
    """Answer a task that waits for a job, if that has ended or is not there any more."""
    row = batch.one(_BY_ID, job_id)
    if row is None:
        message = f"job {job_id} has been purged; how it ended is not known"
        waiting.fail(batch, place, TaskError(code="job.unknown", message=message, facts={"job": job_id}))
        return
    job = _EndedJob(*row)
    if job.status in JOB_FINAL:
        _answer(batch, place, job, wanted=JobEnd(wanted))


def _found(batch: Batch, place: TaskPlace, awaited: AwaitedJob) -> list[tuple]:  # type: ignore[type-arg]
    if awaited.id is not None:
        return batch.rows(_BY_ID, awaited.id)
    if awaited.key is not None:
        return batch.rows(_BY_KEY, raw(awaited.key))
    return batch.rows(_BY_NAME, raw(awaited.name), place.job_id)


def _answer(batch: Batch, place: TaskPlace, job: _EndedJob, *, wanted: JobEnd) -> None:
    if wanted in (JobEnd.ENDED, job.status):
        waiting.succeed(batch, place, job.output)
        return
    why = f": {safe_line(job.reason)}" if job.reason else ""
    message = f"job {job.id} ({safe_line(job.name)}) {_ENDS[job.status]}{why}; it was to end {wanted}"
    error = TaskError(code=f"job.{job.status}", message=message, facts=job.output)
    waiting.fail(batch, place, error)
