"""Draw a graph of tasks as lines of text.

Called by the commands `check` and `graph`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.model.plans import NeedWhen
from core.model.text import SafeText, cells, safe_line
from core.render.graph.drawing import draw_graph, labelled_lines
from core.render.graph.layering import Band, Node
from core.workflows.definition import Document, Stage, Task
from core.workflows.graph import Chain, critical_path, levels, longest_chain
from core.workflows.task_marks import TaskMark, label_of, legend, marks_of, worklets_of

_SHOWN = 8
"""Tasks of a wide layer that are drawn one by one; the rest is counted."""
_WIDE = 12
_EDGES = 6
_CHAIN = 12
_DRAWN = 200
"""Tasks up to which a graph is drawn with lines, if it is not too wide."""


def text_dag(
    document: Document, *, run_times: Mapping[str, float] | None = None, width: int = 80
) -> list[str]:
    """Return the lines of a drawing: stages side by side with their edges, then the longest chain.

    What is wider than `width`, or has more than 200 tasks, is listed: stages, their layers, tasks with
    what they need; layers of more than 12 tasks are summarised. `run_times` (seconds by key) adds the
    critical path.
    """
    needs = whole_graph(document)
    edges = sum(len(wanted) for wanted in needs.values())
    lines = [f"{document.name}: {_count(len(needs), 'task')}, {_count(edges, 'edge')}"]
    lines.extend((_picture_lines(document, width) if len(needs) <= _DRAWN else ()) or _listing(document))
    marks = {
        mark for stage in document.in_stages() for task in stage.tasks for mark in marks_of(task, document)
    }
    lines.extend(filter(None, [legend(marks - {TaskMark.CONDITIONAL})]))
    lines.extend(_worklet_lines(document))
    lines.append(_chain_line("longest chain", longest_chain(needs), unit="task"))
    if run_times:
        lines.append(_chain_line("critical path", critical_path(needs, run_times), unit="s"))
    return lines


def whole_graph(document: Document) -> dict[str, list[str]]:
    """Return the needs of every task of a document, by key."""
    tasks = (task for stage in document.in_stages() for task in stage.tasks)
    return {task.key: [need.task for need in task.needs] for task in tasks}


def _picture_lines(document: Document, width: int) -> list[str]:
    """Return stages, tasks and edges as a picture; nothing if it is too wide."""
    tasks = [task for stage in document.in_stages() for task in stage.tasks]
    labels = {task.key: safe_line(label_of(task, document)) for task in tasks}
    titles = [safe_line(f"{number} {stage.name}") for number, stage in enumerate(document.in_stages(), 1)]
    titles = titles if document.is_staged else [SafeText("")]
    picture = draw_graph(
        [
            Band(title=title, nodes=tuple(_node(task, labels[task.key]) for task in stage.tasks))
            for title, stage in zip(titles, document.in_stages(), strict=True)
        ]
    )
    if picture.width > width:
        return []
    first = 0 if document.is_staged else 1
    loose = [
        _task_line(task, document) for task in tasks if any(need.when is NeedWhen.DONE for need in task.needs)
    ]
    return [*labelled_lines(picture, titles, labels)[first:], *loose]


def _node(task: Task, label: str) -> Node:
    return Node(key=task.key, width=cells(label), needs=tuple(need.task for need in task.needs))


def _listing(document: Document) -> Iterator[str]:
    for number, stage in enumerate(document.in_stages(), 1):
        if document.is_staged:
            yield f"stage {number} {stage.name}: {_count(len(stage.tasks), 'task')}"
        yield from _stage_lines(stage, document)


def _stage_lines(stage: Stage, document: Document) -> Iterator[str]:
    by_key = {task.key: task for task in stage.tasks}
    inner = {key: [need.task for need in task.needs if need.task in by_key] for key, task in by_key.items()}
    layers = levels(inner)
    for number, layer in enumerate(layers, 1):
        last = number == len(layers)
        trunk, branch = ("   ", "└─ ") if last else ("│  ", "├─ ")
        shown = layer if len(layer) <= _WIDE else layer[:_SHOWN]
        for index, key in enumerate(shown):
            yield f"{branch if index == 0 else trunk}{_task_line(by_key[key], document)}"
        if len(shown) < len(layer):
            edges = sum(len(by_key[key].needs) for key in layer)
            rest = f"{len(layer) - len(shown)} more: layer of {len(layer)}, {edges} edges into it"
            yield f"{trunk}... and {rest}"


def _task_line(task: Task, document: Document) -> str:
    edges = [need.task + (" (done)" if need.when is NeedWhen.DONE else "") for need in task.needs]
    if len(edges) > _EDGES:
        edges = [*edges[:_EDGES], f"{len(edges) - _EDGES} more"]
    return label_of(task, document) + (f" <- {', '.join(edges)}" if edges else "")


def _worklet_lines(document: Document) -> Iterator[str]:
    """Name each worklet after the tasks about whose failure it decides."""
    keys: dict[str, list[str]] = {}
    for key, named in worklets_of(document).items():
        keys.setdefault(named, []).append(key)
    for named, of in keys.items():
        more = [f"{len(of) - _EDGES} more"] if len(of) > _EDGES else []
        yield f"on failure: {', '.join([*of[:_EDGES], *more])} -> {safe_line(named)}"


def _chain_line(title: str, chain: Chain, *, unit: str) -> str:
    keys = list(chain.keys)
    if len(keys) > _CHAIN:
        keys = [*keys[: _CHAIN // 2], f"({len(keys) - _CHAIN} more)", *keys[-_CHAIN // 2 :]]
    total = _count(int(chain.length), unit) if unit == "task" else f"{chain.length:.3f} {unit}"
    return f"{title}: {total}: {' -> '.join(keys)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
