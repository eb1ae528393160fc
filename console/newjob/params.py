"""Fields for the parameters of a form, and their typed values.

Used by the form of a new job.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.model.errors import Invalid
from core.model.parameter_types import has_type, is_choice
from core.model.patterns.workflow_views import ParamView
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject, JsonValue

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_LEAST, _MOST = -(2**63), 2**64 - 1
_WANTED = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a JSON list, like [1, 2]",
    "object": 'a JSON object, like {"key": 1}',
    "date": "a date, like 2026-01-31, today or today-7d",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A line of a form."""

    name: str
    label: SafeText
    note: SafeText
    text: str = ""
    """The initial text."""
    options: tuple[str, ...] = ()
    """The choices of a picker; empty = anything may be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormValues:
    """The values of a form, and a sentence for each field that is wrong."""

    values: JsonObject
    faults: Mapping[str, SafeText]


def prefilled(params: Iterable[ParamView], given: Mapping[str, JsonValue]) -> tuple[ParamView, ...]:
    """Return the parameters with the values of an earlier job as their defaults."""
    return tuple(
        replace(param, default=given[param.name]) if param.name in given else param for param in params
    )


def field_of(param: ParamView) -> FormField:
    """Return the field of a parameter, prefilled with its default."""
    text = _initial_text(param, param.default)
    options = tuple(_as_text(param, value) for value in _choices(param))
    missing = ("",) if options and text not in options else ()
    return FormField(
        name=param.name,
        label=safe_line(f"{param.name}  ({_described(param)})"),
        note=safe_line(param.description),
        text=text,
        options=missing + options,
    )


def read_values(params: Iterable[ParamView], texts: Mapping[str, str]) -> FormValues:
    """Read what was typed for each parameter; a default that was not changed is left out."""
    values: JsonObject = {}
    faults: dict[str, SafeText] = {}
    for param in params:
        text = texts.get(param.name, "")
        if not param.required and text == _initial_text(param, param.default):
            continue
        try:
            values[param.name] = read_value(param, text)
        except Invalid as error:
            faults[param.name] = safe_line(error.message)
    return FormValues(values=values, faults=faults)


def read_value(param: ParamView, text: str) -> JsonValue:
    """Return the value that a text stands for; raise `Invalid` (`params.value`) with a clear sentence."""
    if not text.strip() and (param.required or param.type != "string"):
        raise _bad(f"required: {_wanted(param)}" if param.required else f"write {_wanted(param)}")
    value = _read(param, text)
    if param.choices and not any(is_choice(value, choice) for choice in param.choices):
        raise _bad(f"choose one of {', '.join(_json(choice) for choice in param.choices[:20])}")
    _check_bounds(param, value)
    return value


def _read(param: ParamView, text: str) -> JsonValue:
    if param.type in ("string", "date") and not _is_coded(param):
        return text
    if param.type == "integer":
        if not _WHOLE.fullmatch(text.strip()) or not _LEAST <= int(text) <= _MOST:
            raise _bad("write a whole number of at most 64 bits")
        return int(text)
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _bad(f"write {_wanted(param)}{_where(error)}") from error
    if not has_type(value, param.type):
        raise _bad(f"write {_wanted(param)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise _bad("write a number that is not so large")
    return value


def _check_bounds(param: ParamView, value: JsonValue) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int | float):
        size, least, most = value, "must be at least {}", "must be at most {}"
    else:
        of = "characters" if isinstance(value, str) else "items"
        size, least, most = len(value), f"must have at least {{}} {of}", f"must have at most {{}} {of}"
    if param.min is not None and size < param.min:
        raise _bad(least.format(_plain(param.min)))
    if param.max is not None and size > param.max:
        raise _bad(most.format(_plain(param.max)))


def _initial_text(param: ParamView, value: JsonValue) -> str:
    return "" if value is None else _as_text(param, value)


def _as_text(param: ParamView, value: JsonValue) -> str:
    if param.type in ("string", "date") and isinstance(value, str) and not _is_coded(param):
        return value
    return _json(value)


def _is_coded(param: ParamView) -> bool:
    """Whether a text is written as JSON, because it has characters that cannot be seen or typed."""
    values = (param.default, *param.choices)
    return any(isinstance(value, str) and safe_line(value) != value for value in values)


def _choices(param: ParamView) -> tuple[JsonValue, ...]:
    return param.choices or ((True, False) if param.type == "boolean" else ())


def _described(param: ParamView) -> str:
    parts = [param.type, "as JSON" if param.type in ("array", "object") or _is_coded(param) else ""]
    low, high = (None if bound is None else _plain(bound) for bound in (param.min, param.max))
    of = "" if param.type in ("integer", "number") else " long"
    if low is not None and high is not None:
        parts.append(f"{low} to {high}{of}")
    elif low is not None:
        parts.append(f"at least {low}{of}")
    elif high is not None:
        parts.append(f"at most {high}{of}")
    parts.append("required" if param.required else "optional")
    return ", ".join(part for part in parts if part)


def _wanted(param: ParamView) -> str:
    return 'a text in JSON, like "a\\nb"' if _is_coded(param) else _WANTED.get(param.type, "a value")


def _where(error: Exception) -> str:
    return f" ({error.msg} at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""


def _json(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # Escaped, invisible characters can be read and edited.
    return text if safe_line(text) == text else json.dumps(value)


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")


def _bad(sentence: str) -> Invalid:
    return Invalid("params.value", sentence, hint="fix the field")
