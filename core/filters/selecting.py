"""Select and order views that are all in memory.

Used for lists that are never paged: queues and failure families.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from core.filters.fields import FIELDS
from core.filters.matching import matches
from core.filters.terms import Filter, field_of

V = TypeVar("V")


def select(where: Filter, views: Iterable[V], *, now: int) -> list[V]:
    """Return the views that match a filter at `now` (ms UTC), in its order, else in theirs.

    Views without a value for the order come last in both directions.
    """
    columns = [field.column for field in FIELDS[where.noun].fields]
    matching = [
        view for view in views if matches(where, {name: getattr(view, name) for name in columns}, now=now)
    ]
    if where.sort is None:
        return matching
    column = field_of(where.noun, where.sort.field).column
    known = [view for view in matching if getattr(view, column) is not None]
    known.sort(key=lambda view: getattr(view, column), reverse=where.sort.descending)
    return known + [view for view in matching if getattr(view, column) is None]
