"""Column keys: sorting, choice of columns, moments as ages or clock.

Owned by the list screen.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from console.dialogs.menu import MenuDialog
from console.rows.kept_columns import KeptColumns
from console.rows.sort_order import inverted, order_of, sorted_by, sorted_by_name
from console.rows.time_columns import shown_as, usual
from console.rows.value_terms import letters
from console.screens.parts.hosts import ListHost
from console.screens.parts.row_source import RowSource
from console.widgets.table import Table
from core.model.text import SafeText

V = TypeVar("V")


class ColumnKeys(Generic[V]):
    """Sorts a list, hides columns, and shows moments as ages or by the clock."""

    def __init__(self, rows: RowSource[V], table: Table[V], host: ListHost, *, kept: KeptColumns) -> None:
        self._rows = rows
        self._kept = kept
        self._table = table
        self._host = host
        self._offered = table.all_columns
        """The columns as they are before their moments are shown in some way."""
        self._times = kept.times or usual(self._offered)
        self._table.hide(kept.hidden)
        self._table.title_clicked = self.sort_by
        self._table.show_columns(shown_as(self._offered, self._times))
        self.show_order()

    def sort(self, step: int) -> None:
        """Sort by the next column to the right, or to the left."""
        self._host.narrow(sorted_by(self._rows.where, self._table.columns, step))

    def sort_by(self, name: str) -> None:
        """Sort by the column whose title was clicked, the other way round with a second click."""
        where = sorted_by_name(self._rows.where, self._table.columns, name)
        if where != self._rows.where:
            self._host.narrow(where)

    def invert(self) -> None:
        self._host.narrow(inverted(self._rows.where, usual=self._rows.listing.order))

    def show_order(self) -> None:
        order = order_of(self._rows.where, usual=self._rows.listing.order)
        self._table.show_order(order.field, descending=order.descending)
        self._kept.keep_order(self._rows.where.sort)

    def times(self) -> None:
        """Show moments as ages, or by the clock."""
        self._times = self._times.other
        self._kept.keep_times(self._times)
        self._table.show_columns(shown_as(self._offered, self._times))

    def choose(self) -> None:
        """Offer the columns, to be shown or hidden."""
        self._host.begin(self._choose, group="menu", exclusive=True)

    async def _choose(self) -> None:
        names = [column.name for column in self._table.all_columns]
        offered = dict(zip(letters(names), names, strict=True))
        while True:
            hidden = set(self._table.hidden)
            lines = {
                letter: SafeText(f"[{' ' if name in hidden else 'x'}] {name}")
                for letter, name in offered.items()
            }
            letter = await self._host.ask(MenuDialog(SafeText("Columns"), lines))
            if not letter:
                return
            self._table.hide(hidden ^ {offered[letter]})
            self._kept.keep_hidden(self._table.hidden)

    def follow_row(self) -> None:
        """Let the cursor keep to its row, or to its place."""
        follows = self._table.toggle_following()
        where = "its row, wherever that goes" if follows else "its place in the list"
        self._host.tell(SafeText(f"the cursor keeps to {where}"))
