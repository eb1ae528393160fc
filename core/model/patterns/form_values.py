"""Forms of work items: declarations, and the values given.

Used by the connector `human`, by the store and by every door that fills a form.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from core.model.errors import Invalid
from core.model.expressions import has_expression
from core.model.near_misses import did_you_mean, one_of
from core.model.parameter_types import has_type, is_choice
from core.model.patterns.work_items import ANSWER_BYTES, FIELDS_MAX, OF_ITEM
from core.model.patterns.workflow_views import ParamView
from core.model.stored_text import read_stored
from core.model.values import JsonObject, JsonValue, json_size

TYPES = ("boolean", "integer", "number", "string")
"""Types of fields."""
KEYS = ("type", "required", "default", "enum", "min", "max", "description")
"""What a field may say of itself."""
_NAME_MAX = 64
_TEXT_MAX = 1_000
_CHOICES_MAX = 100
_SHOWN = 60


class FormFault(NamedTuple):
    """What is wrong with the declaration of a form, and where."""

    path: tuple[str | int, ...]
    message: str


def form_faults(declared: Mapping[str, JsonValue]) -> Iterator[FormFault]:
    """Return the faults of a declaration; values with an expression are passed over."""
    if len(declared) > FIELDS_MAX:
        yield FormFault((), f"a form has at most {FIELDS_MAX} fields, not {len(declared)}")
        return
    for name, field in declared.items():
        for path, message in _faults_of(name, field):
            yield FormFault((name, *path), f"`{_short(name)}`: {message}")


def read_form(declared: Mapping[str, JsonValue]) -> tuple[ParamView, ...]:
    """Return the fields of a declaration without faults, in their order."""
    return tuple(_field(name, field) for name, field in declared.items())


def form_json(form: Sequence[ParamView]) -> JsonValue:
    """Return the fields of a form as they are stored."""
    fields: JsonValue = msgspec.to_builtins(form)
    return fields


def form_of(text: str) -> tuple[ParamView, ...]:
    """Return the fields of the form of a row; raise `Invalid` (`item.unreadable`), whatever stands there."""
    return read_stored(
        lambda stored: msgspec.convert(json.loads(stored), tuple[ParamView, ...]),
        text,
        code="item.unreadable",
        what="the form of a work item",
        hint="its row is damaged: deny it, end its task, or restore a backup",
    )


def lacking_defaults(form: Iterable[ParamView]) -> list[str]:
    """Return the fields that must be given, because nothing stands for them."""
    return [field.name for field in form if field.required]


def bind_form(form: Sequence[ParamView], given: Mapping[str, JsonValue]) -> JsonObject:
    """Return a value for every field, in their order; text is read as the type of its field asks.

    A field without a value and without a default is null. Raises `Invalid` (`item.form`) with every reason.
    """
    names = [field.name for field in form]
    reasons = [f"`{_short(name)}` is not a field{one_of(name, names)}" for name in given if name not in names]
    values: JsonObject = {}
    for field in form:
        if field.required and _is_missing(given.get(field.name)):
            reasons.append(f"the field `{field.name}` ({field.type}) is missing")
            continue
        value = _read(field, given[field.name]) if field.name in given else field.default
        fault = None if value is None and not field.required else _value_fault(field, value)
        if fault is not None:
            reasons.append(f"`{field.name}`: {fault}")
        values[field.name] = value
    if not reasons and json_size(values) > ANSWER_BYTES:
        reasons.append(f"the values have more than {ANSWER_BYTES:,} bytes as JSON")
    if reasons:
        facts: JsonObject = {"reasons": list[JsonValue](reasons[:20])}
        hint = "give the fields as --set NAME=VALUE; 'taskdeck workitems show ID' lists them"
        raise Invalid("item.form", "; ".join(reasons[:20]), hint=hint, facts=facts)
    return values


def differences(standing: Mapping[str, JsonValue], given: Mapping[str, JsonValue]) -> list[str]:
    """Return the fields in which two sets of values differ."""
    return [
        name
        for name, value in given.items()
        if name not in standing
        or value != standing[name]
        or isinstance(value, bool) != isinstance(standing[name], bool)
    ]


def _faults_of(name: str, field: JsonValue) -> Iterator[FormFault]:
    if not name.isidentifier() or not name.isascii() or len(name) > _NAME_MAX:
        yield FormFault((), f"a name has at most {_NAME_MAX} letters, digits and `_`, a letter first")
    elif name == OF_ITEM:
        yield FormFault((), "this name is taken: the output says there who answered")
    if isinstance(field, str):
        yield from _type_faults((), field)
    elif not isinstance(field, dict):
        yield FormFault((), f"write a type or a map with `type`, one of {', '.join(TYPES)}")
    else:
        yield from _map_faults(field)


def _map_faults(field: JsonObject) -> Iterator[FormFault]:
    for key in field:
        if key not in KEYS:
            yield FormFault((key,), f"`{_short(key)}`: unknown key{did_you_mean(key, KEYS)}")
    kind = field.get("type", "string")
    faults = [*_type_faults(("type",), kind), *_bound_faults(field)]
    yield from faults
    if faults or has_expression(kind):
        return
    yield from _choice_faults(field)
    if field.get("required") is True and "default" in field:
        yield FormFault(("default",), "a default is not needed where a value is required")
    read = ParamView(
        name="", type=str(kind), required=False, min=_bound(field, "min"), max=_bound(field, "max")
    )
    choices = field.get("enum") if isinstance(field.get("enum"), list) else []
    for index, choice in enumerate(choices if isinstance(choices, list) else []):
        fault = None if has_expression(choice) else _value_fault(read, choice)
        if fault is not None:
            yield FormFault(("enum", index), fault)
    default = field.get("default")
    if default is not None and not has_expression(default) and not has_expression(choices):
        fault = _value_fault(_field("", field), default)
        if fault is not None:
            yield FormFault(("default",), fault)


def _type_faults(path: tuple[str, ...], kind: JsonValue) -> Iterator[FormFault]:
    if kind in TYPES or has_expression(kind):
        return
    shown = json.dumps(kind)[:_SHOWN]
    near = did_you_mean(kind, TYPES) if isinstance(kind, str) else ""
    yield FormFault(path, f"{shown} is not a type of fields: {', '.join(TYPES)}{near}")


def _bound_faults(field: JsonObject) -> Iterator[FormFault]:
    for key in ("min", "max"):
        value = field.get(key)
        if value is None or has_expression(value):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield FormFault((key,), f"`{key}` is a number")
            return
    low, high = _bound(field, "min"), _bound(field, "max")
    if low is not None and high is not None and low > high:
        yield FormFault(("min",), "min is greater than max")
    if field.get("type") == "boolean" and (low is not None or high is not None):
        yield FormFault((), "a boolean has neither `min` nor `max`")


def _choice_faults(field: JsonObject) -> Iterator[FormFault]:
    choices, required, text = field.get("enum"), field.get("required"), field.get("description")
    is_known = choices is None or has_expression(choices)
    if not is_known and not (isinstance(choices, list) and 1 <= len(choices) <= _CHOICES_MAX):
        yield FormFault(("enum",), f"`enum` is a list of 1 to {_CHOICES_MAX} values")
    if required is not None and not isinstance(required, bool):
        yield FormFault(("required",), "`required` is true or false")
    if text is not None and (not isinstance(text, str) or len(text) > _TEXT_MAX):
        yield FormFault(("description",), f"`description` is a text of at most {_TEXT_MAX} characters")


def _field(name: str, field: JsonValue) -> ParamView:
    if not isinstance(field, dict):
        return ParamView(name=name, type=str(field), required=True)
    choices, required = field.get("enum"), field.get("required")
    default = field.get("default")
    return ParamView(
        name=name,
        type=str(field.get("type", "string")),
        required=default is None and required is not False,
        default=default,
        min=_bound(field, "min"),
        max=_bound(field, "max"),
        choices=tuple(choices) if isinstance(choices, list) else (),
        description=str(field.get("description") or ""),
    )


def _bound(field: JsonObject, key: str) -> float | None:
    value = field.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _read(field: ParamView, value: JsonValue) -> JsonValue:
    """Read a text as its type asks; what cannot be read stays as it is, and is refused."""
    if not isinstance(value, str) or field.type == "string":
        return value
    if not value.strip() and not field.required:
        return None
    try:
        read: JsonValue = json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return value
    return read if isinstance(read, int | float) else value


def _value_fault(field: ParamView, value: JsonValue) -> str | None:
    shown = json.dumps(value)[:_SHOWN]
    if not has_type(value, field.type):
        return f"{shown} is not of type {field.type}"
    if isinstance(value, float) and not math.isfinite(value):
        return "it is not a finite number"
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return "it has more than 64 bits"
    if field.choices and not any(is_choice(value, choice) for choice in field.choices):
        return f"{shown} is none of {', '.join(json.dumps(choice) for choice in field.choices[:20])}"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    size, of = (len(value), " characters") if isinstance(value, str) else (value, "")
    if field.min is not None and size < field.min:
        return f"{size}{of} is less than {field.min:g}"
    if field.max is not None and size > field.max:
        return f"{size}{of} is more than {field.max:g}"
    return None


def _is_missing(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."


def _refuse(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")
