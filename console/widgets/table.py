"""Table: a list of any length, drawn line by line from the rows in view."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.keymap import bindings
from core.model.columns import GAP, Column, choose
from core.model.text import SafeText, fit

V = TypeVar("V")
_STRIPS = 1_000
_CURSOR = Style(reverse=True)
_HEAD = Style(bold=True)
_MARGIN = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Face(Generic[V]):
    """How a view becomes a row: its key, one safe text for each column, the style of a column."""

    columns: tuple[Column, ...]
    key: Callable[[V], Hashable]
    write: Callable[[V, Sequence[Column]], tuple[SafeText, ...]]
    style: Callable[[V, Column], Style | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """The cells of a row as they were last written; `version` is never used twice."""

    version: int
    cells: tuple[SafeText, ...]


class Table(ScrollView, Generic[V], can_focus=True, inherit_bindings=False):
    """A virtual table: line 0 is the head, below it the rows; the cursor keeps to the key of its row.

    `replace` brings the rows in memory; only the spans of cells that changed are drawn again.
    """

    BINDINGS = bindings("table")
    DEFAULT_CSS = """
    Table { height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size: 0 0; }
    """

    class Moved(Message):
        """The cursor or the view moved: other rows may be needed."""

    class Opened(Message):
        """A row was chosen with the mouse."""

    class EndWanted(Message):
        """The last row is asked for, and not known yet."""

    def __init__(self, face: Face[V], *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._face = face
        self._rows: Mapping[int, V] = {}
        self.count = 0
        self.more = False
        self._said = SafeText("")
        self.cursor = 0
        self._key: Hashable = None
        self._shape: tuple[tuple[Column, int], ...] = ()
        self._written: dict[Hashable, _Written] = {}
        self._version = 0
        self._strips: LRUCache[tuple[Hashable, int, int, bool], Strip] = LRUCache(_STRIPS)

    @property
    def selected(self) -> V | None:
        """The view under the cursor."""
        return self._rows.get(self.cursor)

    @property
    def height(self) -> int:
        """How many rows have room."""
        return max(1, self.size.height - 1)

    @property
    def top(self) -> int:
        """The number of the first row in view."""
        return self.scroll_offset.y

    def replace(self, rows: Mapping[int, V], *, count: int, more: bool) -> None:
        """Take the rows in memory, by number; `count` rows are known, and `more` may follow."""
        before = self._visible_keys()
        self._rows, self.count, self.more = rows, count, more
        self._follow_key()
        self._resize_list()
        self._draw_changes(before)

    def say(self, words: SafeText) -> None:
        """Show words where the first row would stand, as long as there is no row."""
        if words != self._said:
            self._said = words
            self._refresh_row(self.top)

    def restyle(self) -> None:
        """Draw everything anew: the look has changed."""
        self._strips.clear()
        self._written.clear()
        self.refresh()

    def go_to(self, number: int) -> None:
        """Move the cursor to a row, as near as there is one."""
        old, self.cursor = self.cursor, max(0, min(number, self.count - 1))
        self._remember_key()
        self._refresh_row(old)
        self._refresh_row(self.cursor)
        self._keep_in_view()
        self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        self.go_to(self.cursor + step)

    def action_half(self, step: int) -> None:
        """Move by half a page."""
        self.go_to(self.cursor + step * max(1, self.height // 2))

    def action_page(self, step: int) -> None:
        """Move by a page."""
        self.go_to(self.cursor + step * self.height)

    def action_first(self) -> None:
        """Move to the first row."""
        self.go_to(0)

    def action_last(self) -> None:
        """Move to the last row; ask for it if it is not known yet."""
        self.go_to(self.count - 1)
        if self.more:
            self.post_message(self.EndWanted())

    def on_click(self, event: events.Click) -> None:
        """Move to the row that was clicked; a second click opens it."""
        row = self.top + event.y - 1
        if event.y == 0 or row >= self.count:
            return
        if row == self.cursor:
            self.post_message(self.Opened())
        self.go_to(row)

    def on_resize(self) -> None:
        """Lay the columns out for the new width."""
        self._shape = _shape(self._face.columns, self.size.width)
        self.restyle()
        self._resize_list()
        self._keep_in_view()
        self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        """Return one line of the view: the head, a row, or nothing."""
        width = self.size.width
        if y == 0:
            return self._head(width)
        number = self.top + y - 1
        view = self._rows.get(number)
        if view is None:
            said = SafeText(f" {self._said}" if y == 1 and not self.count else "")
            return Strip([Segment(fit(said, width), self.rich_style)], width)
        return self._strip(view, width, is_cursor=number == self.cursor)

    def _head(self, width: int) -> Strip:
        titles = (fit(column.title, room, right=column.right) for column, room in self._shape)
        text = " " * _MARGIN + (" " * GAP).join(titles)
        return Strip([Segment(fit(text, width), self.rich_style + _HEAD)], width)

    def _strip(self, view: V, width: int, *, is_cursor: bool) -> Strip:
        key = self._face.key(view)
        written = self._written.get(key) or self._write(key, view)
        place = (key, written.version, width, is_cursor)
        strip = self._strips.get(place)
        if strip is None:
            strip = self._strips[place] = self._draw(view, written.cells, is_cursor=is_cursor)
        return strip

    def _draw(self, view: V, cells: Sequence[SafeText], *, is_cursor: bool) -> Strip:
        base = self.rich_style + _CURSOR if is_cursor else self.rich_style
        segments = [Segment(" " * _MARGIN, base)]
        for index, ((column, room), cell) in enumerate(zip(self._shape, cells, strict=True)):
            own = None if is_cursor else self._face.style(view, column)
            if index:
                segments.append(Segment(" " * GAP, base))
            segments.append(Segment(fit(cell, room, right=column.right), base + own if own else base))
        return Strip(segments).adjust_cell_length(self.size.width, base).simplify()

    def _write(self, key: Hashable, view: V) -> _Written:
        self._version += 1
        cells = self._face.write(view, [column for column, _ in self._shape])
        self._written[key] = _Written(version=self._version, cells=cells)
        return self._written[key]

    def _visible_keys(self) -> list[Hashable]:
        views = (self._rows.get(self.top + line) for line in range(self.height))
        return [None if view is None else self._face.key(view) for view in views]

    def _draw_changes(self, before: Sequence[Hashable]) -> None:
        known, self._written = self._written, {}
        for line, key in enumerate(self._visible_keys()):
            view = self._rows.get(self.top + line)
            if line >= len(before) or key != before[line]:
                self._refresh_row(self.top + line)
            if view is None:
                continue
            old, new = known.get(key), self._write(key, view)
            if old is not None and old.cells == new.cells:
                self._written[key] = old
            elif old is not None:
                self._refresh_cells(line, old.cells, new.cells)

    def _refresh_cells(self, line: int, old: Sequence[SafeText], new: Sequence[SafeText]) -> None:
        left = _MARGIN
        for (_, room), was, now in zip(self._shape, old, new, strict=False):
            if was != now:
                self.refresh(Region(left, line + 1, room, 1))
            left += room + GAP

    def _refresh_row(self, number: int) -> None:
        line = number - self.top
        if 0 <= line < self.height:
            self.refresh(Region(0, line + 1, self.size.width, 1))

    def _follow_key(self) -> None:
        old = self.cursor
        at = self._rows.get(self.cursor)
        if self._key is not None and (at is None or self._face.key(at) != self._key):
            found = (number for number, view in self._rows.items() if self._face.key(view) == self._key)
            self.cursor = min(found, key=lambda number: abs(number - old), default=old)
        self.cursor = max(0, min(self.cursor, self.count - 1))
        self._remember_key()
        if self.cursor != old:
            self._refresh_row(old)
            self._refresh_row(self.cursor)

    def _remember_key(self) -> None:
        view = self._rows.get(self.cursor)
        self._key = None if view is None else self._face.key(view)

    def _resize_list(self) -> None:
        size = Size(self.size.width, self.count + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        self._keep_in_view()

    def _keep_in_view(self) -> None:
        # Half a page at once: on a slow line a scroll costs the whole view, however short it is.
        if self.cursor < self.top:
            target = self.cursor if self.cursor < self.height // 2 else self.cursor - self.height // 2
        elif self.cursor >= self.top + self.height:
            target = self.cursor - self.height // 2
        else:
            return
        self.scroll_to(y=target, animate=False, force=True)


def _shape(columns: Sequence[Column], width: int) -> tuple[tuple[Column, int], ...]:
    """Choose the columns for a width; what is left over goes to the widest text."""
    shown = choose(columns, width - 2 * _MARGIN)
    spare = width - 2 * _MARGIN - sum(column.width + GAP for column in shown) + GAP
    texts = [column for column in shown if not column.right]
    widest = max(texts, key=lambda column: column.width, default=None)
    return tuple((column, column.width + (max(0, spare) if column is widest else 0)) for column in shown)
