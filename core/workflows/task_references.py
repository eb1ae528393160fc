"""The expressions of one task, against what it may refer to.

Used by the references of documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.model.errors import Fault, Invalid
from core.model.expressions import OPENING, has_expression
from core.model.near_misses import did_you_mean, one_of
from core.model.patterns.instances import EXCLUDE, INDEX, MATRIX
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import (
    OF_SET,
    ROOTS,
    Reference,
    fault_of,
    kind_of_source,
    references,
    source_references,
)
from core.workflows.expressions.embedded import Embedded, bare_source, split
from core.workflows.expressions.faults import ExpressionFault
from core.workflows.expressions.inference import PathKinds, unknown_kinds
from core.workflows.expressions.kinds import Kind, with_article
from core.workflows.expressions.paths import Path
from core.workflows.graph import ancestors
from core.workflows.outline import Outline, TaskOutline, is_group
from core.workflows.positions import DocumentPath, Positions

TASK_FIELDS = ("output", "status", "error", "artifacts")
"""What an expression may ask of a task."""
GROUP_FIELDS = ("outputs", "gaps")
"""What it may ask of a task with instances besides."""
ARTIFACT_FIELDS = ("path", "paths", "size", "hash", "files")
"""What an expression may ask of an artifact."""
ERROR_FIELDS = ("code", "message")
"""What an expression may ask of the error of a task."""
FAILURE_FIELDS = (*ERROR_FIELDS, "exit", "task")
"""What the worklet of a task may ask of the failure."""
JOB_FIELDS = ("id", "name", "verdict")
"""What an expression may ask of the job."""
_KINDS: dict[Path, Kind] = {("job", "id"): "int", ("job", "name"): "string", ("job", "verdict"): "string"}
_PARAM_KINDS = {
    "string": "string",
    "date": "string",
    "integer": "int",
    "boolean": "bool",
    "array": "list",
    "object": "map",
}
MISPLACED = (
    "expressions are resolved in `with`, `when`, `cost`, `set`, `artifacts`, keys of limits, `once`,"
    " `params` and `when` of `on_failure`"
)
_PARAM_FIELDS = frozenset({"type", "default", "description", "enum", "min", "max"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The kinds that an expression may give, and how a fault calls them."""

    kinds: frozenset[Kind]
    code: str
    what: str


