"""Timelines of jobs and runs of workflows, from their rows.

Used by `ReadingControl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.timelines import RunRow, RunsView, TaskBar, TimelineView
from core.rules.timeline import critical_path, joined, segments

if TYPE_CHECKING:
    from core.store.reports import Reports


async def timeline_of(reports: Reports, job_id: int, *, offset: int = 0) -> TimelineView:
    """Return what the tasks of a job did when, from a number on; raise `NotFound`."""
    past = await reports.timelines.past(job_id, offset=offset)
    usual = await reports.run_times.of_workflow(past.job.name)
    return TimelineView(
        job=past.job,
        bars=tuple(
            TaskBar(
                task_id=task.task_id,
                key=task.key,
                stage=task.stage,
                status=task.status,
                segments=segments(task, joined(past.pauses, past.queue_pauses.get(task.queue, ()))),
                usual=usual.get(task.key),
                tolerated=task.tolerated,
                is_finally=task.is_finally,
            )
            for task in past.tasks
        ),
        critical=() if past.is_cut else critical_path(past.tasks),
        searched=len(past.tasks) if past.is_cut else None,
        first=past.first,
    )


async def runs_of(reports: Reports, workflow: str, *, limit: int) -> RunsView:
    """Return the last runs of a workflow, its tasks down, its runs across; raise `NotFound`."""
    runs = await reports.timelines.runs(workflow, limit=limit)
    usual = await reports.run_times.of_workflow(workflow)
    # In the order of the newest run; what only older runs had comes behind.
    keys = dict.fromkeys(key for job in runs.jobs for key in runs.cells[job.id])
    rows = (
        RunRow(
            key=key,
            cells=tuple(runs.cells[job.id].get(key) for job in runs.jobs),
            usual=usual.get(key),
            is_finally=key in runs.last,
        )
        for key in keys
    )
    return RunsView(workflow=workflow, runs=runs.jobs, rows=tuple(rows), tasks_cut=runs.is_cut)
