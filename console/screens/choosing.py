"""Choosing: what the verbs of a task or a job act on."""

from __future__ import annotations

from console.verbs.operations import Chosen
from core.control.api import Target
from core.model.insight import OrphanView
from core.model.views import JobView, QueueView, TaskView


def chosen_task(task: TaskView) -> Chosen:
    """Return a task as the target of a verb."""
    return Chosen(
        target=Target(task_ids=(task.id,)),
        label=f"task {task.id} ({task.key})",
        off=task.status == "held",
        running=int(task.status == "running"),
    )


def chosen_job(job: JobView) -> Chosen:
    """Return a job as the target of a verb."""
    return Chosen(
        target=Target(job_id=job.id),
        label=f"job {job.id} ({job.name})",
        off=job.status == "paused",
        running=job.tasks.get("running", 0),
    )


def names_of(target: Target) -> tuple[int | str, ...]:
    """Return the ids, or the name, of what a target names one by one."""
    if target.task_ids is not None:
        return target.task_ids
    return tuple(name for name in (target.job_id, target.queue) if name is not None)


def chosen_view(view: object) -> Chosen | None:
    """Return what a row stands for as the target of a verb; None = no verb acts on such rows."""
    match view:
        case TaskView():
            return chosen_task(view)
        case JobView():
            return chosen_job(view)
        case QueueView():
            return Chosen(
                target=Target(queue=view.name), label=f"queue {view.name}", off=view.paused_at is not None
            )
        case OrphanView():
            return Chosen(target=Target(task_ids=(view.task_id,)), label=f"task {view.task_id} ({view.key})")
        case _:
            return None
