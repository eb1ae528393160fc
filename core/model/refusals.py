"""Refusals: what verbs leave alone, why, and what to do next.

Part of the answers to commands that act on many tasks or jobs.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.status import TASK_FINAL, TaskStatus
from core.model.values import JsonObject, JsonValue

ONCE_TAKEN = "once.taken"
"""Code of a refusal: another task has the key of its `once`."""
RETRY_LIMIT = "retry.limit"
"""Code of the refusal of a task that was retried as often as it may be without force."""
PINNED = "pin.kept"
"""Code of the refusal of what is pinned."""
_NEXT = {
    TaskStatus.BLOCKED: "'taskdeck why --task {}' says what it waits for",
    TaskStatus.QUEUED: "'taskdeck why --task {}' says what it waits for",
    TaskStatus.WAITING: "'taskdeck why --task {}' says what it waits for",
    TaskStatus.RETRYING: "'taskdeck retry --task {}' runs it at once",
    TaskStatus.HELD: "'taskdeck unhold --task {}' releases it",
    TaskStatus.RUNNING: "'taskdeck cancel --task {}' ends it",
}
_RERUN = "'taskdeck retry --task {}' runs it again"


class Refusal(NamedTuple):
    """A task or job that a verb leaves as it is; but for `id` what an error says that is raised for one.

    Made by the functions below, which ask for all of it.
    """

    id: int
    reason: str
    code: str = ""
    hint: str = ""
    """What to do next."""
    facts: JsonObject = {}  # noqa: RUF012
    """The ids that it is about, `task` or `job` among them, and what else a program may want to know."""


def refuse_task(task_id: int, code: str, reason: str, *, hint: str, **facts: JsonValue) -> Refusal:
    """Say why a verb leaves a task as it is; `facts` beside its id."""
    return Refusal(task_id, reason, code, hint, {"task": task_id, **facts})


def refuse_job(job_id: int, code: str, reason: str, *, hint: str, **facts: JsonValue) -> Refusal:
    """Say why a verb leaves a job as it is; `facts` beside its id."""
    return Refusal(job_id, reason, code, hint, {"job": job_id, **facts})


def unknown_task(task_id: int) -> Refusal:
    """Refuse a task that is not there."""
    return refuse_task(
        task_id, "task.unknown", "this task does not exist", hint="'taskdeck tasks' lists them"
    )


def unknown_job(job_id: int) -> Refusal:
    """Refuse a job that is not there."""
    return refuse_job(job_id, "job.unknown", "this job does not exist", hint="'taskdeck jobs' lists them")


def misfit(task_id: int, status: TaskStatus, reason: str, *, hint: str = "") -> Refusal:
    """Refuse a task whose status does not fit the verb: `task.ended`, or `task.status` while it has not."""
    is_final = status in TASK_FINAL
    following = hint or (_RERUN if is_final else _NEXT[status]).format(task_id)
    code = "task.ended" if is_final else "task.status"
    return refuse_task(task_id, code, reason, hint=following, status=str(status))


def ended(task_id: int, status: TaskStatus) -> Refusal:
    """Refuse a task that has ended, or ends meanwhile."""
    return misfit(task_id, status, f"it is {status} already")


def misfit_job(job_id: int, status: str, reason: str) -> Refusal:
    """Refuse a job whose status does not fit the verb (`job.status`)."""
    hint = f"'taskdeck show {job_id}' says how it stands"
    return refuse_job(job_id, "job.status", reason, hint=hint, status=status)


def purged(task_id: int, job_id: int) -> Refusal:
    """Refuse a task whose job is being purged."""
    reason, hint = "its job is being purged", "submit the job again"
    return refuse_task(task_id, "job.purged", reason, hint=hint, job=job_id)


def no_orphan(task_id: int) -> Refusal:
    """Refuse a task without processes that live on by themselves."""
    reason, hint = "it is not a living orphan", "'taskdeck orphans' lists them"
    return refuse_task(task_id, "orphan.unknown", reason, hint=hint)
