"""Warnings about `when: done` edges that can only follow a success.

Called by the validation.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.errors import Fault
from core.workflows.graph import order
from core.workflows.outline import NeedOutline, Outline, TaskOutline
from core.workflows.positions import Positions


def unreachable_conditions(outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Return a warning for each `when: done` that can follow nothing but success.

    Under `stop` the first failure ends the job, under `finish` it keeps later stages closed; only
    a need that may be skipped can still end otherwise.
    """
    skippable = _skippable(outline)
    for task in outline.tasks:
        for need in task.needs:
            if need.done and need.key not in skippable and _follows_success_only(task, need, outline):
                message = (
                    f"`when: done` never follows a failure of `{need.key}` here: `on_task_failure: "
                    f"{outline.on_task_failure}` ends the job first; use {_way_out(outline)}"
                )
                yield positions.fault_at(need.path, "warning.never_done", message)


def _follows_success_only(task: TaskOutline, need: NeedOutline, outline: Outline) -> bool:
    if outline.first[need.key].tolerated or task.is_finally:
        return False
    if outline.on_task_failure == "finish":
        return outline.first[need.key].stage < task.stage
    return outline.on_task_failure == "stop"


def _way_out(outline: Outline) -> str:
    return "`continue`" if outline.on_task_failure == "finish" else "`finish` or `continue`"


def _skippable(outline: Outline) -> set[str]:
    """Return the tasks that may be skipped, or need the success of one that may."""
    skippable: set[str] = set()
    for key in order(outline.needs()).keys:
        task = outline.first[key]
        may_skip = task.raw.get("when") is not None or task.skips or bool(task.on_failure)
        if may_skip or any(n.key in skippable for n in task.needs if not n.done):
            skippable.add(key)
    return skippable
