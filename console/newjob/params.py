"""Params: what a form asks for, and what was typed as values; decisions alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.model.errors import Invalid
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject, JsonValue
from core.model.workflow_views import ParamView

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_LEAST, _MOST = -(2**63), 2**64 - 1
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_ASKED = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a JSON list, like [1, 2]",
    "object": 'a JSON object, like {"key": 1}',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """A line of a form: what is asked, the text to begin with, and what there is to choose from."""

    name: str
    label: SafeText
    note: SafeText
    text: str = ""
    options: tuple[str, ...] = ()
    """What a picker offers; empty = anything may be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a form says: values of those that were given, and a sentence for each that is at fault."""

    values: JsonObject
    faults: Mapping[str, SafeText]


def prefilled(params: Iterable[ParamView], given: Mapping[str, JsonValue]) -> tuple[ParamView, ...]:
    """Return the parameters with the values of an earlier job as their defaults."""
    return tuple(
        replace(param, default=given[param.name]) if param.name in given else param for param in params
    )


def blank_of(param: ParamView) -> Blank:
    """Return the line for a parameter, prefilled with its default."""
    text = _opening(param, param.default)
    options = tuple(_written(param, value) for value in _choices(param))
    missing = ("",) if options and text not in options else ()
    return Blank(
        name=param.name,
        label=safe_line(f"{param.name}  ({_described(param)})"),
        note=safe_line(param.description),
        text=text,
        options=missing + options,
    )


def fill(params: Iterable[ParamView], texts: Mapping[str, str]) -> Filled:
    """Read what was typed for each parameter; one left at its default is not given at all."""
    values: JsonObject = {}
    faults: dict[str, SafeText] = {}
    for param in params:
        text = texts.get(param.name, "")
        if not param.required and text == _opening(param, param.default):
            continue
        try:
            values[param.name] = read_value(param, text)
        except Invalid as error:
            faults[param.name] = safe_line(error.message)
    return Filled(values=values, faults=faults)


def read_value(param: ParamView, text: str) -> JsonValue:
    """Return the value that a text stands for; raise `Invalid` (`params.value`) with a clear sentence."""
    if not text.strip() and (param.required or param.type != "string"):
        raise _bad(f"required: {_asked(param)}" if param.required else f"write {_asked(param)}")
    value = _read(param, text)
    if param.choices and not any(_same(value, choice) for choice in param.choices):
        raise _bad(f"choose one of {', '.join(_json(choice) for choice in param.choices[:20])}")
    _check_bounds(param, value)
    return value


def _read(param: ParamView, text: str) -> JsonValue:
    if param.type == "string" and not _is_coded(param):
        return text
    if param.type == "integer":
        if not _WHOLE.fullmatch(text.strip()) or not _LEAST <= int(text) <= _MOST:
            raise _bad("write a whole number of at most 64 bits")
        return int(text)
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _bad(f"write {_asked(param)}{_where(error)}") from error
    kinds = _KINDS.get(param.type, ())
    if not isinstance(value, kinds) or (isinstance(value, bool) and param.type != "boolean"):
        raise _bad(f"write {_asked(param)}")
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


def _opening(param: ParamView, value: JsonValue) -> str:
    return "" if value is None else _written(param, value)


def _written(param: ParamView, value: JsonValue) -> str:
    if param.type == "string" and isinstance(value, str) and not _is_coded(param):
        return value
    return _json(value)


def _is_coded(param: ParamView) -> bool:
    """Tell whether a text is written as JSON: what it holds could not be seen or typed otherwise."""
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
    parts.append("required" if param.required else "")
    return ", ".join(part for part in parts if part)


def _asked(param: ParamView) -> str:
    return 'a text in JSON, like "a\\nb"' if _is_coded(param) else _ASKED.get(param.type, "a value")


def _where(error: Exception) -> str:
    return f" ({error.msg} at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""


def _json(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # Escaped, what cannot be seen can be read and edited.
    return text if safe_line(text) == text else json.dumps(value)


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _same(value: JsonValue, choice: JsonValue) -> bool:
    # True == 1 in Python.
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is no JSON")


def _bad(sentence: str) -> Invalid:
    return Invalid("params.value", sentence, hint="mend the field")
