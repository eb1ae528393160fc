"""Decide what is kept no longer.

Called by the engine's retention.
"""

from __future__ import annotations

from core.model.retention import EndedJob, EndedTask, RetentionPolicy


def job_is_due(policy: RetentionPolicy, job: EndedJob, *, now: int) -> bool:
    """Return whether a job goes as a whole, by its age (`now` in ms UTC)."""
    return now - job.finished_at >= policy.of(job.name).of(job.status).rows_ms


def task_is_due(policy: RetentionPolicy, task: EndedTask, *, now: int) -> bool:
    """Return whether a loose task goes, by its age."""
    return now - task.finished_at >= policy.usual.of(task.status).rows_ms


def outputs_are_due(policy: RetentionPolicy, task: EndedTask, *, now: int) -> bool:
    """Return whether the outputs of a task go, by its age; those of a job have all ended."""
    return now - task.finished_at >= policy.of(task.workflow).of(task.status).outputs_ms
