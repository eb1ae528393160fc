"""Matching: whether one row matches a filter, without SQL.

Used for lists that are not read from a table.

SQL made from the same terms (`core.store.predicates`) finds the same rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import assert_never

from core.filters.fields import FIELDS, Field, Kind, Noun
from core.filters.patterns import compile_pattern
from core.filters.terms import (
    Ago,
    At,
    Compare,
    Contains,
    Filter,
    Glob,
    In,
    Length,
    Matches,
    Op,
    Term,
    field_of,
)
from core.model.status import TASK_IDLE

_COMPARISONS: dict[Op, Callable[[float, float], bool]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def matches(filter_: Filter, row: Mapping[str, object], *, now: int) -> bool:
    """Judge a row, keyed by the columns of the noun's view, at `now` (ms UTC); the order plays no part."""
    return all(_holds(term, row, noun=filter_.noun, now=now) for term in filter_.terms)


def _holds(term: Term, row: Mapping[str, object], *, noun: Noun, now: int) -> bool:
    match term:
        case In():
            value = _read(row, field_of(noun, term.field).column)
            return any(_equals(value, wanted) for wanted in term.values) != term.negated
        case Compare():
            return _compares(term, value_of(row, field_of(noun, term.field), now=now), now=now)
        case Contains():
            wanted = term.text.translate(_LOWER)
            columns = (_read(row, column) for column in FIELDS[noun].searched)
            contains = any(wanted in str(value).translate(_LOWER) for value in columns if value is not None)
            return contains != term.negated
        case Matches():
            value = _read(row, field_of(noun, term.field).column)
            return (value is not None and compile_pattern(term.pattern).found_in(str(value))) != term.negated
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
        case Length():
            return holds(value, term.value.ms)
        case int():
            return holds(value, term.value)
        case _:
            assert_never(term.value)


def value_of(row: Mapping[str, object], field: Field, *, now: int) -> object:
    """Return what a row, keyed by the columns of its view, has for a field; spans end at `now` (ms UTC)."""
    if field.kind is not Kind.SPAN:
        return _read(row, field.column)
    started, finished = (row.get(column) for column in field.column.split(":"))
    # A task that waits for its next attempt takes no time; a job does until it has ended.
    end = now if finished is None and row.get("status") not in TASK_IDLE else finished
    return end - started if isinstance(started, int) and isinstance(end, int) else None


def _equals(value: object, wanted: str | int | Glob) -> bool:
    if not isinstance(wanted, Glob):
        return value == wanted
    return isinstance(value, str) and wanted.matches(value)


def _read(row: Mapping[str, object], column: str) -> object:
    value: object = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
