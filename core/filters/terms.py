"""Terms: a parsed filter, as data.

Made by the parser; read by the store, the control and the console.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from core.filters.fields import FIELDS, Field, Noun


class Glob(Struct, frozen=True, kw_only=True):
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


class Ago(Struct, frozen=True, kw_only=True):
    """A moment named by how long ago it was, in ms; a comparison speaks of the age."""

    ms: int


class At(Struct, frozen=True, kw_only=True):
    """A moment, in ms UTC."""

    ms: int


class Length(Struct, frozen=True, kw_only=True):
    """How long something took, in ms."""

    ms: int


class Op(StrEnum):
    """How a comparison compares."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


class In(Struct, frozen=True, kw_only=True):
    """The field is one of the values, exactly; negated, it is none of them (nothing is none)."""

    field: str
    values: tuple[str | int | Glob, ...]
    negated: bool = False


class Compare(Struct, frozen=True, kw_only=True):
    """The number, moment (`At`), age of one (`Ago`) or span (`Length`) compares so; nothing never does."""

    field: str
    op: Op
    value: int | At | Ago | Length


class Contains(Struct, frozen=True, kw_only=True):
    """A searched column holds the text, ASCII letters in any case."""

    text: str
    negated: bool = False


class Matches(Struct, frozen=True, kw_only=True):
    """The pattern (RE2) is found in the field; negated, it is not (nothing has no match)."""

    field: str
    pattern: str
    negated: bool = False


class Sort(Struct, frozen=True, kw_only=True):
    """Order by a field; an age rises while its moment falls."""

    field: str
    descending: bool = False


Term: TypeAlias = In | Compare | Contains | Matches


class Filter(Struct, frozen=True, kw_only=True):
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
