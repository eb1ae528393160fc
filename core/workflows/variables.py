"""Variables of a document: first values, and tasks that set them.

Used by the validation and the expansion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

from core.model.errors import Fault, Invalid
from core.model.expressions import has_expression
from core.model.near_misses import one_of
from core.model.patterns.variables import NOT_SET, VariablePlan, value_fault
from core.model.ports import Checks
from core.model.values import JsonObject, JsonValue
from core.workflows.data_fields import Variable, declared
from core.workflows.expressions.checking import check_source, references
from core.workflows.expressions.embedded import Embedded, split
from core.workflows.expressions.resolving import resolve
from core.workflows.graph import order
from core.workflows.outline import Outline, is_group, outline_of
from core.workflows.positions import DocumentPath, Positions
from core.workflows.task_references import texts_in
from core.workflows.written import Texts, write_scalar

_NUMBERS = ("integer", "number")


def first_variables(variables: Mapping[str, Variable], params: JsonObject) -> tuple[VariablePlan, ...]:
    """Return the variables of a job with the values they begin with.

    Raises `Invalid` (`expression.*`, `variable.type`, `variable.size`) for a value that parameters make.
    """
    plans = []
    for name, variable in variables.items():
        value = resolve(cast("JsonValue", variable.value), {"params": params}, ("variables", name))
        fault = value_fault(value, variable.type)
        if fault is not None:
            message = f"the variable `{name}`: {fault.reason}"
            hint = "fix its value, or the parameters"
            raise Invalid(f"{NOT_SET}.{fault.code}", message, hint=hint, facts={"variable": name})
        plans.append(VariablePlan(name=name, type=variable.type, value=value))
    return tuple(plans)


def keep_variable_texts(document: JsonObject, texts: Texts) -> None:
    """Put the written text in the place of numbers that would be written otherwise; changes the document.

    A variable of numbers keeps numbers.
    """
    variables = _mapping(document.get("variables"))
    if not variables:
        return
    for name, said in variables.items():
        if isinstance(said, dict):
            if "value" in said and said.get("type") not in _NUMBERS:
                _keep(said, "value", texts, is_text=said.get("type") == "string")
        else:
            _keep(variables, name, texts, is_text=False)
    for task in outline_of(document).tasks:
        _keep_set_texts(task.raw, variables, texts)


def _keep_set_texts(task: JsonObject, variables: JsonObject, texts: Texts) -> None:
    said = _mapping(task.get("set"))
    for name in said:
        known = variables.get(name)
        type_ = known.get("type") if isinstance(known, dict) else None
        if type_ not in _NUMBERS:
            _keep(said, name, texts, is_text=type_ == "string")


def untyped_variables(document: JsonObject, texts: Texts, positions: Positions) -> Iterator[Fault]:
    """Warn of first values that look like numbers and are kept, or written, in another way."""
    variables = _mapping(document.get("variables"))
    for name, said in variables.items():
        holder, step = (said, "value") if isinstance(said, dict) else (variables, name)
        text = texts.get(id(holder), {}).get(step)
        value = holder.get(step)
        if text is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        path = ("variables", name, "value") if holder is said else ("variables", name)
        if isinstance(said, dict) and said.get("type") in _NUMBERS:
            message = f"`{name}` is a number, and written as {write_scalar(value)} where it becomes text"
        elif isinstance(said, dict) and "type" in said:
            continue
        else:
            message = f"`{name}` begins with the text {text}: say `type: string`, or `type: number`"
        yield positions.fault_at(path, "document.untyped", message)


def variable_faults(
    document: JsonObject, outline: Outline, positions: Positions, checks: Checks
) -> Iterator[Fault]:
    """Return the faults of variables: first values, unknown names, parallel writers."""
    variables = _mapping(document.get("variables"))
    for name, said in variables.items():
        yield from _first_fault(name, said, positions)
    yield from _in_variables(variables, outline, positions)
    setters = [task for task in outline.tasks if "set" in task.raw]
    for task in setters:
        for name in _mapping(task.raw["set"]):
            if name not in outline.variables:
                message = f"`{name}` is not a variable{one_of(name, outline.variables)}"
                path = (*task.path, "set", name)
                yield positions.fault_at_key(path, "document.unknown_variable", message)
        if task.uses in checks.names() and checks.waits(str(task.uses)):
            message = f"a task that uses `{task.uses}` sets no variables: let the task that needs it do so"
            yield positions.fault_at_key((*task.path, "set"), "document.set_waits", message)
        if is_group(task.raw):
            message = (
                f"the instances of `{task.key}` would all set the same: let the task that needs them do so"
            )
            yield positions.fault_at_key((*task.path, "set"), "document.parallel_set", message)
    if len(setters) > 1:
        yield from _parallel(outline, positions)


def _in_variables(variables: JsonValue, outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Yield the faults of the values that variables begin with: they may use `params` only."""
    for place in texts_in(variables, ("variables",)):
        try:
            pieces = split(place.text)
        except Invalid as error:
            yield positions.fault_at(place.path, error.code, error.message)
            continue
        for piece in pieces:
            fault = check_source(piece.source) if isinstance(piece, Embedded) else None
            if fault is not None:
                yield positions.fault_at(place.path, fault.code, fault.message)
        for path in sorted((reference.path for reference in references(place.text)), key=str):
            if path[0] != "params":
                message = "a variable begins with what `params` say: it may use nothing else"
                yield positions.fault_at(place.path, "expression.too_early", message)
            elif len(path) > 1 and path[1] not in outline.params:
                message = f"`{path[1]}` is not a parameter{one_of(str(path[1]), outline.params)}"
                yield positions.fault_at(place.path, "expression.unknown_param", message)