A_BOOLEAN = Wanted(
    kinds=frozenset({"bool"}),
    code="expression.not_boolean",
    what="true or false: compare it with something",
)
A_KEY = Wanted(
    kinds=frozenset({"string", "int", "double"}),
    code="expression.not_text",
    what="a text",
)
AN_AMOUNT = Wanted(
    kinds=frozenset({"string", "int", "double"}),
    code="expression.not_number",
    what="a number",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedText:
    """A string with an expression in it."""

    path: DocumentPath
    text: str


def texts_in(value: JsonValue, path: DocumentPath) -> Iterator[PlacedText]:
    """Yield the strings with an expression in a value, each with its place below the path."""
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
            yield PlacedText(path=at, text=item)


class TaskReferences:
    """The expressions of one task, against what it may refer to."""

    def __init__(
        self,
        task: TaskOutline,
        outline: Outline,
        needs: dict[str, list[str]],
        kinds: PathKinds,
        *,
        roots: tuple[str, ...] = ROOTS,
    ) -> None:
        self._task = task
        self._outline = outline
        self._needs = needs
        self._kinds = kinds
        self._before: set[str] | None = None
        self._roots = roots

    def in_text(
        self, text: str, wanted: Wanted | None = None, *, more: tuple[str, ...] = ()
    ) -> Iterator[Fault]:
        """Yield every fault of a text with expressions, without its position.

        One that is the whole text has to give what is `wanted`.
        """
        try:
            pieces = split(text)
        except Invalid as error:
            yield Fault(code=error.code, message=error.message)
            return
        for piece in pieces:
            if isinstance(piece, Embedded):
                yield from self._in_source(piece.source, wanted if len(pieces) == 1 else None, more=more)

    def in_condition(self, text: str) -> Iterator[Fault]:
        """Yield every fault of a `when`, without its position."""
        try:
            source = bare_source(text)
        except Invalid as error:
            yield Fault(code=error.code, message=error.message)
            return
        yield from self._in_source(source, A_BOOLEAN)

    def in_data(self, positions: Positions) -> Iterator[Fault]:
        """Yield every fault of what the task sets, where its own output is known as well, and leaves."""
        raw, path = self._task.raw, self._task.path
        if "set" in raw:
            for place in texts_in(raw["set"], (*path, "set")):
                for fault in self.in_text(place.text, more=OF_SET):
                    yield positions.fault_at(place.path, fault.code, fault.message)
        if "artifacts" in raw:
            for place in texts_in(raw["artifacts"], (*path, "artifacts")):
                for fault in self.in_text(place.text, A_KEY):
                    yield positions.fault_at(place.path, fault.code, fault.message)

    def in_once(self, place: PlacedText) -> Iterator[Fault]:
        """Yield every fault of the key of `once`: it is worked out when the job is submitted."""
        if place.path[-1] != "key":
            yield Fault(code="expression.misplaced", message=MISPLACED)
            return
        faults = list(self.in_text(place.text, A_KEY))
        yield from faults
        if not faults and any(reference.root != "params" for reference in references(place.text)):
            message = "the key of `once` is worked out when the job is submitted: it may use `params` only"
            yield Fault(code="expression.too_early", message=message)

    def in_shared(self, defaults: JsonObject, positions: Positions) -> Iterator[Fault]:
        """Yield every fault of the `cwd` that all tasks share: it may use `params` only."""
        for place in texts_in(defaults.get("cwd"), ("defaults", "cwd")):
            faults = list(self.in_text(place.text))
            if not faults and {reference.root for reference in references(place.text)} - {"params"}:
                faults = [Fault(code="expression.not_shared", message="`cwd` here may use `params` only")]
            for fault in faults:
                yield positions.fault_at(place.path, fault.code, fault.message)

    def _in_source(
        self, source: str, wanted: Wanted | None = None, *, more: tuple[str, ...] = ()
    ) -> Iterator[Fault]:
        shown = source if len(source) <= 60 else source[:57] + "..."
        try:
            kind = kind_of_source(source, self._kinds, roots=(*self._roots, *more))
        except ExpressionFault as error:
            faulty = fault_of(error, source)
            yield Fault(code=faulty.code, message=f"in `{shown}`: {faulty.message}")
            return
        if wanted and kind is not None and kind not in wanted.kinds:
            message = f"`{shown}` is {with_article(kind)}, not {wanted.what}"
            yield Fault(code=wanted.code, message=message)
        for reference in sorted(source_references(source), key=lambda reference: str(reference.path)):
            fault = self._unresolved(reference)
            if fault is not None:
                yield fault

    def _unresolved(self, reference: Reference) -> Fault | None:
        name = str(reference.path[1]) if len(reference.path) > 1 else None
        if name is None:
            return None
        if reference.root == "params" and name not in self._outline.params:
            message = f"`{name}` is not a parameter{one_of(name, self._outline.params)}"
            return Fault(code="expression.unknown_param", message=message)
        if reference.root == "vars" and name not in self._outline.variables:
            message = f"`{name}` is not a variable{one_of(name, self._outline.variables)}"
            return Fault(code="expression.unknown_variable", message=message)
        if reference.root == "job" and name not in JOB_FIELDS:
            message = f"`{name}` is not a field of `job`{one_of(name, JOB_FIELDS)}"
            return Fault(code="expression.unknown", message=message)
        if reference.root == "job" and name == "verdict" and not self._task.is_finally:
            message = "`job.verdict` is known in `finally` only"
            return Fault(code="expression.too_early", message=message)
        if reference.root == "error" and name not in FAILURE_FIELDS:
            message = f"`{name}` is not a field of the failure{one_of(name, FAILURE_FIELDS)}"
            return Fault(code="expression.unknown", message=message)
        if reference.root == MATRIX and name not in (axes := _axes(self._task)):
            message = f"`{name}` is not an axis of this matrix{one_of(name, axes)}"
            return Fault(code="expression.unknown", message=message)
        return self._unresolved_task(name, reference) if reference.root == "tasks" else None

    def _unresolved_task(self, key: str, reference: Reference) -> Fault | None:
        own = self._task
        if self._before is None:
            self._before = ancestors(self._needs, own.key)
        wanted = self._outline.first.get(key)
        if wanted is None:
            near = did_you_mean(key, self._before) or did_you_mean(key, self._outline.first)
            return Fault(code="expression.unknown_task", message=f"`{key}` is not a task{near}")
        if key not in self._before and wanted.stage >= own.stage:
            message = f"`{own.key}` uses `tasks.{key}` without needing it: add `{key}` to its `needs`"
            return Fault(code="expression.not_needed", message=message)
        is_one = any(need.each and need.key == key for need in own.needs)
        fields = (*TASK_FIELDS, *GROUP_FIELDS) if is_group(wanted.raw) and not is_one else TASK_FIELDS
        if len(reference.path) > 2 and reference.path[2] not in fields:
            field = str(reference.path[2])
            if field in GROUP_FIELDS and is_one:
                message = (
                    f"`tasks.{key}` is one instance here, that of its index: ask for `tasks.{key}.output`"
                )
                return Fault(code="expression.one_instance", message=message)
            if field in GROUP_FIELDS:
                message = f"`{key}` has no instances: ask for `tasks.{key}.output`"
                return Fault(code="expression.unknown", message=message)
            message = f"`{field}` is not a field of a task{one_of(field, fields)}"
            return Fault(code="expression.unknown", message=message)
        if reference.path[2:3] == ("artifacts",) and len(reference.path) > 3:
            return _unresolved_artifact(wanted, reference.path[3:])
        if reference.path[2:3] == ("error",) and len(reference.path) > 3:
            return self._unresolved_error(str(reference.path[3]))
        return None

    def _unresolved_error(self, field: str) -> Fault | None:
        if field in ERROR_FIELDS:
            return None
        message = f"`{field}` is not a field of an error{one_of(field, ERROR_FIELDS)}"
        return Fault(code="expression.unknown", message=message)


def _axes(task: TaskOutline) -> list[str]:
    matrix = task.raw.get("matrix")
    return [name for name in matrix if name != EXCLUDE] if isinstance(matrix, dict) else []


def _unresolved_artifact(wanted: TaskOutline, path: Path) -> Fault | None:
    said = wanted.raw.get("artifacts")
    known = said if isinstance(said, dict) else {}
    name = str(path[0])
    if name not in known:
        message = f"`{name}` is not an artifact of `{wanted.key}`{one_of(name, known)}"
        return Fault(code="expression.unknown", message=message)
    if len(path) > 1 and path[1] not in ARTIFACT_FIELDS:
        message = f"`{path[1]}` is not a field of an artifact{one_of(str(path[1]), ARTIFACT_FIELDS)}"
        return Fault(code="expression.unknown", message=message)
    return None


def path_kinds(document: JsonObject) -> PathKinds:
    """Return what the declarations of a document say of the kinds of paths."""
    declared = document.get("params")
    kinds: dict[Path, Kind] = {**_KINDS}
    for name, param in declared.items() if isinstance(declared, dict) else ():
        # A declaration of any other form may let null through: nothing is known then.
        if not isinstance(param, dict) or not _PARAM_FIELDS.issuperset(param):
            continue
        type_, default = param.get("type", "string"), param.get("default", "")
        if isinstance(type_, str) and type_ in _PARAM_KINDS and default is not None:
            kinds["params", name] = _PARAM_KINDS[type_]

    def kind_of_path(path: Path) -> Kind | None:
        if path[0] == "tasks" and path[2:] == ("status",):
            return "string"
        if path[0] == "tasks" and path[2:] == ("error",):
            return "map"
        if path[0] == "tasks" and len(path) == 3 and path[2] in GROUP_FIELDS:
            return "list"
        if path in ((INDEX,), ("attempt",)):
            return "int"
        if path[0] == "error" and len(path) == 2 and path[1] != "exit":
            return "string"
        if path[0] in ("env", "secrets") and len(path) == 2:
            return "string"
        return unknown_kinds(path) or kinds.get(path)

    return kind_of_path
