"""Expressions in JSON values: how one starts, whether a value contains one.

Used by the connectors, the engine and the workflow reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.model.values import JsonValue

OPENING = "${{"
"""What opens an expression; a value that holds one is known only when the attempt starts."""


def has_expression(value: JsonValue) -> bool:
    """Return whether a JSON value holds an expression, at any depth."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if OPENING in item:
                return True
        elif isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False
