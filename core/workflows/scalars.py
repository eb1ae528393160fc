"""Plain scalars by the core schema of YAML 1.2, and bounded numbers.

Used by the readers, the parameters and the writer.

Source: YAML 1.2.2, section 10.3.2. `no`, `on` and `12:30` are strings here, as the author meant.
"""

from __future__ import annotations

import math
import re

from core.model.values import JsonValue
from core.workflows.limits import INT_MAX, INT_MIN, NUMBER_LENGTH

_WORDS: dict[str, JsonValue] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMERIC = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class BadNumber(ValueError):
    """Say in a sentence why a number is refused."""


def read_plain(text: str) -> JsonValue:
    """Return the value of an unquoted YAML scalar; raise `BadNumber` for one beyond the bounds."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INT.fullmatch(text):
        return read_int(text)
    if _FLOAT.fullmatch(text):
        return read_float(text)
    if _NOT_FINITE.fullmatch(text):
        raise BadNumber(f"{text} is not a finite number")
    return text


def read_int(text: str) -> int:
    """Return a whole number (decimal, `0o`, `0x`) that fits 64 bits."""
    if len(text) > NUMBER_LENGTH:
        raise BadNumber(f"a number of {len(text)} characters")
    number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if INT_MIN <= number <= INT_MAX:
        return number
    raise BadNumber("a whole number beyond 64 bits")


def read_float(text: str) -> float:
    """Return a finite number."""
    if len(text) > NUMBER_LENGTH:
        raise BadNumber(f"a number of {len(text)} characters")
    number = float(text)
    if math.isfinite(number):
        return number
    raise BadNumber(f"{text} is too large for a number")


def refuse_constant(text: str) -> float:
    """Refuse the words NaN and Infinity that JSON itself does not have."""
    raise BadNumber(f"{text} is not a finite number")
