"""Terms: what a filter says, as data; written back to text, judged on one row.

`matches` is the meaning of a filter; SQL made from the same terms finds the same rows.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_lowercase, ascii_uppercase
from typing import TypeAlias, assert_never

from core.filters.fields import FIELDS, Field, Noun
from core.model.durations import write_duration
from core.model.values import to_iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """A text with gaps: the literal parts between the stars, at least two, case-sensitive."""

    parts: tuple[str, ...]

    def meets(self, text: str) -> bool:
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
    """The pattern (Python's `re`) is found in the field; negated, it is not (nothing has no match)."""

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


_COMPARISONS: dict[Op, Callable[[float, float], bool]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PLAIN_VALUE = re.compile(r'[^\s",*]+')


def field_of(noun: Noun, name: str) -> Field:
    """Return a field by its own name; raise KeyError if the noun has none such."""
    found = FIELDS[noun].find(name)
    if found is None:
        raise KeyError(name)
    return found


def render(filter_: Filter) -> str:
    """Write a filter as text that parses to the same filter."""
    words = [_render_term(term) for term in filter_.terms]
    if filter_.sort:
        words.append(f"sort:{'-' if filter_.sort.descending else ''}{filter_.sort.field}")
    return " ".join(words)


def matches(filter_: Filter, row: Mapping[str, object], *, now: int) -> bool:
    """Judge a row, keyed by the columns of the noun's view, at `now` (ms UTC); the order plays no part."""
    return all(_holds(term, row, noun=filter_.noun, now=now) for term in filter_.terms)


def _render_term(term: Term) -> str:
    match term:
        case In():
            values = ",".join(map(_render_value, term.values))
            return f"{_minus(negated=term.negated)}{term.field}:{values}"
        case Compare():
            return f"{term.field}{term.op}{_render_operand(term.value)}"
        case Contains():
            text = term.text if _PLAIN_WORD.fullmatch(term.text) else _quote(term.text)
            return _minus(negated=term.negated) + text
        case Matches():
            return f"{_minus(negated=term.negated)}{term.field}~{_quote(term.pattern)}"
        case _:
            assert_never(term)


def _render_operand(value: int | At | Ago) -> str:
    match value:
        case At():
            return to_iso(value.ms)
        case Ago():
            return write_duration(value.ms)
        case int():
            return str(value)
        case _:
            assert_never(value)


def _render_value(value: str | int | Glob) -> str:
    match value:
        case Glob():
            return "*".join(value.parts)
        case int():
            return str(value)
        case str():
            return value if _PLAIN_VALUE.fullmatch(value) else _quote(value)
        case _:
            assert_never(value)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _minus(*, negated: bool) -> str:
    return "-" if negated else ""


def _holds(term: Term, row: Mapping[str, object], *, noun: Noun, now: int) -> bool:
    match term:
        case In():
            value = _cell(row, field_of(noun, term.field).column)
            return any(_equals(value, wanted) for wanted in term.values) != term.negated
        case Compare():
            return _compares(term, _cell(row, field_of(noun, term.field).column), now=now)
        case Contains():
            wanted = term.text.translate(_LOWER)
            columns = (_cell(row, column) for column in FIELDS[noun].searched)
            found = any(wanted in str(cell).translate(_LOWER) for cell in columns if cell is not None)
            return found != term.negated
        case Matches():
            value = _cell(row, field_of(noun, term.field).column)
            return (value is not None and bool(re.search(term.pattern, str(value)))) != term.negated
        case _:
            assert_never(term)


def _compares(term: Compare, value: object, *, now: int) -> bool:
    if not isinstance(value, int | float):
        return False
    holds = _COMPARISONS[term.op]
    match term.value:
        case Ago():
            return holds(now - value, term.value.ms)
        case At():
            return holds(value, term.value.ms)
        case int():
            return holds(value, term.value)
        case _:
            assert_never(term.value)


def _equals(value: object, wanted: str | int | Glob) -> bool:
    if not isinstance(wanted, Glob):
        return value == wanted
    return isinstance(value, str) and wanted.meets(value)


def _cell(row: Mapping[str, object], column: str) -> object:
    value: object = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
