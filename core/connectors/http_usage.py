"""Find in the body of an answer what was spent.

Used by the connector `http`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.model.values import JsonObject, JsonValue


def found_at(places: Mapping[str, str], body: JsonValue) -> JsonObject:
    """Return the values at the places that a body has, by their names; a number leads into a list."""
    found = {name: _at(body, place.split(".")) for name, place in places.items()}
    return {name: value for name, value in found.items() if value is not None}


def _at(value: JsonValue, steps: list[str]) -> JsonValue:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
