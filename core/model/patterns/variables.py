"""Variables of a job: their plans, and which values they take.

Used by the expansion, the engine and the store.
"""

from __future__ import annotations

import json

from msgspec import Struct

from core.model.parameter_types import has_type
from core.model.values import JsonValue

VARIABLES_MAX = 100
"""Variables of one job."""
VARIABLE_BYTES = 4_096
"""Bytes of a value, written as JSON: rows and events carry it."""
NOT_SET = "variable"
"""What codes of tasks begin with whose `set` could not be carried out."""


class VariablePlan(Struct, frozen=True, kw_only=True):
    """A variable of a job: the type of its values, and the one that it begins with."""

    name: str
    type: str | None = None
    """None = any value."""
    value: JsonValue = None


class ValueFault(Struct, frozen=True, kw_only=True):
    """Why a variable cannot have a value; `code` is the last part of an error code."""

    code: str
    reason: str


def value_fault(value: JsonValue, type_: str | None) -> ValueFault | None:
    """Return why a variable of a type cannot have this value; null stands for none given."""
    size = len(json.dumps(value, separators=(",", ":")))
    if size > VARIABLE_BYTES:
        reason = f"it has {size:,} bytes as JSON, at most {VARIABLE_BYTES:,} go; pass large data by a file"
        return ValueFault(code="size", reason=reason)
    if value is None or type_ is None or has_type(value, type_):
        return None
    return ValueFault(code="type", reason=f"{json.dumps(value)[:60]} is not of type {type_}")
