"""Warn of edges that wait for an end which their job will never see."""

from __future__ import annotations

from collections.abc import Iterator

from core.model.errors import Fault
from core.workflows.graph import order
from core.workflows.marks import Marks
from core.workflows.placing import fault_at
from core.workflows.sketch import NeedSketch, Sketch, TaskSketch


def blind_conditions(sketch: Sketch, marks: Marks) -> Iterator[Fault]:
    """Return a warning for each `when: done` that can follow nothing but success.

    Under `stop` the first failure ends the job, under `finish` it keeps later stages closed; only
    a need that may be skipped can still end otherwise.
    """
    skippable = _skippable(sketch)
    for task in sketch.tasks:
        for need in task.needs:
            if need.done and need.key not in skippable and _is_blind(task, need, sketch):
                message = (
                    f"`when: done` never follows a failure of `{need.key}` here: `on_task_failure: "
                    f"{sketch.on_task_failure}` ends the job first; use {_way_out(sketch)}"
                )
                yield fault_at("warning.never_done", message, need.path, marks)


def _is_blind(task: TaskSketch, need: NeedSketch, sketch: Sketch) -> bool:
    if sketch.on_task_failure == "finish":
        return sketch.first[need.key].stage < task.stage
    return sketch.on_task_failure == "stop"


def _way_out(sketch: Sketch) -> str:
    return "`continue`" if sketch.on_task_failure == "finish" else "`finish` or `continue`"


def _skippable(sketch: Sketch) -> set[str]:
    """Return the tasks that have a `when`, or need the success of one that may be skipped."""
    found: set[str] = set()
    for key in order(sketch.needs())[0]:
        task = sketch.first[key]
        if task.raw.get("when") is not None or any(n.key in found for n in task.needs if not n.done):
            found.add(key)
    return found
