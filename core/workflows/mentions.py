"""Check every expression of a document: may it stand there, can it be read, does it refer to something."""

from __future__ import annotations

from collections.abc import Iterator

from core.model.errors import Fault, Invalid
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions import Fence, check_source, has_fence, split, unfence
from core.workflows.expressions.checking import Reference, source_references
from core.workflows.expressions.fences import OPENING
from core.workflows.graph import ancestors
from core.workflows.marks import Marks
from core.workflows.nearmiss import did_you_mean, one_of
from core.workflows.placing import fault_at
from core.workflows.sketch import Path, Sketch, TaskSketch

TASK_FIELDS = ("output", "status")
"""What an expression may ask of a task."""
JOB_FIELDS = ("id", "name")
"""What an expression may ask of the job."""


def check_mentions(document: JsonObject, sketch: Sketch, marks: Marks) -> Iterator[Fault]:
    """Return the faults of all expressions, and of those where none is resolved."""
    outside = {key: value for key, value in document.items() if key not in _ELSEWHERE}
    yield from _misplaced(outside, (), marks)
    needs = sketch.needs()
    for task in sketch.tasks:
        yield from _misplaced({k: v for k, v in task.raw.items() if k not in _RESOLVED}, task.path, marks)
        within = _Mentions(task, sketch, needs)
        for path, text in _texts(task.with_, (*task.path, "with")):
            for code, message in within.of_text(text):
                yield fault_at(code, message, path, marks)
        condition = task.raw.get("when")
        if isinstance(condition, str):
            for code, message in within.of_condition(condition):
                yield fault_at(code, message, (*task.path, "when"), marks)


_ELSEWHERE = frozenset({"tasks", "stages", "description"})
"""Walked task by task, or prose."""
_RESOLVED = frozenset({"with", "when", "metadata"})
"""Where expressions are resolved, and where anything may stand."""


class _Mentions:
    """The expressions of one task, against what it may refer to."""

    def __init__(self, task: TaskSketch, sketch: Sketch, needs: dict[str, list[str]]) -> None:
        self._task = task
        self._sketch = sketch
        self._needs = needs
        self._before: set[str] | None = None

    def of_text(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield code and message of every fault in a text with expressions."""
        try:
            sources = [piece.source for piece in split(text) if isinstance(piece, Fence)]
        except Invalid as error:
            yield error.code, error.message
            return
        for source in sources:
            yield from self._of_source(source)

    def of_condition(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield code and message of every fault in a `when`."""
        try:
            source = unfence(text)
        except Invalid as error:
            yield error.code, error.message
            return
        yield from self._of_source(source)

    def _of_source(self, source: str) -> Iterator[tuple[str, str]]:
        fault = check_source(source)
        if fault is not None:
            shown = source if len(source) <= 60 else source[:57] + "..."
            yield fault.code, f"in `{shown}`: {fault.message}"
            return
        for reference in sorted(source_references(source), key=lambda found: str(found.path)):
            found = self._of_reference(reference)
            if found is not None:
                yield found

    def _of_reference(self, reference: Reference) -> tuple[str, str] | None:
        name = str(reference.path[1]) if len(reference.path) > 1 else None
        if name is None:
            return None
        if reference.root == "params" and name not in self._sketch.params:
            known = self._sketch.params
            return "expression.unknown_param", f"there is no parameter `{name}`{one_of(name, known)}"
        if reference.root == "job" and name not in JOB_FIELDS:
            return "expression.unknown", f"there is no `{name}` in `job`{one_of(name, JOB_FIELDS)}"
        return self._of_task(name, reference) if reference.root == "tasks" else None

    def _of_task(self, key: str, reference: Reference) -> tuple[str, str] | None:
        own = self._task
        if self._before is None:
            self._before = ancestors(self._needs, own.key)
        wanted = self._sketch.first.get(key)
        if wanted is None:
            near = did_you_mean(key, self._before) or did_you_mean(key, self._sketch.first)
            return "expression.unknown_task", f"there is no task `{key}`{near}"
        if key not in self._before and wanted.stage >= own.stage:
            message = f"`{own.key}` uses `tasks.{key}` without needing it: add `{key}` to its `needs`"
            return "expression.not_needed", message
        if len(reference.path) > 2 and reference.path[2] not in TASK_FIELDS:
            field = str(reference.path[2])
            return "expression.unknown", f"there is no `{field}` of a task{one_of(field, TASK_FIELDS)}"
        return None


def _texts(value: JsonValue, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield every string with a fence, and where it stands."""
    if not has_fence(value):
        return
    stack: list[tuple[Path, JsonValue]] = [(path, value)]
    while stack:
        at, item = stack.pop()
        if isinstance(item, dict):
            stack.extend(((*at, key), inner) for key, inner in item.items())
        elif isinstance(item, list):
            stack.extend(((*at, index), inner) for index, inner in enumerate(item))
        elif isinstance(item, str) and OPENING in item:
            yield at, item


def _misplaced(value: JsonObject, path: Path, marks: Marks) -> Iterator[Fault]:
    for at, _text in _texts(value, path):
        message = "expressions are resolved in `with` and `when` only"
        yield fault_at("expression.misplaced", message, at, marks)
