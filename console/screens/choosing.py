"""Choosing: what the verbs of a task act on."""

from __future__ import annotations

from console.operations import Chosen
from core.control.api import Target
from core.model.views import TaskView


def chosen_task(task: TaskView) -> Chosen:
    """Return a task as the target of a verb."""
    return Chosen(
        target=Target(task_ids=(task.id,)), label=f"task {task.id} ({task.key})", off=task.status == "held"
    )
