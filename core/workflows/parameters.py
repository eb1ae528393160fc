"""Parameters: the declarations of a document, and the values of a job.

Used by the validation and the expansion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from core.model.errors import Fault, Invalid
from core.model.near_misses import one_of
from core.model.parameter_types import has_type, is_choice
from core.model.values import JsonObject, JsonValue
from core.workflows.definition import Param
from core.workflows.limits import survey
from core.workflows.positions import Positions
from core.workflows.scalars import read_plain
from core.workflows.written import is_other

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_RELATIVE = re.compile(r"(today|yesterday|tomorrow)\s*(?:([+-])\s*([0-9]{1,5})\s*([dw]))?", re.ASCII)
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}


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
        if param.required and "default" in param.model_fields_set:
            message = f"`{name}`: a default is not needed where a value is required"
            yield positions.fault_at((*path, "default"), "document.param", message)
        if param.type == "date" and (param.min is not None or param.max is not None):
            message = f"`{name}`: a date has neither `min` nor `max`"
            yield positions.fault_at(path, "document.param", message)
        if not param.is_required:
            reason = _mismatch(param, _json(param.default)) or _out_of_bounds(param, _json(param.default))
            if reason:
                yield positions.fault_at((*path, "default"), "document.param", f"`{name}`: {reason}")


def bind(declared: Mapping[str, Param], given: Mapping[str, JsonValue], *, today: date) -> JsonObject:
    """Return a value for every declared parameter, in their order; text is read as the type asks.

    A date may be written from `today`: `yesterday`, `today-7d`, `tomorrow + 1w`; its value is `YYYY-MM-DD`.

    Raises `Invalid` with every reason: unknown, missing, wrong type, out of bounds.
    """
    reasons = [
        f"`{name}` is not a parameter{one_of(name, declared)}" for name in given if name not in declared
    ]
    values: JsonObject = {}
    for name, param in declared.items():
        if name not in given and param.is_required:
            reasons.append(f"the parameter `{name}` ({param.type}) is missing")
            continue
        value = _convert(param, given[name]) if name in given else _json(param.default)
        reason = _mismatch(param, value) or _out_of_bounds(param, value)
        if reason:
            reasons.append(f"`{name}`: {reason}")
        values[name] = _dated(param, value, today)
    if reasons:
        facts: JsonObject = {"reasons": list[JsonValue](reasons)}
        hint = "give parameters as -p NAME=VALUE"
        raise Invalid("params.invalid", "; ".join(reasons[:20]), hint=hint, facts=facts)
    return values


def written_numbers(
    declared: Mapping[str, Param], given: Mapping[str, JsonValue], *, defaults: Mapping[str, str]
) -> dict[str, str]:
    """Return, by parameter, a number as it was written where its value would be written otherwise."""
    numbers = {name: text for name, text in defaults.items() if name not in given}
    for name, text in given.items():
        param = declared.get(name)
        if param is None or not isinstance(text, str) or param.type not in ("integer", "number"):
            continue
        value = _convert(param, text)
        if isinstance(value, int | float) and is_other(value, text.strip()):
            numbers[name] = text.strip()
    return numbers


def read_date(text: str, today: date) -> date | None:
    """Return the date that a text names, from `today` where it is relative; None for anything else."""
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        match = _RELATIVE.fullmatch(text.lower())
        if match is None:
            return None
        count = int(match[3] or 0) * (7 if match[4] == "w" else 1) * (-1 if match[2] == "-" else 1)
        return today + timedelta(days=_DAYS[match[1]] + count)
    except (ValueError, OverflowError):
        return None


def _dated(param: Param, value: JsonValue, today: date) -> JsonValue:
    if param.type != "date" or not isinstance(value, str):
        return value
    found = read_date(value, today)
    return value if found is None else found.isoformat()


def _json(value: object) -> JsonValue:
    return value  # type: ignore[return-value] # The loader made it, of nothing but JSON values.


def _convert(param: Param, value: JsonValue) -> JsonValue:
    """Read text from a command line as the type asks; what cannot be read stays text and is refused."""
    if not isinstance(value, str) or param.type == "string":
        return value
    if param.is_nullable and value.strip() in ("", "null"):
        return None
    if param.type == "date":
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
    if value is None and param.is_nullable:
        return None
    if param.type == "date" and isinstance(value, str) and read_date(value, date(2000, 1, 1)) is None:
        return f"{json.dumps(value)[:60]} is not a date: write 2026-01-31, today, yesterday or today-7d"
    if has_type(value, param.type):
        fault = survey(value)
        return fault.message if fault else None
    shown = json.dumps(value, default=repr)[:60]
    return f"{shown} is not of type {param.type}"


def _out_of_bounds(param: Param, value: JsonValue) -> str | None:
    if value is None and param.is_nullable:
        return None
    if param.enum is not None and not any(is_choice(value, _json(choice)) for choice in param.enum):
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
