"""Decide what is kept no longer.

Called by the engine's retention.
"""

from __future__ import annotations

from core.model.retention import EndedJob, EndedTask, RetentionPolicy

ABOVE, LEAST = 0.1, 0.75
"""So much above their quota, as a part of it, the removal of outputs takes only so much of its rest."""


def job_is_due(policy: RetentionPolicy, job: EndedJob, *, now: int) -> bool:
    """Return whether a job goes as a whole, by its age (`now` in ms UTC)."""
    return now - job.finished_at >= policy.of(job.name).of(job.status).rows_ms


def task_is_due(policy: RetentionPolicy, task: EndedTask, *, now: int) -> bool:
    """Return whether a loose task goes, by its age."""
    return now - task.finished_at >= policy.usual.of(task.status).rows_ms


def outputs_are_due(policy: RetentionPolicy, task: EndedTask, *, now: int) -> bool:
    """Return whether the outputs of a task go, by its age; those of a job have all ended."""
    return now - task.finished_at >= policy.of(task.workflow).of(task.status).outputs_ms


def share_of_rest(used: int, *, quota: int, before: int) -> float:
    """Return how much of its rest the removal of outputs takes: all at the quota, and ever less above it.

    None above the quota while they do not get less (`before`: what they took a moment ago): work that makes
    outputs faster than a polite removal takes them would outrun it.
    """
    if used > quota and used >= before:
        return 0.0
    return min(1.0, max(LEAST, 1.0 - (used - quota) / (ABOVE * quota)))
