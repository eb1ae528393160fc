"""Draw a graph of tasks for other programs: Mermaid, DOT.

Called by the command `graph`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from core.model.plans import NeedWhen
from core.model.text import safe_line
from core.workflows.definition import Document, Finally, Task
from core.workflows.task_marks import TaskMark, label_of, legend, marks_of

_SHAPES = {
    TaskMark.GROUP: ("[/", "/]", "box3d"),
    TaskMark.WORKFLOW: ("[[", "]]", "component"),
    TaskMark.WAITS: ("{{", "}}", "hexagon"),
}
"""How Mermaid opens and closes a node, and what DOT calls its shape; the first mark that is here counts."""
_PLAIN = ("[", "]", "box")


def mermaid_lines(document: Document) -> Iterator[str]:
    """Write a document as a Mermaid flowchart: a subgraph for each stage, dashed what is tolerated."""
    yield f"%% {_of_mermaid(document.name)}"
    yield "flowchart LR"
    for number, stage in enumerate(document.in_stages(), 1):
        yield f'  subgraph s{number}["{number} {_of_mermaid(stage.name)}"]'
        for task in stage.tasks:
            opening, closing, _ = _shape(task, document)
            label = _of_mermaid(label_of(task, document))
            yield f'    t_{task.key}{opening}"{label}"{closing}{_class(task, document)}'
        yield "  end"
        if isinstance(stage, Finally):
            yield f"  class s{number} finally"
    for task in _tasks(document):
        for need in task.needs:
            arrow = "-.->" if need.when is NeedWhen.DONE else "-->"
            yield f"  t_{need.task} {arrow} t_{task.key}"
    numbers = range(1, len(document.in_stages()) + 1)
    yield from (f"  s{before} ==> s{before + 1}" for before in numbers[:-1])
    yield "  classDef tolerated stroke-dasharray: 4 3"
    yield "  classDef finally stroke-width: 3px"
    if told := _legend(document):
        yield f"  %% {_of_mermaid(told)}"


def dot_lines(document: Document) -> Iterator[str]:
    """Write a document in the language of Graphviz: a cluster for each stage, dashed what is tolerated."""
    yield f"digraph {_of_dot(document.name)} {{"
    yield "  rankdir=LR; compound=true; node [shape=box];"
    if told := _legend(document):
        yield f"  label={_of_dot(told)};"
    for number, stage in enumerate(document.in_stages(), 1):
        style = "bold" if isinstance(stage, Finally) else "solid"
        yield f"  subgraph cluster_{number} {{ label={_of_dot(f'{number} {stage.name}')}; style={style};"
        for task in stage.tasks:
            *_, shape = _shape(task, document)
            dashed = ", style=dashed" if TaskMark.TOLERATED in marks_of(task, document) else ""
            label = _of_dot(label_of(task, document))
            yield f"    {_of_dot(task.key)} [label={label}, shape={shape}{dashed}];"
        yield "  }"
    for task in _tasks(document):
        for need in task.needs:
            loose = " [style=dotted]" if need.when is NeedWhen.DONE else ""
            yield f"  {_of_dot(need.task)} -> {_of_dot(task.key)}{loose};"
    yield from _barriers(document)
    yield "}"


def _barriers(document: Document) -> Iterator[str]:
    filled = [(number, stage) for number, stage in enumerate(document.in_stages(), 1) if stage.tasks]
    for (number, before), (following, after) in pairwise(filled):
        ends = f"ltail=cluster_{number}, lhead=cluster_{following}"
        yield f"  {_of_dot(before.tasks[0].key)} -> {_of_dot(after.tasks[0].key)} [{ends}, style=bold];"


def _tasks(document: Document) -> Iterator[Task]:
    return (task for stage in document.in_stages() for task in stage.tasks)


def _shape(task: Task, document: Document) -> tuple[str, str, str]:
    marks = marks_of(task, document)
    return next((_SHAPES[mark] for mark in marks if mark in _SHAPES), _PLAIN)


def _class(task: Task, document: Document) -> str:
    return ":::tolerated" if TaskMark.TOLERATED in marks_of(task, document) else ""


def _legend(document: Document) -> str:
    return legend({mark for task in _tasks(document) for mark in marks_of(task, document)})


def _of_mermaid(text: str) -> str:
    """Return a text as a label writes it: what Mermaid reads as its own becomes a number."""
    return "".join(
        character if character.isalnum() or character in " _-.:()?~/" else f"#{ord(character)};"
        for character in safe_line(text)
    )


def _of_dot(text: str) -> str:
    quoted = safe_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
