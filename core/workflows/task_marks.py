"""Marks of tasks in drawings: what is not an ordinary task.

Used by the drawings of documents, as text, Mermaid and DOT.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from core.render.graph import marks
from core.render.graph.marks import WAITING_KINDS
from core.workflows.definition import Document, Task


class TaskMark(StrEnum):
    """What a task is besides; its value stands behind the key."""

    CONDITIONAL = "?"
    TOLERATED = marks.TOLERATED
    WORKLET = "!"
    GROUP = "[]"
    PAIRED = "="
    WORKFLOW = "()"
    WAITS = marks.WAITS


_MEANINGS = {
    TaskMark.CONDITIONAL: "runs under a condition",
    TaskMark.TOLERATED: "its failure is tolerated",
    TaskMark.WORKLET: "a worklet decides when it fails",
    TaskMark.GROUP: "one task for each item",
    TaskMark.PAIRED: "each after the one for the same item",
    TaskMark.WORKFLOW: "another workflow",
    TaskMark.WAITS: "KIND waits outside a slot",
}


def marks_of(task: Task, document: Document) -> tuple[TaskMark, ...]:
    """Return the marks of a task, in the order in which they stand behind its key."""
    uses = uses_of(task, document)
    tolerated = task.continue_on_error
    if tolerated is None:
        tolerated = document.defaults.continue_on_error
    found = {
        TaskMark.GROUP: task.is_group,
        TaskMark.PAIRED: any(need.each for need in task.needs),
        TaskMark.WORKFLOW: uses == "workflow",
        TaskMark.WAITS: waits_by(task, document) not in ("", "workflow"),
        TaskMark.CONDITIONAL: task.when is not None,
        TaskMark.TOLERATED: bool(tolerated),
        TaskMark.WORKLET: task.key in document.worklets and uses not in WAITING_KINDS,
    }
    return tuple(mark for mark, holds in found.items() if holds)


def uses_of(task: Task, document: Document) -> str:
    """Return what a task uses, by itself or by the defaults."""
    return task.uses or document.defaults.uses or ""


def waits_by(task: Task, document: Document) -> str:
    """Return how a task waits outside a slot, `poll` for looks of a call; '' = it does not."""
    uses = uses_of(task, document)
    if uses in WAITING_KINDS:
        return uses
    return "poll" if uses == "http" and "poll" in task.with_ else ""


def label_of(task: Task, document: Document) -> str:
    """Return the key of a task with its marks, `ask:human?~`."""
    label = task.key
    for mark in marks_of(task, document):
        label += f":{waits_by(task, document)}" if mark is TaskMark.WAITS else mark
    return label


def worklets_of(document: Document) -> dict[str, str]:
    """Return what is named as the worklets of tasks, by key."""
    tasks = (task for stage in document.in_stages() for task in stage.tasks)
    return {
        task.key: document.worklets[task.key].named
        for task in tasks
        if TaskMark.WORKLET in marks_of(task, document)
    }


def legend(occurring: Collection[TaskMark]) -> str:
    """Say what these marks mean; '' = there are none."""
    told = (
        f"{':KIND' if mark is TaskMark.WAITS else mark} {_MEANINGS[mark].removeprefix('KIND ')}"
        for mark in TaskMark
        if mark in occurring
    )
    return "  ".join(told)
