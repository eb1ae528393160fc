"""Draw a graph of tasks as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.model.plans import NeedWhen
from core.workflows.definition import Document, Stage, Task
from core.workflows.graph import Chain, critical_path, levels, longest_chain

_SHOWN = 8
"""Tasks of a wide layer that are drawn one by one; the rest is counted."""
_WIDE = 12
_EDGES = 6
_CHAIN = 12


def text_dag(document: Document, *, run_times: Mapping[str, float] | None = None) -> list[str]:
    """Return the lines of a drawing: stages, their layers, tasks with what they need, the longest chain.

    `run_times` (seconds by key) adds the critical path. Layers of more than 12 tasks are summarised.
    """
    stages = document.in_stages()
    needs = whole_graph(document)
    edges = sum(len(wanted) for wanted in needs.values())
    lines = [f"{document.name}: {_count(len(needs), 'task')}, {_count(edges, 'edge')}"]
    for number, stage in enumerate(stages, 1):
        if document.stages is not None:
            lines.append(f"stage {number} {stage.name}: {_count(len(stage.tasks), 'task')}")
        lines.extend(_stage_lines(stage))
    lines.append(_chain_line("longest chain", longest_chain(needs), unit="task"))
    if run_times:
        lines.append(_chain_line("critical path", critical_path(needs, run_times), unit="s"))
    return lines


def whole_graph(document: Document) -> dict[str, list[str]]:
    """Return the needs of every task of a document, by key."""
    tasks = (task for stage in document.in_stages() for task in stage.tasks)
    return {task.key: [need.task for need in task.needs] for task in tasks}


def _stage_lines(stage: Stage) -> Iterator[str]:
    by_key = {task.key: task for task in stage.tasks}
    inner = {key: [need.task for need in task.needs if need.task in by_key] for key, task in by_key.items()}
    layers = levels(inner)
    for number, layer in enumerate(layers, 1):
        last = number == len(layers)
        trunk, branch = ("   ", "└─ ") if last else ("│  ", "├─ ")
        shown = layer if len(layer) <= _WIDE else layer[:_SHOWN]
        for index, key in enumerate(shown):
            yield f"{branch if index == 0 else trunk}{_task_line(by_key[key])}"
        if len(shown) < len(layer):
            edges = sum(len(by_key[key].needs) for key in layer)
            rest = f"{len(layer) - len(shown)} more: layer of {len(layer)}, {edges} edges into it"
            yield f"{trunk}... and {rest}"


def _task_line(task: Task) -> str:
    marks = [need.task + (" (done)" if need.when is NeedWhen.DONE else "") for need in task.needs]
    if len(marks) > _EDGES:
        marks = [*marks[:_EDGES], f"{len(marks) - _EDGES} more"]
    condition = "?" if task.when is not None else ""
    return f"{task.key}{condition}" + (f" <- {', '.join(marks)}" if marks else "")


def _chain_line(title: str, chain: Chain, *, unit: str) -> str:
    keys = list(chain.keys)
    if len(keys) > _CHAIN:
        keys = [*keys[: _CHAIN // 2], f"({len(keys) - _CHAIN} more)", *keys[-_CHAIN // 2 :]]
    total = _count(int(chain.length), unit) if unit == "task" else f"{chain.length:.3f} {unit}"
    return f"{title}: {total}: {' -> '.join(keys)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
