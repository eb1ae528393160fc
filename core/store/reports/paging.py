"""Pages by keyset: which rows come next in a list, and how many were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, Select, Table, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.terms import Filter
from core.store.predicates import Condition, bound
from core.store.reports import window
from core.store.reports.cursors import Order, Place, order_of, read, write
from core.store.reports.walk import Walk, walk_on
from core.store.reports.window import Question, question_of
from core.store.sql import ids as listed

PAGE_MAX = 2_000
"""Rows of a page at the most, whatever was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The ids of a page in order, with what its `Page` tells besides."""

    ids: Sequence[int]
    next: str | None = None
    searched: int | None = None


def bounded(limit: int) -> int:
    """Return a limit that is at least 1 and at most `PAGE_MAX`."""
    return max(1, min(limit, PAGE_MAX))


async def keys_of(db: AsyncConnection, filter_: Filter, *, after: str | None, limit: int, now: int) -> Keys:
    """Return the keys of a page of jobs or tasks, newest first unless the filter sorts.

    In order of id a page ends early when `SEARCHED` rows were looked at, and `next` looks on; in any other
    order the list is made of the newest `SEARCHED` rows. Neither holds where an index leaves fewer rows.
    Raises `Invalid` `page.cursor`.
    """
    order = order_of(filter_, descending=True)
    place = None if after is None else read(order, after)
    question = question_of(filter_, now=now)
    if order.name != "id":
        return await _by_value(db, question, _Sorting(order=order, place=place, limit=bounded(limit)))
    number = None if place is None else place.number
    walk = Walk(after=number, descending=order.descending, limit=bounded(limit))
    found = await walk_on(db, question, walk)
    cursor = None if found.end is None else write(order, Place(value=found.end, number=found.end))
    return Keys(ids=found.ids, next=cursor, searched=found.searched)


async def rows_of(
    db: AsyncConnection, columns: Select[*tuple[object, ...]], table: Table, keys: Sequence[int]
) -> list[Row[*tuple[object, ...]]]:
    """Return the rows of these keys, in the same order."""
    wanted = select(func.json_each(listed(keys)).table_valued("value").c.value)
    rows = {row.id: row for row in (await db.execute(columns.where(table.c.id.in_(wanted)))).all()}
    return [rows[number] for number in keys]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorting:
    order: Order
    place: Place | None
    limit: int

    def directed(self, column: ColumnElement[object]) -> ColumnElement[object]:
        return column.desc() if self.order.descending else column.asc()


async def _by_value(db: AsyncConnection, question: Question, sorting: _Sorting) -> Keys:
    # The window stays where the first page found it: it must not slide under those that follow.
    floor = await window.floor_of(db, question) if sorting.place is None else sorting.place.floor
    rows = (await db.execute(_sorted(question, sorting, floor))).all()
    shown = rows[: sorting.limit]
    cursor = None
    if len(rows) > len(shown):
        cursor = write(sorting.order, Place(value=shown[-1].value, number=shown[-1].id, floor=floor))
    searched = None if floor is None else window.SEARCHED
    return Keys(ids=[row.id for row in shown], next=cursor, searched=searched)


def _sorted(question: Question, sorting: _Sorting, floor: int | None) -> Select[*tuple[object, ...]]:
    number = question.table.c.id
    found = select(number, sorting.order.column.label("value")).where(*question.conditions)
    if floor is not None:
        found = found.where(number > floor)
    if floor is not None or not question.indexed:
        # Read the way they are sorted: most moments rise with the ids, so few that are kept must go again.
        found = found.order_by(sorting.directed(number)).limit(-1)
    few = found.subquery()
    query = select(few.c.id, few.c.value)
    if sorting.place is not None:
        query = query.where(_behind(few.c.value, few.c.id, sorting.place, sorting.order))
    query = query.order_by(few.c.value.is_(None), sorting.directed(few.c.value), sorting.directed(few.c.id))
    return query.limit(sorting.limit + 1)


def _behind(
    column: ColumnElement[object], identity: ColumnElement[int], place: Place, order: Order
) -> Condition:
    further = identity < place.number if order.descending else identity > place.number
    if place.value is None:
        return and_(column.is_(None), further)
    wanted = bound(place.value) if isinstance(place.value, str) else literal(place.value)
    beyond = column < wanted if order.descending else column > wanted
    return or_(beyond, and_(column == wanted, further), column.is_(None))
