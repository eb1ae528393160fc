"""Read JSON text of a row, whatever stands there.

Used by the store, which names a row that cannot be read, and by the nouns that rows keep.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

from core.model.errors import Invalid
from core.model.values import JsonObject, JsonValue

T = TypeVar("T")
_NO_JSON = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
    Invalid,
)
_SHOWN_MAX = 200


def read_stored(read: Callable[[str], T], text: str, *, code: str, what: str, hint: str) -> T:
    """Return what a text stands for; raise `Invalid` with this code where it cannot be read."""
    try:
        return read(text)
    except _NO_JSON as error:
        inner = error.facts.get("reason") if isinstance(error, Invalid) else None
        reason = f"{type(error).__name__}: {error}" if inner is None else str(inner)
        raise Invalid(
            code, f"what is stored of {what} cannot be read: {reason}", hint=hint, facts={"reason": reason}
        ) from error


def json_or_note(text: str | None) -> JsonValue:
    """Return a JSON value, None for NULL; where it cannot be read, an object that says so.

    For what is shown among others: one damaged row keeps back no list.
    """
    try:
        value: JsonValue = None if text is None else json.loads(text)
    except (RecursionError, TypeError, ValueError) as error:
        return unreadable_note(text, error)
    return value


def unreadable_note(text: object, error: Exception) -> JsonObject:
    """Return what stands for a text that cannot be read."""
    said = f"what is stored here cannot be read: {type(error).__name__}: {error}"
    return {"code": "store.unreadable", "message": said, "text": str(text)[:_SHOWN_MAX]}
