"""Checks of every expression of a document: place, syntax, references.

Called by the validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.model.errors import Fault, Invalid
from core.model.estimates import AUTO
from core.model.expressions import OPENING, has_expression
from core.model.instances import EXCLUDE, INDEX, MATRIX
from core.model.near_misses import did_you_mean, one_of
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
from core.workflows.instances import item_roots
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
MISPLACED = "expressions are resolved in `with`, `when`, `cost`, `set`, `artifacts`, keys of limits, `once`"
_PARAM_FIELDS = frozenset({"type", "default", "description", "enum", "min", "max"})


def check_references(document: JsonObject, outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Return the faults of all expressions, and of those where none is resolved."""
    outside = {key: value for key, value in document.items() if key not in _ELSEWHERE}
    yield from _misplaced(outside, (), positions)
    yield from _in_schedule(document.get("schedule"), positions)
    yield from _in_outputs(document, outline, positions)
    defaults = document.get("defaults")
    shared = defaults if isinstance(defaults, dict) else {}
    unresolved = {k: v for k, v in shared.items() if k not in (*_TERMS, "cwd")}
    yield from _misplaced(unresolved, ("defaults",), positions)
    needs = outline.needs()
    kinds = _path_kinds(document)
    if outline.tasks:
        # The same for every task, whatever that needs.
        yield from _TaskReferences(outline.tasks[0], outline, needs, kinds).in_shared(shared, positions)
    for task in outline.tasks:
        yield from _misplaced({k: v for k, v in task.raw.items() if k not in _RESOLVED}, task.path, positions)
        within = _TaskReferences(task, outline, needs, kinds)
        if not _INSTANCES.isdisjoint(task.raw):
            yield from _in_instances(task, within, positions)
            within = _TaskReferences(task, outline, needs, kinds, roots=(*ROOTS, *item_roots(task)))
        answered = _TaskReferences(task, outline, needs, kinds, roots=(*ROOTS, *item_roots(task), *ANSWER))
        yield from _of_answer(task, answered, positions)
        for place in texts_in(_without_poll(task.with_), (*task.path, "with")):
            for fault in within.in_text(place.text):
                yield positions.fault_at(place.path, fault.code, fault.message)
        for term in _terms(task, shared):
            for place in texts_in(term.value, term.path):
                for fault in within.in_text(place.text, term.wanted):
                    yield positions.fault_at(place.path, fault.code, fault.message)
        yield from within.in_data(positions)
        yield from _in_once(task, within, positions)
        condition = task.raw.get("when")
        if isinstance(condition, str):
            for fault in within.in_condition(condition):
                yield positions.fault_at((*task.path, "when"), fault.code, fault.message)


def _in_once(task: TaskOutline, within: _TaskReferences, positions: Positions) -> Iterator[Fault]:
    once = task.raw.get("once")
    for place in texts_in(once if isinstance(once, dict) else {"key": once}, (*task.path, "once")):
        # Only a mapping has the step `key`.
        at = place.path if isinstance(once, dict) else (*task.path, "once")
        for fault in within.in_once(place):
            yield positions.fault_at(at, fault.code, fault.message)


def _in_instances(task: TaskOutline, within: _TaskReferences, positions: Positions) -> Iterator[Fault]:
    """Yield the faults of what says which instances there are: it is worked out before there is an item."""
    for name in ("for_each", "matrix"):
        for place in texts_in(task.raw.get(name), (*task.path, name)):
            for fault in within.in_text(place.text):
                yield positions.fault_at(place.path, fault.code, fault.message)


def _without_poll(with_: JsonObject) -> JsonObject:
    """Return an input without what is worked out over an answer: those expressions are looked at apart."""
    poll = with_.get("poll")
    if not isinstance(poll, dict):
        return with_
    return {**with_, "poll": {key: value for key, value in poll.items() if key not in _OF_ANSWER}}


