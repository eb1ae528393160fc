"""Column widths: which columns a table shows, and how wide.

Used by the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from textual.geometry import Region

from console.widgets.row_format import RowFormat
from core.model.text import SafeText, cells
from core.render.columns import GAP, TIME_DEPENDENT, Column
from core.render.widths import ColumnLayout, allot_widths, visible_columns, widen_last, widened_needs

V = TypeVar("V")
_MAY_GO = 2
"""The priority from which a column is left out while it is empty and another one is cut."""
MARGIN = 1
"""Cells to the left and to the right of all columns; the left one holds the mark."""


class ColumnWidths(Generic[V]):
    """The widths of the columns, steady while the rows change.

    `refit` measures rows and shares the whole width out; `grow` only widens columns for texts that need
    it, as far as there is room. A column with a text in the rows in view goes before one without any.
    """

    def __init__(self, row_format: RowFormat[V]) -> None:
        self.row_format = row_format
        self.hidden: frozenset[str] = frozenset()
        self.shape: ColumnLayout = ()
        self.growing: tuple[int, ...] = ()
        """Indexes of the columns that change with time alone."""
        self.order = ("", "")
        """By which column the rows are sorted, and the arrow behind its title."""
        self._width = 0
        self._needs: dict[str, int] = {}
        self._chosen: tuple[Column, ...] = ()
        """The columns that have room, before what is empty makes room for what is cut."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that have room, from left to right."""
        return tuple(column for column, _ in self.shape)

    def hide(self, names: Collection[str]) -> bool:
        """Show all columns but these; False if none would be left."""
        can = any(column.name not in names for column in self.row_format.columns)
        self.hidden = frozenset(names) if can else self.hidden
        return can

    def refit(self, rows: Iterable[V], width: int, *, in_view: Collection[V] = ()) -> bool:
        """Share a width out by what these rows need; return whether the shape has changed."""
        self._width, self._needs = width, self._least_needs()
        self._chosen = self._choose(self._empty(in_view))
        # What is steady takes its room whatever it holds, and need not be written.
        columns = [column for column in self._chosen if not column.keeps_floor]
        names = [column.name for column in columns]
        self._needs = widened_needs(self._needs, names, (self.row_format.write(row, columns) for row in rows))
        return self._reshape()

    def hides_text(self, in_view: Collection[V]) -> bool:
        """Whether a column that is not shown has a text in these rows, and would be shown by `refit`."""
        shown = self.columns
        if len(shown) == len(self._offered()):
            return False
        empty = self._empty(in_view)
        return any(column not in shown for column in self._choose(empty) if column.name not in empty)

    def grow(self, rows: Iterable[Sequence[SafeText]]) -> bool:
        """Make room for the cells of rows that are shown; return whether the shape is another."""
        needs = widened_needs(self._needs, [column.name for column in self.columns], rows)
        if needs == self._needs:
            return False
        self._needs = needs
        return self._reshape()

    def titles(self) -> list[str]:
        """Return the titles of the shown columns, an arrow behind that of the order."""
        name, arrow = self.order
        return [
            f"{column.title[: max(0, room - 1)]}{arrow}" if column.name == name else column.title
            for column, room in self.shape
        ]

    def name_at(self, x: int) -> str:
        """Return the name of the column at a place of a line; '' = there is none."""
        left = MARGIN
        for column, room in self.shape:
            if left <= x < left + room:
                return column.name
            left += room + GAP
        return ""

    def changed(self, line: int, old: Sequence[SafeText], new: Sequence[SafeText]) -> Iterator[Region]:
        """Return where on a line of the view the cells of a row differ."""
        left = MARGIN
        for (_, room), was, now in zip(self.shape, old, new, strict=False):
            if was != now:
                yield Region(left, line, room, 1)
            left += room + GAP

    @property
    def _room(self) -> int:
        return max(0, self._width - 2 * MARGIN)

    def _offered(self) -> list[Column]:
        return [column for column in self.row_format.columns if column.name not in self.hidden]

    def _empty(self, rows: Iterable[V]) -> frozenset[str]:
        """Return the names of the columns that have no text in any of these rows."""
        lacking = [column for column in self._offered() if column.priority]
        for row in rows:
            texts = self.row_format.write(row, lacking)
            lacking = [column for column, text in zip(lacking, texts, strict=True) if not text]
        return frozenset(column.name for column in lacking)

    def _choose(self, empty: Collection[str]) -> tuple[Column, ...]:
        return visible_columns(self._offered(), self._room, empty=empty)

    def _is_filled(self, column: Column) -> bool:
        return bool(column.priority < _MAY_GO or self._needs.get(column.name))

    def _least_needs(self) -> dict[str, int]:
        name, arrow = self.order
        steady = {column.name: column.floor for column in self._offered() if column.keeps_floor}
        ordered = [column for column in self._offered() if column.name == name]
        return steady | {
            column.name: max(steady.get(name, 0), cells(column.title + arrow)) for column in ordered
        }

    def _reshape(self) -> bool:
        old = self.shape
        layout = allot_widths(self._chosen, self._needs, self._room)
        if any(room < self._needs.get(column.name, 0) for column, room in layout):
            # What is cut has more to say than a column without any text.
            layout = allot_widths(list(filter(self._is_filled, self._chosen)), self._needs, self._room)
        self.shape = widen_last(layout, self._room)
        self.growing = tuple(
            index for index, (column, _) in enumerate(self.shape) if column.form in TIME_DEPENDENT
        )
        return self.shape != old
