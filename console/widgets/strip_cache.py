"""Strip cache: the last cells and drawn strips of rows.

Used by the table.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from console.widgets.column_widths import MARGIN, ColumnWidths
from console.widgets.row_format import RowStyle, draw_row
from core.model.text import SafeText
from core.render.columns import Form

V = TypeVar("V")
_STRIPS = 1_000
_MARK, _EDGE = "*", "▌"
_PASSED = (Form.AGE, Form.CLOCK)


CellsBeforeAfter: TypeAlias = tuple[tuple[SafeText, ...], tuple[SafeText, ...]]
"""The cells of a row before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The cells of a row as they were written; `version` is never used twice."""

    version: int
    cells: tuple[SafeText, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePaper:
    """The styles of a table's lines in the present theme."""

    row: Style
    head: Style
    cursor: Style
    edge: Style
    """Of the first cell of the row under the cursor."""
    age: Style
    """Of how long ago something was, which is seldom what is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStyle:
    """How a line is drawn: its width and styles, whether marked, whether under the cursor."""

    width: int
    paper: TablePaper
    is_marked: bool = False
    is_cursor: bool = False


class StripCache(Generic[V]):
    """Draws rows as strips; one that has not changed is not drawn again."""

    def __init__(self, widths: ColumnWidths[V]) -> None:
        self._widths = widths
        self._written: dict[Hashable, Written] = {}
        self._version = 0
        self.unmeasured: list[tuple[SafeText, ...]] = []
        """Cells that came into view and were not measured yet."""
        self._drawn: LRUCache[tuple[Hashable, int, int, bool, bool], Strip] = LRUCache(_STRIPS)

    def clear(self) -> None:
        """Forget everything: the widths or the theme have changed."""
        self._drawn.clear()
        self._written.clear()
        self.unmeasured.clear()

    def replace_rows(self) -> dict[Hashable, Written]:
        """Return the cells of the rows so far and forget them: other rows are in memory."""
        old, self._written = self._written, {}
        return old

    def rewrite(self, key: Hashable, view: V, known: Written | None) -> CellsBeforeAfter:
        """Write the cells of a row that was `known` before; return them as they were and as they are."""
        cells = self._widths.row_format.write(view, self._widths.columns)
        if known is not None and known.cells == cells:
            # Its strips are still good.
            self._written[key] = known
        else:
            self._keep(key, cells)
        return cells if known is None else known.cells, cells

    def refresh_ages(self, key: Hashable, view: V) -> CellsBeforeAfter | None:
        """Update the cells that grow with time; return them before and after, None if they are the same."""
        old = self._written.get(key)
        if old is None:
            return None
        widths = self._widths
        columns = [widths.shape[index][0] for index in widths.growing]
        grown = dict(zip(widths.growing, widths.row_format.write(view, columns), strict=True))
        cells = tuple(grown.get(index, cell) for index, cell in enumerate(old.cells))
        return None if cells == old.cells else (old.cells, self._keep(key, cells).cells)

    def head(self, ground: LineStyle) -> Strip:
        """Return the line of titles."""
        titles = self._widths.titles()
        paper = RowStyle(base=ground.paper.head, width=ground.width, margin=" " * MARGIN)
        return draw_row(self._widths.shape, titles, [None] * len(titles), paper)

    def strip(self, key: Hashable, view: V, ground: LineStyle) -> Strip:
        """Return the line of a row."""
        written = self._written.get(key) or self._write(key, view)
        place = (key, written.version, ground.width, ground.is_cursor, ground.is_marked)
        strip = self._drawn.get(place)
        if strip is None:
            strip = self._drawn[place] = self._draw(view, written.cells, ground)
        return strip

    def _draw(self, view: V, cells: Sequence[SafeText], ground: LineStyle) -> Strip:
        style = self._widths.row_format.style
        paper = ground.paper
        base = paper.cursor if ground.is_cursor else paper.row
        # Reversed, a colour would be that of the cell, and could not be read.
        is_plain = bool(base.reverse)
        styles: list[Style | None] = [None] * len(self._widths.columns)
        if not is_plain:
            age = None if ground.is_cursor else paper.age
            styles = [
                style(view, column) or (age if column.form in _PASSED else None)
                for column in self._widths.columns
            ]
        has_edge = ground.is_cursor and not (is_plain or ground.is_marked)
        margin = _MARK if ground.is_marked else _EDGE if has_edge else " " * MARGIN
        row_style = RowStyle(
            base=base, width=ground.width, margin=margin, edge=paper.edge if has_edge else None
        )
        return draw_row(self._widths.shape, cells, styles, row_style)

    def _write(self, key: Hashable, view: V) -> Written:
        written = self._keep(key, self._widths.row_format.write(view, self._widths.columns))
        self.unmeasured.append(written.cells)
        return written

    def _keep(self, key: Hashable, cells: tuple[SafeText, ...]) -> Written:
        self._version += 1
        self._written[key] = Written(version=self._version, cells=cells)
        return self._written[key]
