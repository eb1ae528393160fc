"""Pages by keyset: orders, cursors, limits."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Row, Select, and_, literal, or_

from core.model.errors import Invalid
from core.model.fields import Kind, Noun
from core.model.terms import Filter, field_of
from core.model.views import Page
from core.store.predicates import Expression, bound, column_of, where

PAGE_MAX = 2_000
"""Rows of a page at the most, whatever was asked for."""
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a list is ordered: by a column, then by id in the same direction; nothing (NULL) comes last."""

    noun: Noun
    name: str
    descending: bool

    @property
    def column(self) -> Expression:
        """What SQL orders by."""
        return column_of(self.noun, field_of(self.noun, self.name).column)


def bounded(limit: int) -> int:
    """Return a limit that is at least 1 and at most `PAGE_MAX`."""
    return max(1, min(limit, PAGE_MAX))


def order_of(filter_: Filter, *, descending: bool) -> Order:
    """Return the order a filter asks for, or that by id; an age rises while its moment falls."""
    sort = filter_.sort
    if sort is None:
        return Order(noun=filter_.noun, name="id", descending=descending)
    is_age = field_of(filter_.noun, sort.field).kind is Kind.AGE
    return Order(noun=filter_.noun, name=sort.field, descending=sort.descending != is_age)


def narrow(query: Select[*tuple[object, ...]], filter_: Filter, *, now: int) -> Select[*tuple[object, ...]]:
    """Keep the rows that a filter lets pass."""
    return query.where(*where(filter_, now=now))


def turn_to(
    query: Select[*tuple[object, ...]], order: Order, *, after: str | None, limit: int
) -> Select[*tuple[object, ...]]:
    """Order a query and leave out what a cursor's page and those before it had; one row more than `limit`.

    Adds the value that the next cursor needs as the last column. Raises `Invalid` `page.cursor`.
    """
    number = column_of(order.noun, "id")
    columns = [number] if order.name == "id" else [order.column, number]
    if after is not None:
        query = query.where(_behind(order, after))
    if order.name != "id":
        query = query.order_by(order.column.is_(None))
    query = query.order_by(*(c.desc() if order.descending else c.asc() for c in columns))
    return query.add_columns(order.column.label("cursor_value")).limit(bounded(limit) + 1)


def page(rows: Sequence[Row[*tuple[object, ...]]], views: Sequence[V], order: Order) -> Page[V]:
    """Make a page of views whose rows came from `turn_to`; the row too many tells that more follows."""
    if len(views) == len(rows):
        return Page(rows=tuple(views))
    last = rows[len(views) - 1]
    return Page(rows=tuple(views), next=_write(order, (last.cursor_value, last.id)))


def _behind(order: Order, after: str) -> ColumnElement[bool]:
    value, number = _read(order, after)
    identity = column_of(order.noun, "id")
    further = identity < number if order.descending else identity > number
    if order.name == "id":
        return further
    column = order.column
    if value is None:
        return and_(column.is_(None), further)
    wanted = bound(value) if isinstance(value, str) else literal(value)
    beyond = column < wanted if order.descending else column > wanted
    return or_(beyond, and_(column == wanted, further), column.is_(None))


def _write(order: Order, place: tuple[object, object]) -> str:
    text = json.dumps([_label(order), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(order: Order, cursor: str) -> tuple[str | int | None, int]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _foreign() from error
    match parts:
        case [label, (str() | int() | None) as value, int(number)] if label == _label(order):
            return value, number
        case _:
            raise _foreign()


def _label(order: Order) -> str:
    return f"{order.noun}:{'-' if order.descending else ''}{order.name}"


def _foreign() -> Invalid:
    return Invalid(
        "page.cursor",
        "this cursor belongs to no such list",
        hint="take `next` of a page with the same filter and order",
    )
