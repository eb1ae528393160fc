"""Newcomers: how many rows came above those in view.

Owned by the list screen.
"""

from __future__ import annotations

import time
from typing import Generic, TypeVar

from console.rows.sort_order import BY_NAME, is_by_id, is_descending, order_of
from console.screens.parts.row_source import RowSource
from core.control.api import ControlAPI
from core.filters.terms import Compare, Filter, Op
from core.model.errors import TaskdeckError
from core.model.records import replace

V = TypeVar("V")
_SECONDS = 1.0
"""Between two counts."""


class Newcomers(Generic[V]):
    """Counts what is newer than the newest row that was in view, in lists whose newest rows come first."""

    def __init__(self, rows: RowSource[V], control: ControlAPI) -> None:
        self._rows = rows
        self._control = control
        self._where: Filter | None = None
        self._newest = 0
        """The highest id that was in view at the top."""
        self._number = 0
        self._is_at_top = True
        self._is_due = False
        self._asked_at = 0.0

    def note(self, *, at_top: bool) -> None:
        """Note whether the first rows are in view: then nothing is new."""
        self._is_at_top = at_top
        if self._where != self._rows.where:
            self._where, self._newest, self._number = self._rows.where, 0, 0
        if at_top:
            self._number, self._is_due = 0, False
            first = self._rows.shown.rows.get(0)
            number = None if first is None else getattr(self._rows.listing.view(first), "id", None)
            self._newest = number if isinstance(number, int) else 0

    def wants_count(self, *, changed: bool) -> bool:
        """Tell whether it is time to count; `changed` = rows have changed."""
        order = order_of(self._rows.where, usual=self._rows.listing.order)
        where = replace(self._rows.where, sort=order)
        is_newest_first = where.noun not in BY_NAME and is_by_id(where) and is_descending(where)
        if self._is_at_top or not self._newest or not is_newest_first:
            return False
        self._is_due = self._is_due or changed
        return self._is_due and time.monotonic() - self._asked_at > _SECONDS

    async def count(self) -> None:
        """Count; after an error the last number stays until the next change."""
        self._asked_at, self._is_due = time.monotonic(), False
        where, newest = self._rows.where, self._newest
        newer = Compare(field="id", op=Op.MORE, value=newest)
        predicate = self._rows.predicate
        try:
            found = await self._control.count(replace(predicate, terms=(*predicate.terms, newer), sort=None))
        except TaskdeckError:
            return
        if not self._is_at_top and (where, newest) == (self._rows.where, self._newest):
            self._number = found.number

    def status_words(self) -> str:
        """Say how many rows are above; '' = none."""
        return f"{self._number:,} new above" if self._number else ""
