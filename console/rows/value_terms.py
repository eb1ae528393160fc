"""Filter terms made from the values of a row.

Used by the column keys and the filter line.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase

from core.filters.fields import FIELDS, Field, Kind
from core.filters.terms import Filter, In, Term
from core.filters.unparser import unparse
from core.model.records import replace

_LONGEST = 200
_ORDER = (Kind.CHOICE, Kind.TEXT, Kind.NUMBER, Kind.TIME, Kind.AGE, Kind.SPAN)


def terms_of(view: object, where: Filter) -> list[In]:
    """Return one term for each field of a row that a filter can name and that holds something."""
    terms: list[In] = []
    # Fields with few values come first, and so get their first letter.
    for field in sorted(FIELDS[where.noun].fields, key=lambda field: _ORDER.index(field.kind)):
        value = _value(view, field)
        if isinstance(value, int | str) and not isinstance(value, bool) and value != "":
            terms.append(In(field=field.name, values=(value,)))
    return terms


def including(where: Filter, term: In) -> Filter:
    """Find only rows with this value, instead of other values of the field."""
    kept = [one for one in where.terms if not _is_of(one, term.field)]
    return replace(where, terms=(*kept, term))


def excluding(where: Filter, term: In) -> Filter:
    """Find no rows with this value."""
    negated = replace(term, negated=True)
    return where if negated in where.terms else replace(where, terms=(*where.terms, negated))


def words_of(term: Term, where: Filter) -> str:
    """Write one term as the filter line shows it."""
    return unparse(Filter(noun=where.noun, terms=(term,)))


def letters(names: list[str]) -> list[str]:
    """Return a letter for each name: its first that is free, else any other."""
    given: list[str] = []
    for name in names:
        free = [letter for letter in (*name, *ascii_lowercase) if letter.isalpha() and letter not in given]
        given.append(free[0])
    return given


def _is_of(term: Term, field: str) -> bool:
    return isinstance(term, In) and term.field == field and not term.negated


def _value(view: object, field: Field) -> object:
    if field.kind not in (Kind.TEXT, Kind.CHOICE, Kind.NUMBER):
        return None
    name, _, key = field.column.partition(".")
    value: object = getattr(view, name, None)
    if key:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if not isinstance(value, str) or len(value) <= _LONGEST else None
