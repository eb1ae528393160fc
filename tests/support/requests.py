"""Requests of any kind, and the methods that ask them.

For tests to which it does not matter what is asked.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import get_type_hints

from msgspec import structs

from core.control.requests import Request


def request_of_kind(kind: type[Request[object]]) -> Request[object]:
    """Return a request with something in each field that must be given."""
    required = [field for field in structs.fields(kind) if field.required]
    return kind(**{field.name: "1" if field.type is str else 1 for field in required})


def methods_of(api: type) -> dict[str, Callable[..., object]]:
    """Return the verbs of a control by name, those of its parts as `PART.NAME`."""
    methods: dict[str, Callable[..., object]] = {}
    for name, member in inspect.getmembers(api):
        if isinstance(member, property):
            part = get_type_hints(member.fget)["return"]
            methods |= {f"{name}.{inner}": method for inner, method in _own(part).items()}
    return methods | _own(api)


def _own(kind: type) -> dict[str, Callable[..., object]]:
    found = inspect.getmembers(kind, inspect.iscoroutinefunction)
    return {
        name: method for name, method in found if not name.startswith("_") and name not in ("ask", "close")
    }
