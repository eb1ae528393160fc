"""A table of any length: only the rows in view are drawn.

Used by the list screens and the dialogs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from enum import Enum, auto
from typing import TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from console.key_table import bindings
from console.widgets.column_widths import MARGIN, ColumnWidths
from console.widgets.row_format import RowFormat
from console.widgets.scroll_list import ScrollList
from console.widgets.strip_cache import CellsBeforeAfter, LineStyle, StripCache, TablePaper
from core.model.records import replace
from core.model.text import SafeText, fit
from core.render.columns import Column

V = TypeVar("V")
_MEASURED = 600
"""Rows that the columns are fitted to: as many as three pages hold."""


class CursorShown(Enum):
    """When the row under the cursor is drawn as such."""

    ALWAYS = auto()
    WITH_FOCUS = auto()
    """For tables that share a screen: only the one with the keys shows its cursor."""


class Table(ScrollList[V], can_focus=True, inherit_bindings=False):
    """A virtual table: line 0 is the head, below it the rows.

    `replace` sets the rows in memory; only the cells that changed are drawn again. The columns are fitted to
    the rows in memory, and from then on only grow.
    """

    BINDINGS = bindings("table")
    COMPONENT_CLASSES = {"table--head", "table--cursor", "table--edge", "table--age"}
    DEFAULT_CSS = """
    Table .table--head { text-style: bold; }
    Table .table--cursor { text-style: reverse; }
    """

    def __init__(
        self,
        row_format: RowFormat[V],
        *,
        cursor: CursorShown = CursorShown.ALWAYS,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(row_format.key, id=id)
        self._cursor_shown = cursor
        self._widths = ColumnWidths(row_format)
        self._strips = StripCache(self._widths)
        self._fitted: int | None = None
        """The number of the first row that the columns were fitted to; None = they are to be fitted."""
        self._empty_text = SafeText("")
        self._paper: TablePaper | None = None
        self.is_marked: Callable[[Hashable], bool] = lambda _: False
        """Tells whether the row of a key is marked."""
        self.head_clicked = lambda x: self.title_clicked(self._widths.name_at(x))
        self.title_clicked: Callable[[str], None] = lambda _: None
        """Is told the name of the column whose title was clicked; '' = none."""

    @property
    def row_format(self) -> RowFormat[V]:
        """How its rows look."""
        return self._widths.row_format

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that have room, from left to right."""
        return self._widths.columns

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """All columns, shown or not."""
        return self.row_format.columns

    @property
    def hidden(self) -> frozenset[str]:
        """Names of columns that are not shown."""
        return self._widths.hidden

    def replace(self, rows: Mapping[int, V], *, count: int, more: bool) -> None:
        """Take the rows in memory, by number; `count` rows are known, and `more` may follow."""
        before, old = self._visible_keys(), self.cursor
        self.more = more
        moved = self._window.take(rows, count)
        self._resize_list(moved=moved)
        if self.cursor != old:
            self._refresh_row(old)
            self._refresh_row(self.cursor)
        if self._fitted != self._window.first or self._widths.hides_text(self._views_in_view()):
            self._refit()
        self._draw_changes(before)

    def forget_widths(self) -> None:
        """Fit the columns again when the next rows come: they may be of another kind."""
        self._fitted = None

    def take_format(self, row_format: RowFormat[V]) -> None:
        """Write the rows in another format from now on."""
        self._widths.row_format = row_format
        self._refit()
        self.restyle()

    def say(self, text: SafeText) -> None:
        """Show a text in place of the first row while the table is empty."""
        if text != self._empty_text:
            self._empty_text = text
            self._refresh_row(self.top)

    def refresh_ages(self) -> None:
        """Update the cells that grow with time."""
        if not self._widths.growing:
            return
        aged = (
            (line, self._strips.refresh_ages(self.row_format.key(view), view))
            for line, view in self._in_view()
            if view is not None
        )
        self._draw_cells([(line, cells) for line, cells in aged if cells is not None])

    def notify_style_update(self) -> None:
        """Forget the styles that were kept for drawing."""
        self._paper = None
        super().notify_style_update()

    def redraw_row(self) -> None:
        """Draw the margin of the row under the cursor: it was marked, or unmarked."""
        self.refresh(Region(0, self.cursor - self.top + 1, MARGIN, 1))

    def redraw_rows(self) -> None:
        """Draw the margin of all rows: marks have changed."""
        self.refresh(*(Region(0, line + 1, MARGIN, 1) for line in range(self.height)))

    def show_order(self, name: str, *, descending: bool) -> None:
        """Show in the head by which column the rows are sorted."""
        order = (name, "▼" if descending else "▲")
        if order != self._widths.order:
            self._widths.order = order
            self.refresh(Region(0, 0, self.size.width, 1))

    def hide(self, names: Collection[str]) -> None:
        """Show all columns but these, as far as there is room; one always stays."""
        if self._widths.hide(names):
            self._refit()

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns; those hidden by name stay hidden."""
        self._widths.row_format = replace(self.row_format, columns=tuple(columns))
        self._refit()

    def restyle(self) -> None:
        """Draw everything: the theme or the widths have changed."""
        self._paper = None
        self._strips.clear()
        self.refresh()

    def on_focus(self) -> None:
        self._refresh_cursor()

    def on_blur(self) -> None:
        self._refresh_cursor()

    def resized(self) -> None:
        """Lay the columns out for the new width."""
        self._refit()
        self._resize_list()
        self._keep_in_view()
        self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        """Return one line of the view: the head, a row, or nothing."""
        width, paper = self.size.width, self._styles_of_lines()
        if y == 0:
            return self._strips.head(LineStyle(width=width, paper=paper))
        number = self.top + y - 1
        view = self.rows.get(number)
        if view is None:
            text = SafeText(f" {self._empty_text}" if y == 1 and not self.count else "")
            return Strip([Segment(fit(text, width), paper.row)], width)
        key = self.row_format.key(view)
        is_cursor = number == self.cursor and self._shows_cursor()
        ground = LineStyle(width=width, paper=paper, is_marked=self.is_marked(key), is_cursor=is_cursor)
        strip = self._strips.strip(key, view, ground)
        if len(self._strips.unmeasured) == 1:
            self.call_later(self._make_room)
        return strip

    def _shows_cursor(self) -> bool:
        return self._cursor_shown is CursorShown.ALWAYS or self.has_focus

    def _styles_of_lines(self) -> TablePaper:
        # Textual computes them each time, which took a third of drawing a page.
        if self._paper is None:
            self._paper = TablePaper(
                row=self.rich_style,
                head=self.get_component_rich_style("table--head"),
                cursor=self.get_component_rich_style("table--cursor"),
                edge=self.get_component_rich_style("table--edge"),
                age=Style(color=self.get_component_rich_style("table--age").color),
            )
        return self._paper

    def _refresh_cursor(self) -> None:
        if self._cursor_shown is CursorShown.WITH_FOCUS:
            self._refresh_row(self.cursor)

    def _refit(self) -> None:
        self._fitted = self._window.first
        measured = self._window.near(self.top, most=_MEASURED)
        if self._widths.refit(measured, self.size.width, in_view=self._views_in_view()):
            self.restyle()

    def _make_room(self) -> None:
        rows = list(self._strips.unmeasured)
        self._strips.unmeasured.clear()
        if self._widths.hides_text(self._views_in_view()):
            self._refit()
        elif self._widths.grow(rows):
            self.restyle()

    def _views_in_view(self) -> list[V]:
        return [view for _, view in self._in_view() if view is not None]

    def _draw_changes(self, before: Sequence[Hashable]) -> None:
        old_cells, rows = self._strips.replace_rows(), []
        for line, view in self._in_view():
            key = None if view is None else self.row_format.key(view)
            if line >= len(before) or key != before[line]:
                self._refresh_row(self.top + line)
            if view is not None:
                rows.append((line, self._strips.rewrite(key, view, old_cells.get(key))))
        self._draw_cells(rows)

    def _draw_cells(self, rows: Sequence[tuple[int, CellsBeforeAfter]]) -> None:
        """Draw the cells that differ, by line of the rows; everything if they need more room."""
        if self._widths.grow(new for _, (_, new) in rows):
            self.restyle()
            return
        for line, (old, new) in rows:
            if old != new:
                self.refresh(*self._widths.changed(line + 1, old, new))
