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
    WORKFLOW = "()"
    WAITS = marks.WAITS


_MEANINGS = {
    TaskMark.CONDITIONAL: "runs under a condition",
    TaskMark.TOLERATED: "its failure is tolerated",
    TaskMark.WORKLET: "a worklet decides when it fails",
    TaskMark.GROUP: "one task for each item",
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
        TaskMark.WORKFLOW: uses == "workflow",
        TaskMark.WAITS: uses in WAITING_KINDS and uses != "workflow",
        TaskMark.CONDITIONAL: task.when is not None,
        TaskMark.TOLERATED: bool(tolerated),
        TaskMark.WORKLET: task.key in document.worklets and uses not in WAITING_KINDS,
    }
    return tuple(mark for mark, holds in found.items() if holds)


def uses_of(task: Task, document: Document) -> str:
    """Return what a task uses, by itself or by the defaults."""
    return task.uses or document.defaults.uses or ""


def label_of(task: Task, document: Document) -> str:
    """Return the key of a task with its marks, `ask:human?~`."""
    label = task.key
    for mark in marks_of(task, document):
        label += f":{uses_of(task, document)}" if mark is TaskMark.WAITS else mark
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
