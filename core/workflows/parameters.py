"""Parameters: the declarations of a document, and the values of a job.

Used by the validation and the expansion.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from core.model.errors import Fault, Invalid
from core.model.near_misses import one_of
from core.model.values import JsonObject, JsonValue
from core.workflows.definition import Param
from core.workflows.limits import survey
from core.workflows.positions import Positions
from core.workflows.scalars import read_plain

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def check_declarations(params: Mapping[str, Param], positions: Positions) -> Iterator[Fault]:
    """Return the faults of declarations: defaults and choices that break their own rules."""
    for name, param in params.items():
        path = ("params", name)
        if param.min is not None and param.max is not None and param.min > param.max:
            yield positions.fault_at((*path, "min"), "document.param", f"`{name}`: min is greater than max")
        for index, choice in enumerate(param.enum or ()):
            reason = _mismatch(param, _json(choice))
            if reason:
                yield positions.fault_at((*path, "enum", index), "document.param", f"`{name}`: {reason}")
        if not param.required:
            reason = _mismatch(param, _json(param.default)) or _out_of_bounds(param, _json(param.default))
            if reason:
                yield positions.fault_at((*path, "default"), "document.param", f"`{name}`: {reason}")


def bind(declared: Mapping[str, Param], given: Mapping[str, JsonValue]) -> JsonObject:
    """Return a value for every declared parameter, in their order; text is read as the type asks.

    Raises `Invalid` with every reason: unknown, missing, wrong type, out of bounds.
    """
    reasons = [
        f"there is no parameter `{name}`{one_of(name, declared)}" for name in given if name not in declared
    ]
    values: JsonObject = {}
    for name, param in declared.items():
        if name not in given and param.required:
            reasons.append(f"the parameter `{name}` ({param.type}) is missing")
            continue
        value = _convert(param, given[name]) if name in given else _json(param.default)
        reason = _mismatch(param, value) or _out_of_bounds(param, value)
        if reason:
            reasons.append(f"`{name}`: {reason}")
        values[name] = value
    if reasons:
        facts: JsonObject = {"reasons": list[JsonValue](reasons)}
        hint = "give parameters as -p NAME=VALUE"
        raise Invalid("params.invalid", "; ".join(reasons[:20]), hint=hint, facts=facts)
    return values


def _json(value: object) -> JsonValue:
    return value  # type: ignore[return-value] # The loader made it, of nothing but JSON values.


def _convert(param: Param, value: JsonValue) -> JsonValue:
    """Read text from a command line as the type asks; what cannot be read stays text and is refused."""
    if not isinstance(value, str) or param.type == "string":
        return value
    try:
        if param.type in ("integer", "number", "boolean"):
            read = read_plain(value.strip())
        else:
            read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if survey(read) else read


def _mismatch(param: Param, value: JsonValue) -> str | None:
    wanted = _TYPES[param.type]
    if isinstance(value, wanted) and (not isinstance(value, bool) or param.type == "boolean"):
        fault = survey(value)
        return fault.message if fault else None
    shown = json.dumps(value, default=repr)[:60]
    return f"{shown} is not of type {param.type}"


def _out_of_bounds(param: Param, value: JsonValue) -> str | None:
    if param.enum is not None and not any(_same(value, _json(choice)) for choice in param.enum):
        shown = ", ".join(json.dumps(choice) for choice in param.enum[:20])
        return f"{json.dumps(value)[:60]} is none of {shown}"
    if isinstance(value, bool) or value is None:
        return None
    size, of = (value, "") if isinstance(value, int | float) else (len(value), " characters or items")
    if param.min is not None and size < param.min:
        return f"{size}{of} is less than {param.min:g}"
    if param.max is not None and size > param.max:
        return f"{size}{of} is more than {param.max:g}"
    return None


def _same(value: JsonValue, choice: JsonValue) -> bool:
    # True == 1 in Python; a choice of numbers must not let a boolean through.
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)