def _first_fault(name: str, said: JsonValue, positions: Positions) -> Iterator[Fault]:
    path: DocumentPath = ("variables", name, "value") if isinstance(said, dict) else ("variables", name)
    whole = declared(said)
    value = whole.get("value") if isinstance(whole, dict) else None
    type_ = whole.get("type") if isinstance(whole, dict) else None
    fault = None if has_expression(value) else value_fault(value, type_ if isinstance(type_, str) else None)
    if fault is not None:
        yield positions.fault_at(path, "document.variable", f"`{name}`: {fault.reason}")


def _parallel(outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Name tasks that set the same variable while neither waits for the other."""
    writers: dict[str, set[str]] = {}
    for task in outline.first.values():
        for name in _mapping(task.raw.get("set")):
            writers.setdefault(name, set()).add(task.key)
    shared = {name: keys for name, keys in writers.items() if len(keys) > 1}
    if not shared:
        return
    needs = outline.needs()
    keys = sorted(order(needs).keys, key=lambda key: outline.first[key].stage)
    for name, listed in shared.items():
        for one, other in _beside(keys, listed, outline, needs):
            message = (
                f"`{one}` and `{other}` may run at the same time and both set `{name}`:"
                " let one need the other, or set it in a task that needs both"
            )
            path = (*outline.first[other].path, "set", name)
            yield positions.fault_at_key(path, "document.parallel_set", message)


def _beside(
    keys: Sequence[str], writers: Collection[str], outline: Outline, needs: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str]]:
    """Yield each writer that is in no order with the one before it, in an order that fits all needs.

    Writers are in one line exactly where each of them comes after the one before it.
    """
    line: list[str] = []
    after: dict[str, int] = {}
    floor, stage = 0, -1
    for key in keys:
        if outline.first[key].stage != stage:
            floor, stage = len(line), outline.first[key].stage
        behind = max((after.get(need, 0) for need in needs[key]), default=0)
        after[key] = max(behind, floor)
        if key in writers:
            if after[key] < len(line):
                yield line[-1], key
            line.append(key)
            after[key] = len(line)


def _keep(holder: JsonObject, step: str, texts: Texts, *, is_text: bool) -> None:
    """Keep texts of a value and of all below it; numbers of a text become texts whatever they look like."""
    pending: list[tuple[JsonValue, str | int]] = [(holder, step)]
    while pending:
        at, key = pending.pop()
        value = at[key]  # type: ignore[index] # A step of this mapping or list.
        if isinstance(value, dict):
            pending.extend((value, inner) for inner in value)
        elif isinstance(value, list):
            pending.extend((value, inner) for inner in range(len(value)))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            text = texts.get(id(at), {}).get(key)
            if text is not None or is_text:
                at[key] = write_scalar(value) if text is None else text  # type: ignore[index]


def _mapping(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
