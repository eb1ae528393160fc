"""What a purge would take or has taken, and why something stays.

Decided here for the writer and for plans alike; shown by commands and console.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from core.model.errors import NotFound
from core.model.refusals import ONCE_TAKEN, PINNED, Refusal, refuse_job, refuse_task
from core.model.text import safe_line
from core.model.values import INBOX, JsonObject, to_iso


class PurgeWhat(StrEnum):
    """What goes."""

    OUTPUTS = "outputs"
    """The attempt directories of ended tasks; their rows stay."""
    JOBS = "jobs"
    """Ended jobs as a whole: rows, history and outputs."""
    TASKS = "tasks"
    """Ended loose tasks, as jobs do."""


def purged_refusal(noun: str, number: int, *, at: int, actor: str | None, facts: JsonObject) -> NotFound:
    """Return the refusal of a job or task that was purged; `facts` are those of its event."""
    reason = f": {safe_line(str(facts['reason']))}" if facts.get("reason") else ""
    return NotFound(
        f"{noun}.purged",
        f"{noun} {number} was purged at {to_iso(at)} by {safe_line(actor or '?')}{reason}",
        hint="its rows are gone; see: taskdeck events --where 'kind:*.purged'",
        facts={noun: number, "at": to_iso(at), "by": actor, **facts},
    )


class PurgeView(Struct, frozen=True, kw_only=True):
    """A part of a purge, or of its plan: what went or would go, what stays and why, where to go on."""

    jobs: int = 0
    tasks: int = 0
    bytes: int = 0
    """What the outputs take on disk."""
    refused: tuple[Refusal, ...] = ()
    next: int | None = None
    """`after` of the next part; None = that was all."""


class JobFacts(NamedTuple):
    """A job that may be purged."""

    id: int
    name: str
    status: str
    is_final: int
    finished_at: int | None
    pinned_at: int | None
    pinned_task: int | None
    """One of its tasks that is pinned."""
    keyed_task: int | None
    """One of its tasks whose key by `once` is still taken."""
    event: int | None
    """The event of its purge, once that has begun."""
    tasks: int
    first_task: int | None
    last_task: int | None
    live_root: int | None
    """Of a child: the job above all, while that has not ended."""


class LooseFacts(NamedTuple):
    """A task that may be purged by itself."""

    id: int
    job_id: int
    status: str
    is_final: int
    pinned_at: int | None
    is_keyed: int


class OutputFacts(NamedTuple):
    """A task whose outputs may go."""

    id: int
    epoch: int
    status: str
    is_final: int
    is_over: int
    """Its job has ended, or it is loose."""
    pinned_at: int | None
    """Its own pin, or that of its job."""


_KEYED = "it goes once its key is free: see `once` of its task"


def why_job_stays(job: JobFacts) -> Refusal | None:
    """Return why a job is not purged; None = it may go. One whose purge has begun goes."""
    if job.event is not None:
        return None
    if job.id == INBOX:
        reason = "it is the inbox: its tasks go one by one (purge tasks)"
        return refuse_job(job.id, "job.inbox", reason, hint="'taskdeck purge tasks --where ...'")
    if not job.is_final:
        hint = f"'taskdeck cancel {job.id}' ends it"
        return refuse_job(job.id, "job.status", f"it is {job.status}", hint=hint, status=job.status)
    if job.live_root is not None:
        reason = f"it is a child below job {job.live_root}, which has not ended"
        hint = f"wait for that, or end it: 'taskdeck cancel {job.live_root}'"
        return refuse_job(job.id, "job.child", reason, hint=hint, root=job.live_root)
    if job.pinned_at is not None:
        return refuse_job(job.id, PINNED, "it is pinned", hint=f"'taskdeck unpin {job.id}'")
    if job.pinned_task is not None:
        reason, hint = f"its task {job.pinned_task} is pinned", f"'taskdeck unpin --task {job.pinned_task}'"
        return refuse_job(job.id, PINNED, reason, hint=hint, task=job.pinned_task)
    if job.keyed_task is not None:
        reason = f"the key by `once` of its task {job.keyed_task} is still taken"
        return refuse_job(job.id, ONCE_TAKEN, reason, hint=_KEYED, task=job.keyed_task)
    return None


def why_loose_stays(task: LooseFacts) -> Refusal | None:
    """Return why a task is not purged by itself; None = it may go."""
    if task.job_id != INBOX:
        reason = f"it is of job {task.job_id}, which goes as a whole"
        hint = f"'taskdeck purge jobs {task.job_id}'"
        return refuse_task(task.id, "task.of_job", reason, hint=hint, job=task.job_id)
    if not task.is_final:
        return _unended(task.id, task.status)
    if task.pinned_at is not None:
        return refuse_task(task.id, PINNED, "it is pinned", hint=f"'taskdeck unpin --task {task.id}'")
    if task.is_keyed:
        return refuse_task(task.id, ONCE_TAKEN, "its key by `once` is still taken", hint=_KEYED)
    return None


def why_outputs_stay(task: OutputFacts) -> Refusal | None:
    """Return why the outputs of a task are not removed; None = they may go."""
    if not task.is_final:
        return _unended(task.id, task.status)
    if not task.is_over:
        hint = f"wait for its end; 'taskdeck why --task {task.id}' names the job"
        return refuse_task(task.id, "job.status", "its job has not ended", hint=hint)
    if task.pinned_at is not None:
        hint = f"'taskdeck unpin --task {task.id}', or unpin its job"
        return refuse_task(task.id, PINNED, "it is pinned, or its job is", hint=hint)
    return None


def _unended(task_id: int, status: str) -> Refusal:
    hint = f"'taskdeck cancel --task {task_id}' ends it"
    return refuse_task(task_id, "task.status", f"it is {status}", hint=hint, status=status)
