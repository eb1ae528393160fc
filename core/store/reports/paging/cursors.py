"""Cursors: the order of a list, and opaque positions in it.

Used by the keyset pages and the events.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from core.filters.fields import Kind, Noun
from core.filters.terms import Filter, field_of
from core.model.errors import Invalid
from core.store.predicates import Expression, column_of

_INT64 = 2**63
# Rows are numbered as they are created.
_SAME_ORDER_AS_ID = "created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a list is ordered: by a column, then by id in the same direction; NULL comes last."""

    noun: Noun
    name: str
    descending: bool

    def column(self, *, now: int) -> Expression:
        """Return what SQL orders by; spans that are under way end at `now` (ms UTC)."""
        return column_of(self.noun, field_of(self.noun, self.name).column, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a page ended: value and id of its last row."""

    value: str | int | None
    id: int
    floor: int | None = None
    """Only rows with a higher id are in the list; None = all."""
    at: int | None = None
    """The moment (ms UTC) at which spans that are under way end, in all pages of the list."""


def order_of(filter_: Filter, *, descending: bool) -> Order:
    """Return the order a filter asks for, or that by id; an age rises while its moment falls."""
    sort = filter_.sort
    if sort is None:
        return Order(noun=filter_.noun, name="id", descending=descending)
    field = field_of(filter_.noun, sort.field)
    name = "id" if field.column == _SAME_ORDER_AS_ID else sort.field
    return Order(noun=filter_.noun, name=name, descending=sort.descending != (field.kind is Kind.AGE))


def encode_cursor(order: Order, position: Position) -> str:
    """Write a position as the cursor of the page that follows."""
    parts = [_label(order), position.value, position.id, position.floor, position.at]
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(order: Order, cursor: str) -> Position:
    """Read a cursor of a list in this order; raise `Invalid` `page.cursor` for any other."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _invalid() from error
    match parts:
        case [
            label,
            (str() | int() | None) as value,
            int(row_id),
            (int() | None) as floor,
            (int() | None) as at,
        ] if label == _label(order) and all(_is_bindable(part) for part in (value, row_id, floor, at)):
            return Position(value=value, id=row_id, floor=floor, at=at)
        case _:
            raise _invalid()


def _is_bindable(part: str | int | None) -> bool:
    return not isinstance(part, int) or -_INT64 <= part < _INT64


def _label(order: Order) -> str:
    return f"{order.noun}:{'-' if order.descending else ''}{order.name}"


def _invalid() -> Invalid:
    return Invalid(
        "page.cursor",
        "this cursor does not belong to this list",
        hint="take `next` of a page with the same filter and order",
    )
