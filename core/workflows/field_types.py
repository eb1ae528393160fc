"""Types of fields that several parts of a document share.

Used by the definition and the parts of it that have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from core.model.bounds import NAME_MAX
from core.model.errors import Invalid
from core.model.timing.durations import parse_document_duration, parse_timeout

TEXT_MAX = 1_000
"""Characters of a condition, and of a key or amount with its expressions."""


def length_of(value: object, read: Callable[[object], int]) -> int:
    """Return what a reader makes of a value; what it refuses becomes a fault of the field."""
    try:
        return read(value)
    except Invalid as error:
        # pydantic makes a fault of this kind alone.
        raise ValueError(f"{error.message}; {error.hint}") from error


def millis_of(value: object) -> int:
    """Return a length of time in ms."""
    return length_of(value, parse_document_duration)


def _limit(value: object) -> int:
    return length_of(value, parse_timeout)


def _condition(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
Duration: TypeAlias = Annotated[int, BeforeValidator(millis_of)]
Limit: TypeAlias = Annotated[int, BeforeValidator(_limit)]
"""A time limit in ms, 0 = none."""
Condition: TypeAlias = Annotated[str, BeforeValidator(_condition), Field(min_length=1, max_length=TEXT_MAX)]
"""An expression that is true or false, with or without its `${{ }}`."""
Loose: TypeAlias = dict[str, object]
"""A mapping whose values only the connector, or only the author, understands."""
