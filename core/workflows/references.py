"""Checks of every expression of a document: place, syntax, references.

Called by the validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.model.errors import Fault, Invalid
from core.model.expressions import OPENING, has_expression
from core.model.near_misses import did_you_mean, one_of
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import Reference, check_source, source_references
from core.workflows.expressions.embedded import Embedded, bare_source, split
from core.workflows.graph import ancestors
from core.workflows.outline import Outline, TaskOutline
from core.workflows.positions import DocumentPath, Positions

TASK_FIELDS = ("output", "status")
"""What an expression may ask of a task."""
JOB_FIELDS = ("id", "name")
"""What an expression may ask of the job."""


def check_references(document: JsonObject, outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Return the faults of all expressions, and of those where none is resolved."""
    outside = {key: value for key, value in document.items() if key not in _ELSEWHERE}
    yield from _misplaced(outside, (), positions)
    needs = outline.needs()
    for task in outline.tasks:
        yield from _misplaced({k: v for k, v in task.raw.items() if k not in _RESOLVED}, task.path, positions)
        within = _TaskReferences(task, outline, needs)
        for place in _texts(task.with_, (*task.path, "with")):
            for fault in within.in_text(place.text):
                yield positions.fault_at(place.path, fault.code, fault.message)
        condition = task.raw.get("when")
        if isinstance(condition, str):
            for fault in within.in_condition(condition):
                yield positions.fault_at((*task.path, "when"), fault.code, fault.message)


_ELSEWHERE = frozenset({"tasks", "stages", "description"})
"""Walked task by task, or prose."""
_RESOLVED = frozenset({"with", "when", "metadata"})
"""Where expressions are resolved, and where anything may stand."""


class _TaskReferences:
    """The expressions of one task, against what it may refer to."""

    def __init__(self, task: TaskOutline, outline: Outline, needs: dict[str, list[str]]) -> None:
        self._task = task
        self._outline = outline
        self._needs = needs
        self._before: set[str] | None = None

    def in_text(self, text: str) -> Iterator[Fault]:
        """Yield every fault of a text with expressions, without its position."""
        try:
            sources = [piece.source for piece in split(text) if isinstance(piece, Embedded)]
        except Invalid as error:
            yield Fault(code=error.code, message=error.message)
            return
        for source in sources:
            yield from self._in_source(source)

    def in_condition(self, text: str) -> Iterator[Fault]:
        """Yield every fault of a `when`, without its position."""
        try:
            source = bare_source(text)
        except Invalid as error:
            yield Fault(code=error.code, message=error.message)
            return
        yield from self._in_source(source)

    def _in_source(self, source: str) -> Iterator[Fault]:
        fault = check_source(source)
        if fault is not None:
            shown = source if len(source) <= 60 else source[:57] + "..."
            yield Fault(code=fault.code, message=f"in `{shown}`: {fault.message}")
            return
        for reference in sorted(source_references(source), key=lambda reference: str(reference.path)):
            fault = self._unresolved(reference)
            if fault is not None:
                yield fault

    def _unresolved(self, reference: Reference) -> Fault | None:
        name = str(reference.path[1]) if len(reference.path) > 1 else None
        if name is None:
            return None
        if reference.root == "params" and name not in self._outline.params:
            message = f"there is no parameter `{name}`{one_of(name, self._outline.params)}"
            return Fault(code="expression.unknown_param", message=message)
        if reference.root == "job" and name not in JOB_FIELDS:
            message = f"there is no `{name}` in `job`{one_of(name, JOB_FIELDS)}"
            return Fault(code="expression.unknown", message=message)
        return self._unresolved_task(name, reference) if reference.root == "tasks" else None

    def _unresolved_task(self, key: str, reference: Reference) -> Fault | None:
        own = self._task
        if self._before is None:
            self._before = ancestors(self._needs, own.key)
        wanted = self._outline.first.get(key)
        if wanted is None:
            near = did_you_mean(key, self._before) or did_you_mean(key, self._outline.first)
            return Fault(code="expression.unknown_task", message=f"there is no task `{key}`{near}")
        if key not in self._before and wanted.stage >= own.stage:
            message = f"`{own.key}` uses `tasks.{key}` without needing it: add `{key}` to its `needs`"
            return Fault(code="expression.not_needed", message=message)
        if len(reference.path) > 2 and reference.path[2] not in TASK_FIELDS:
            field = str(reference.path[2])
            message = f"there is no `{field}` of a task{one_of(field, TASK_FIELDS)}"
            return Fault(code="expression.unknown", message=message)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A string with an expression in it."""

    path: DocumentPath
    text: str


def _texts(value: JsonValue, path: DocumentPath) -> Iterator[_Text]:
    if not has_expression(value):
        return
    stack: list[tuple[DocumentPath, JsonValue]] = [(path, value)]
    while stack:
        at, item = stack.pop()
        if isinstance(item, dict):
            stack.extend(((*at, key), inner) for key, inner in item.items())
        elif isinstance(item, list):
            stack.extend(((*at, index), inner) for index, inner in enumerate(item))
        elif isinstance(item, str) and OPENING in item:
            yield _Text(path=at, text=item)


def _misplaced(value: JsonObject, path: DocumentPath, positions: Positions) -> Iterator[Fault]:
    for place in _texts(value, path):
        message = "expressions are resolved in `with` and `when` only"
        yield positions.fault_at(place.path, "expression.misplaced", message)
