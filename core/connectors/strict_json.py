"""JSON of programs and servers, as strict as the store.

Used by the connectors `shell`, `python` and `http`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model.values import JsonObject, JsonValue

LEVELS_MAX = 200
"""Lists and objects within each other, a value within them included; the store takes one around them."""
_DIGITS_SHOWN = 40
_DIGITS = "set_int_max_str_digits"


def parse_json(
    text: str, *, pairs: Callable[[list[tuple[str, JsonValue]]], JsonObject] | None = None
) -> JsonValue:
    """Return the value of JSON; raise `ValueError` with one sentence.

    Refuses what is not JSON (NaN), and what no output may hold: numbers beyond any number, more levels.
    """
    try:
        value: JsonValue = json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=pairs
        )
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as error:
        if _DIGITS not in str(error):
            raise
        # Python's own words name a function that its programs may call.
        raise ValueError("a number has more digits than can be read") from None
    if text.count("[") + text.count("{") >= LEVELS_MAX and _is_deep(value):
        raise ValueError("the JSON is nested too deeply")
    return value


def _is_deep(value: JsonValue) -> bool:
    layer = [value]
    for _ in range(LEVELS_MAX):
        layer = [child for item in layer for child in _children(item)]
        if not layer:
            return False
    return True


def _children(item: JsonValue) -> list[JsonValue]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"{digits[:_DIGITS_SHOWN]} is larger than any number")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