def _of_answer(task: TaskOutline, within: _TaskReferences, positions: Positions) -> Iterator[Fault]:
    """Yield every fault of the expressions of a `poll`, which may use what the answer says."""
    poll = task.with_.get("poll")
    for key in _OF_ANSWER if isinstance(poll, dict) else ():
        text = poll.get(key) if isinstance(poll, dict) else None
        if isinstance(text, str):
            faults = within.in_condition(text) if key == "until" else within.in_text(text)
            for fault in faults:
                yield positions.fault_at((*task.path, "with", "poll", key), fault.code, fault.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The kinds that an expression may give, and how a fault calls them."""

    kinds: frozenset[Kind]
    code: str
    what: str


_BOOLEAN = _Wanted(
    kinds=frozenset({"bool"}),
    code="expression.not_boolean",
    what="true or false: compare it with something",
)
_KEY = _Wanted(
    kinds=frozenset({"string", "int", "double"}),
    code="expression.not_text",
    what="a text",
)
_AMOUNT = _Wanted(
    kinds=frozenset({"string", "int", "double"}),
    code="expression.not_number",
    what="a number",
)
ANSWER = ("status", "headers", "json", "text")
"""What `poll` may ask of an answer, besides all else."""
_OF_ANSWER = ("until", "url")
"""What of a `poll` is worked out over an answer."""
_ELSEWHERE = frozenset(
    {"defaults", "tasks", "stages", "finally", "description", "schedule", "variables", "outputs"}
)
"""Walked task by task, or prose."""
_TERMS = ("limits", "cost")
"""Where expressions are resolved in tasks and defaults."""
_INSTANCES = frozenset({"for_each", "matrix"})
"""Where expressions say which instances there are."""
_RESOLVED = frozenset({"with", "when", "once", "set", "artifacts", "metadata", *_TERMS, *_INSTANCES})
"""Where expressions are resolved, and where anything may stand."""


class _TaskReferences:
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
        self, text: str, wanted: _Wanted | None = None, *, more: tuple[str, ...] = ()
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
        yield from self._in_source(source, _BOOLEAN)

    def in_data(self, positions: Positions) -> Iterator[Fault]:
        """Yield every fault of what the task sets, where its own output is known as well, and leaves."""
        raw, path = self._task.raw, self._task.path
        if "set" in raw:
            for place in texts_in(raw["set"], (*path, "set")):
                for fault in self.in_text(place.text, more=OF_SET):
                    yield positions.fault_at(place.path, fault.code, fault.message)
        if "artifacts" in raw:
            for place in texts_in(raw["artifacts"], (*path, "artifacts")):
                for fault in self.in_text(place.text, _KEY):
                    yield positions.fault_at(place.path, fault.code, fault.message)

    def in_once(self, place: PlacedText) -> Iterator[Fault]:
        """Yield every fault of the key of `once`: it is worked out when the job is submitted."""
        if place.path[-1] != "key":
            yield Fault(code="expression.misplaced", message=MISPLACED)
            return
        faults = list(self.in_text(place.text, _KEY))
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
        self, source: str, wanted: _Wanted | None = None, *, more: tuple[str, ...] = ()
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


def _path_kinds(document: JsonObject) -> PathKinds:
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
        if path == (INDEX,):
            return "int"
        if path[0] in ("env", "secrets") and len(path) == 2:
            return "string"
        return unknown_kinds(path) or kinds.get(path)

    return kind_of_path


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """What a task says of limits or costs, or its defaults for it."""

    path: DocumentPath
    value: JsonValue
    wanted: _Wanted


def _terms(task: TaskOutline, defaults: JsonObject) -> Iterator[_Term]:
    """Yield what stands for a task: keys of its own limits or else the defaults, costs of both by unit."""
    own, path = (task.raw, task.path) if "limits" in task.raw else (defaults, ("defaults",))
    limits = own.get("limits")
    for number, use in enumerate(limits if isinstance(limits, list) else ()):
        key = use.get("key") if isinstance(use, dict) else None
        yield _Term(path=(*path, "limits", number, "key"), value=key, wanted=_KEY)
    cost, shared = task.raw.get("cost"), defaults.get("cost")
    yield _Term(path=(*task.path, "cost"), value=cost, wanted=_AMOUNT)
    if isinstance(shared, dict) and cost != AUTO:
        units = cost if isinstance(cost, dict) else {}
        rest = {unit: amount for unit, amount in shared.items() if unit not in units}
        yield _Term(path=("defaults", "cost"), value=rest, wanted=_AMOUNT)


def _in_outputs(document: JsonObject, outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Yield the faults of what the document gives out: it may ask for every task."""
    after = TaskOutline(
        path=("outputs",), key="", stage=len(outline.tasks) + 1, needs=(), uses=None, with_={}, raw={}
    )
    within = _TaskReferences(after, outline, {}, unknown_kinds, roots=("params", "tasks", "job"))
    for place in texts_in(document.get("outputs"), ("outputs",)):
        for fault in within.in_text(place.text):
            yield positions.fault_at(place.path, fault.code, fault.message)


def _in_schedule(schedule: JsonValue, positions: Positions) -> Iterator[Fault]:
    """Yield expressions of a schedule where none is resolved: its parameters may ask for `fire.at`."""
    if isinstance(schedule, dict):
        others = {key: value for key, value in schedule.items() if key != "params"}
        yield from _misplaced(others, ("schedule",), positions)


def _misplaced(value: JsonObject, path: DocumentPath, positions: Positions) -> Iterator[Fault]:
    for place in texts_in(value, path):
        yield positions.fault_at(place.path, "expression.misplaced", MISPLACED)
