"""Types of parameters: the JSON values that each one takes.

Used by the validation of documents and by the form of a new job.
"""

from __future__ import annotations

from core.model.values import JsonValue

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "date": (str,),
}


def has_type(value: JsonValue, name: str) -> bool:
    """Tell whether a value is of a type; one that is unknown here has no values."""
    # True is an int in Python.
    return isinstance(value, _TYPES.get(name, ())) and (not isinstance(value, bool) or name == "boolean")


def is_choice(value: JsonValue, choice: JsonValue) -> bool:
    """Tell whether a value is a choice of its parameter."""
    # True == 1 in Python; a choice of numbers must not let a boolean through.
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)
