"""Cursors: the order of a list, and where a page of it ended."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from core.filters.fields import Kind, Noun
from core.filters.terms import Filter, field_of
from core.model.errors import Invalid
from core.store.predicates import Expression, column_of

_BIG = 2**63
# Rows are numbered as they are created.
_NUMBERED = "created_at"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page ended: value and id of its last row."""

    value: str | int | None
    number: int
    floor: int | None = None
    """Only rows with a higher id are in the list; None = all."""


def order_of(filter_: Filter, *, descending: bool) -> Order:
    """Return the order a filter asks for, or that by id; an age rises while its moment falls."""
    sort = filter_.sort
    if sort is None:
        return Order(noun=filter_.noun, name="id", descending=descending)
    field = field_of(filter_.noun, sort.field)
    name = "id" if field.column == _NUMBERED else sort.field
    return Order(noun=filter_.noun, name=name, descending=sort.descending != (field.kind is Kind.AGE))


def write(order: Order, place: Place) -> str:
    """Write a place as the cursor of the page that follows."""
    text = json.dumps([_label(order), place.value, place.number, place.floor], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(order: Order, cursor: str) -> Place:
    """Read a cursor of a list in this order; raise `Invalid` `page.cursor` for any other."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _foreign() from error
    match parts:
        case [label, (str() | int() | None) as value, int(number), (int() | None) as floor] if (
            label == _label(order) and all(_fits(part) for part in (value, number, floor))
        ):
            return Place(value=value, number=number, floor=floor)
        case _:
            raise _foreign()


def _fits(part: str | int | None) -> bool:
    return not isinstance(part, int) or -_BIG <= part < _BIG


def _label(order: Order) -> str:
    return f"{order.noun}:{'-' if order.descending else ''}{order.name}"


def _foreign() -> Invalid:
    return Invalid(
        "page.cursor",
        "this cursor belongs to no such list",
        hint="take `next` of a page with the same filter and order",
    )
