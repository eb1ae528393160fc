"""Conversions between the kinds of expressions: `string(...)`, `int(...)` and the like.

Used by the table of functions. Each raises ValueError or OverflowError for what cannot be converted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from core.workflows.expressions.kinds import Kind, Rule, Value
from core.workflows.expressions.times import EPOCH, read_duration, read_timestamp, write_duration

_DIGITS_MAX = 400
_WHOLE = re.compile(r"[-+]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_WRITTEN_OUT = 1e21


def write_double(value: float) -> str:
    """Write a double: a whole one below 1e21 without its fraction."""
    return str(int(value)) if value.is_integer() and abs(value) < _WRITTEN_OUT else repr(value)


def _read_int(text: str) -> int:
    if not _WHOLE.fullmatch(text) or len(text) > _DIGITS_MAX:
        raise ValueError("the text is not a whole number")
    return int(text)


def _read_double(text: str) -> float:
    if not _NUMBER.fullmatch(text) or len(text) > _DIGITS_MAX:
        raise ValueError("the text is not a number")
    return float(text)


def _unsigned(value: int) -> int:
    if value < 0:
        raise ValueError("the number is negative")
    return value


def _moment(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def _same(value: Value) -> Value:
    return value


def _rules(gives: Kind, calls: dict[Kind, Callable[..., Value]]) -> tuple[Rule, ...]:
    return tuple(Rule(takes=(kind,), gives=gives, call=call) for kind, call in calls.items())


_TO_INT: dict[Kind, Callable[..., Value]] = {
    "int": _same,
    "double": int,
    "string": _read_int,
    "timestamp": lambda at: (at - EPOCH) // timedelta(seconds=1),
}
CONVERSIONS: dict[str, tuple[Rule, ...]] = {
    "string": _rules(
        "string",
        {
            "string": _same,
            "int": str,
            "double": write_double,
            "bool": lambda value: str(value).lower(),
            "bytes": lambda value: value.decode("utf-8"),
            "duration": write_duration,
            "timestamp": datetime.isoformat,
        },
    ),
    "int": _rules("int", _TO_INT),
    "uint": _rules(
        "int",
        {
            "int": _unsigned,
            "double": lambda v: _unsigned(int(v)),
            "string": lambda t: _unsigned(_read_int(t)),
        },
    ),
    "double": _rules("double", {"double": _same, "int": float, "string": _read_double}),
    "bytes": _rules("bytes", {"bytes": _same, "string": lambda text: text.encode("utf-8", "surrogatepass")}),
    "duration": _rules("duration", {"duration": _same, "string": read_duration}),
    "timestamp": _rules("timestamp", {"timestamp": _same, "string": read_timestamp, "int": _moment}),
}
