"""Terms: a parsed filter, as data.

Made by the parser; read by the store, the control and the console.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from core.filters.fields import FIELDS, Field, Noun


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """A text with gaps: the literal parts between the stars, at least two, case-sensitive."""

    parts: tuple[str, ...]

    def matches(self, text: str) -> bool:
        """Tell whether the text is the parts in order, with anything between them."""
        first, *middle, last = self.parts
        if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for part in middle:
            # The leftmost place leaves most room for the rest: no backtracking, whatever the pattern.
            at = text.find(part, at, end) + len(part)
            if at < len(part):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ago:
    """A moment named by how long ago it was, in ms; a comparison speaks of the age."""

    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A moment, in ms UTC."""

    ms: int


class Op(StrEnum):
    """How a comparison compares."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class In:
    """The field is one of the values, exactly; negated, it is none of them (nothing is none)."""

    field: str
    values: tuple[str | int | Glob, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """The number, moment (`At`) or age of a moment (`Ago`) compares so; nothing never does."""

    field: str
    op: Op
    value: int | At | Ago


@dataclass(frozen=True, slots=True, kw_only=True)
class Contains:
    """A searched column holds the text, ASCII letters in any case."""

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The pattern (RE2) is found in the field; negated, it is not (nothing has no match)."""

    field: str
    pattern: str
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Order by a field; an age rises while its moment falls."""

    field: str
    descending: bool = False


Term: TypeAlias = In | Compare | Contains | Matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Rows of a noun for which every term holds, and their order (None = the list's own)."""

    noun: Noun
    terms: tuple[Term, ...] = ()
    sort: Sort | None = None


def field_of(noun: Noun, name: str) -> Field:
    """Return a field by its own name; raise KeyError if the noun has none such."""
    field = FIELDS[noun].find(name)
    if field is None:
        raise KeyError(name)
    return field
