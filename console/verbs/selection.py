"""Selection: the targets of a verb, made from rows and pages.

Made by the screens, passed to the operations.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.control.api import Target
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.orphans import OrphanView
from core.model.views import JobView, QueueView, TaskView


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a verb acts on, as it was when the operator asked: keys, never places in a list.

    A verb on several jobs or queues is asked once for each: `target` is the first, `more` are the others.
    """

    target: Target
    label: str
    """What a single target is called: `task 7 (parse)`."""
    is_paused: bool = False
    """It is paused or held: pause and hold release it."""
    more: tuple[Target, ...] = ()
    running: int | None = None
    """How many tasks of it run, as far as the screen knows; None = it does not."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return all of them."""
        return (self.target, *self.more)


def task_selection(task: TaskView) -> Selection:
    """Return a task as the target of a verb."""
    return Selection(
        target=Target(task_ids=(task.id,)),
        label=f"task {task.id} ({task.key})",
        is_paused=task.status == "held",
        # Of a group its instances run, and a row that is a moment old does not say which.
        running=int(task.status == "running") if task.instances is None else None,
    )


def job_selection(job: JobView) -> Selection:
    """Return a job as the target of a verb."""
    return Selection(
        target=Target(job_id=job.id),
        label=f"job {job.id} ({job.name})",
        is_paused=job.status == "paused",
        running=job.tasks.get("running", 0),
    )


def tasks_of(selection: Selection) -> Filter:
    """Return the tasks that a selection stands for: named ones, those of jobs or queues, or of its filter."""
    first = selection.target
    if first.filter is not None:
        left_out = In(field="id", values=first.excluding, negated=True)
        return Filter(noun=Noun.TASKS, terms=(*first.filter.terms, *([left_out] if first.excluding else ())))
    field = "id" if first.task_ids is not None else "job" if first.job_id is not None else "queue"
    names = tuple(name for target in selection.targets for name in names_of(target))
    return Filter(noun=Noun.TASKS, terms=(In(field=field, values=names),))


def names_of(target: Target) -> tuple[int | str, ...]:
    """Return the ids, or the name, of what a target names one by one."""
    if target.task_ids is not None:
        return target.task_ids
    return tuple(name for name in (target.job_id, target.queue) if name is not None)


def selection_of(view: object) -> Selection | None:
    """Return what a row stands for as the target of a verb; None = no verb acts on such rows."""
    match view:
        case TaskView():
            return task_selection(view)
        case JobView():
            return job_selection(view)
        case QueueView():
            return Selection(
                target=Target(queue=view.name),
                label=f"queue {view.name}",
                is_paused=view.paused_at is not None,
            )
        case OrphanView():
            return Selection(
                target=Target(task_ids=(view.task_id,)), label=f"task {view.task_id} ({view.key})"
            )
        case _:
            return None
