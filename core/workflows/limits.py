"""Limits on documents, and the check of a value tree against them.

Used by the readers, the loader and the expressions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.files.reading import DOCUMENT_BYTES
from core.model.errors import Fault

INT_MIN = -(2**63)
INT_MAX = 2**64 - 1
"""Whole numbers fit 64 bits, signed or not; more would lose digits on their way."""
NUMBER_LENGTH = 400
"""Characters of a number; longer ones cost quadratic time to read."""
FAULTS_MAX = 200
"""Faults that are listed; further ones are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a document may be."""

    size: int = DOCUMENT_BYTES
    """Bytes, asked of the file before it is read; characters of all scalars once aliases are written out."""
    depth: int = 64
    """Lists and mappings within each other."""
    nodes: int = 250_000
    """Values and keys."""


_PLAIN = 32
LIMITS = Limits()
"""The limits of workflow documents."""


def too_deep(limits: Limits, line: int | None = None, column: int | None = None) -> Fault:
    """Return the fault of a document with too many levels."""
    message = f"more than {limits.depth} levels of lists and mappings"
    return Fault(code="document.depth", message=message, line=line, column=column)


def too_many(limits: Limits, line: int | None = None, column: int | None = None) -> Fault:
    """Return the fault of a document with too many values."""
    message = f"more than {limits.nodes} values"
    return Fault(code="document.nodes", message=message, line=line, column=column)


def too_long(limits: Limits, line: int | None = None, column: int | None = None) -> Fault:
    """Return the fault of a document whose aliases stand for too much text."""
    message = f"more than {limits.size:,} characters once what aliases stand for is written out"
    return Fault(code="document.size", message=message, line=line, column=column)


def survey(value: object, limits: Limits = LIMITS) -> Fault | None:
    """Return the first reason why a value is not JSON within the limits; level by level, no recursion.

    A structure that contains itself is refused as too deep.
    """
    if _is_plain(value):
        return None
    level: list[object] = [value]
    nodes = depth = 0
    while level:
        nodes += len(level)
        if nodes > limits.nodes:
            return too_many(limits)
        below: list[object] = []
        for item in level:
            fault = _gather(item, below)
            if fault is not None:
                return fault
        level = below
        depth += 1
        if depth > limits.depth + 1:
            return too_deep(limits)
    return None


def _is_plain(value: object) -> bool:
    """Return whether a value is a small mapping of texts and numbers, as the input of most tasks is."""
    if value.__class__ is not dict or len(value) > _PLAIN:
        return False
    for key, item in value.items():
        kind = item.__class__
        within = kind is str or (kind is int and INT_MIN <= item <= INT_MAX)
        if not within or key.__class__ is not str:
            return False
    return True


def _gather(item: object, below: list[object]) -> Fault | None:
    if isinstance(item, dict):
        for key in item:
            if not isinstance(key, str):
                return Fault(code="document.key", message=f"the key {key!r} is not a string")
        below.extend(item.values())
        return None
    if isinstance(item, list):
        below.extend(item)
        return None
    if item is None or isinstance(item, bool | str):
        return None
    return _number_fault(item)


def _number_fault(item: object) -> Fault | None:
    if isinstance(item, int):
        within = INT_MIN <= item <= INT_MAX
        return None if within else Fault(code="document.number", message="a whole number beyond 64 bits")
    if isinstance(item, float):
        finite = math.isfinite(item)
        return None if finite else Fault(code="document.number", message="a number that is not finite")
    return Fault(code="document.type", message=f"a {type(item).__name__} is not a JSON value")
