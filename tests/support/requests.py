"""Requests of any kind, whatever they ask.

For tests to which that does not matter.
"""

from __future__ import annotations

from msgspec import structs

from core.control.requests import Request


def request_of_kind(kind: type[Request[object]]) -> Request[object]:
    """Return a request with something in each field that must be given."""
    return kind(**{field.name: 1 for field in structs.fields(kind) if field.required})
