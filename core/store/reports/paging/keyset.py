"""Keyset pages: the next rows of a list, and rows scanned.

Used by the lists of this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, Table, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.terms import Filter
from core.model.views import Page
from core.store.predicates import Condition, bound
from core.store.reports.paging import search as searching
from core.store.reports.paging.cursors import Order, Position, decode_cursor, encode_cursor, order_of
from core.store.reports.paging.id_pages import IdPageRequest, read_id_page
from core.store.reports.paging.search import Search, search_of
from core.store.reports.rows import AnyRow
from core.store.sql import ids as id_list

PAGE_MAX = 2_000
"""Rows of a page at the most, whatever was asked for."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageKeys:
    """The ids of a page in order, with the other fields of its `Page`."""

    ids: Sequence[int]
    next: str | None = None
    searched: int | None = None


def bounded_limit(limit: int) -> int:
    """Return a limit that is at least 1 and at most `PAGE_MAX`."""
    return max(1, min(limit, PAGE_MAX))


def page_of(views: Sequence[V], keys: PageKeys) -> Page[V]:
    """Return the page of these views."""
    return Page(rows=tuple(views), next=keys.next, searched=keys.searched)


async def page_keys(
    db: AsyncConnection, filter_: Filter, *, after: str | None, limit: int, now: int
) -> PageKeys:
    """Return the keys of a page of jobs or tasks, newest first unless the filter sorts.

    In order of id a page ends early when `SCAN_LIMIT` rows were scanned, and `next` goes on from there; in
    any other order the list is made of the newest `SCAN_LIMIT` rows. Neither holds where an index leaves
    fewer rows. Raises `Invalid` `page.cursor`.
    """
    order = order_of(filter_, descending=True)
    position = None if after is None else decode_cursor(order, after)
    search = search_of(filter_, now=now)
    if order.name != "id":
        # Rows that are under way must not pass each other between two pages.
        at = now if position is None or position.at is None else position.at
        sorting = _Sorting(order=order, after=position, limit=bounded_limit(limit), at=at)
        return await _by_value(db, search, sorting)
    request = IdPageRequest(
        after=None if position is None else position.id,
        descending=order.descending,
        limit=bounded_limit(limit),
    )
    page = await read_id_page(db, search, request)
    cursor = None if page.end is None else encode_cursor(order, Position(value=page.end, id=page.end))
    return PageKeys(ids=page.ids, next=cursor, searched=page.searched)


async def rows_by_id(
    db: AsyncConnection, columns: Select[*tuple[object, ...]], table: Table, row_ids: Sequence[int]
) -> list[AnyRow]:
    """Return the rows with these ids, in the same order."""
    wanted = select(func.json_each(id_list(row_ids)).table_valued("value").c.value)
    rows = {row.id: row for row in (await db.execute(columns.where(table.c.id.in_(wanted)))).all()}
    return [rows[row_id] for row_id in row_ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorting:
    order: Order
    after: Position | None
    limit: int
    at: int
    """When spans end that are under way, ms UTC."""

    def directed(self, column: ColumnElement[object]) -> ColumnElement[object]:
        return column.desc() if self.order.descending else column.asc()


async def _by_value(db: AsyncConnection, search: Search, sorting: _Sorting) -> PageKeys:
    # The floor stays where the first page put it: rows must not leave the list between its pages.
    floor = await searching.scan_floor(db, search) if sorting.after is None else sorting.after.floor
    rows = (await db.execute(_sorted(search, sorting, floor))).all()
    shown = rows[: sorting.limit]
    cursor = None
    if len(rows) > len(shown):
        last = Position(value=shown[-1].value, id=shown[-1].id, floor=floor, at=sorting.at)
        cursor = encode_cursor(sorting.order, last)
    searched = None if floor is None else searching.SCAN_LIMIT
    return PageKeys(ids=[row.id for row in shown], next=cursor, searched=searched)


def _sorted(search: Search, sorting: _Sorting, floor: int | None) -> Select[*tuple[object, ...]]:
    row_id = search.table.c.id
    matching = select(row_id, sorting.order.column(now=sorting.at).label("value")).where(*search.conditions)
    if floor is not None:
        matching = matching.where(row_id > floor)
    if floor is not None or not search.indexed:
        # Read the way they are sorted: most moments rise with the ids, so few that are kept must go again.
        matching = matching.order_by(sorting.directed(row_id)).limit(-1)
    rows = matching.subquery()
    query = select(rows.c.id, rows.c.value)
    if sorting.after is not None:
        query = query.where(_is_behind(rows.c.value, rows.c.id, sorting.after, sorting.order))
    query = query.order_by(
        rows.c.value.is_(None), sorting.directed(rows.c.value), sorting.directed(rows.c.id)
    )
    return query.limit(sorting.limit + 1)


def _is_behind(
    column: ColumnElement[object], row_id: ColumnElement[int], position: Position, order: Order
) -> Condition:
    same_value = row_id < position.id if order.descending else row_id > position.id
    if position.value is None:
        return and_(column.is_(None), same_value)
    value = bound(position.value) if isinstance(position.value, str) else literal(position.value)
    beyond = column < value if order.descending else column > value
    return or_(beyond, and_(column == value, same_value), column.is_(None))
