"""The sort order of a list, and the next one.

Used by the column keys and by the row count.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.filters.fields import FIELDS, Kind, Noun
from core.filters.terms import Filter, Sort, field_of
from core.model.records import replace
from core.render.columns import Column

_ASCENDING = (Kind.TEXT, Kind.CHOICE, Kind.AGE)
BY_NAME = (Noun.QUEUES, Noun.SCHEDULES)
"""Lists that stand in the order of names."""
_DEFAULT = {
    **dict.fromkeys(BY_NAME, Sort(field="name")),
    Noun.ITEMS: Sort(field="due"),
    Noun.FAILURES: Sort(field="tasks", descending=True),
}
_NEWEST = Sort(field="id", descending=True)
# Events are read in their order only.
_ONLY = {Noun.EVENTS: ("id",)}


def order_of(where: Filter, *, usual: Sort | None = None) -> Sort:
    """Return the order of a list; `usual` = that of a filter that names none, if not that of the noun."""
    return where.sort or usual or _DEFAULT.get(where.noun, _NEWEST)


def sortable(noun: Noun, columns: Sequence[Column]) -> list[str]:
    """Return the columns that a list can be sorted by, from left to right."""
    names = [field.name for field in FIELDS[noun].fields if field.name in _ONLY.get(noun, (field.name,))]
    return [column.name for column in columns if column.name in names]


def sorted_by(where: Filter, columns: Sequence[Column], step: int) -> Filter:
    """Sort by the next column that can be sorted by; texts ascending, numbers and times descending."""
    names = sortable(where.noun, columns)
    if not names:
        return where
    present = order_of(where).field
    at = (names.index(present) + step) % len(names) if present in names else 0
    kind = next(field.kind for field in FIELDS[where.noun].fields if field.name == names[at])
    return replace(where, sort=Sort(field=names[at], descending=kind not in _ASCENDING))


def sorted_by_name(where: Filter, columns: Sequence[Column], name: str) -> Filter:
    """Sort by a column as `sorted_by` does, the other way round if it is that of the order already."""
    if name not in sortable(where.noun, columns):
        return where
    if order_of(where).field == name:
        return inverted(where)
    kind = next(field.kind for field in FIELDS[where.noun].fields if field.name == name)
    return replace(where, sort=Sort(field=name, descending=kind not in _ASCENDING))


def inverted(where: Filter, *, usual: Sort | None = None) -> Filter:
    order = order_of(where, usual=usual)
    return replace(where, sort=Sort(field=order.field, descending=not order.descending))


def is_by_id(where: Filter) -> bool:
    """Tell whether a list is in order of id, which is that of creation."""
    field = field_of(where.noun, order_of(where).field)
    return field.name == "id" or field.column == "created_at"


def is_descending(where: Filter) -> bool:
    """Tell whether the highest values come first; the highest age is the earliest moment."""
    order = order_of(where)
    return order.descending != (field_of(where.noun, order.field).kind is Kind.AGE)
