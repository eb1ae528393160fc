"""Table: a list of any length, drawn line by line from the rows in view."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
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
from console.widgets.face import Face, Paper, draw_row, lay_out
from core.model.columns import GAP, Column, Form
from core.model.text import SafeText, fit

__all__ = ["Face", "Table"]

V = TypeVar("V")
_STRIPS = 1_000
_CURSOR = Style(reverse=True)
_HEAD = Style(bold=True)
_MARGIN = 1
_MARK = "*"
_GROWING = (Form.AGE, Form.SPAN, Form.DUE)


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
        self._strips: LRUCache[tuple[Hashable, int, int, bool, bool], Strip] = LRUCache(_STRIPS)
        self._plain: Style | None = None
        self._order = ("", "")
        self.hidden: frozenset[str] = frozenset()
        """Names of columns that are not shown."""
        self.is_marked: Callable[[Hashable], bool] = lambda _: False
        """Tells whether the row of a key is marked."""
        self.is_following = True
        """The cursor keeps to its row; else to its place."""

    @property
    def selected(self) -> V | None:
        """The view under the cursor."""
        return self._rows.get(self.cursor)

    @property
    def rows(self) -> Mapping[int, V]:
        """The rows in memory, by number."""
        return self._rows

    @property
    def lacks_rows(self) -> bool:
        """Whether rows in view are not in memory."""
        last = min(self.top + self.height, self.count)
        return any(number not in self._rows for number in range(self.top, last))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that have room, from left to right."""
        return tuple(column for column, _ in self._shape)

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """All columns, shown or not."""
        return self._face.columns

    def span(self, first: int, last: int) -> dict[int, V] | None:
        """Return the rows of two numbers and between; None if one of them is not in memory."""
        numbers = range(first, last + 1)
        if any(number not in self._rows for number in numbers):
            return None
        return {number: self._rows[number] for number in numbers}

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

    def age(self) -> None:
        """Write what grows with time anew, and draw the cells that differ."""
        growing = {index: column for index, (column, _) in enumerate(self._shape) if column.form in _GROWING}
        for line in range(self.height if growing else 0):
            view = self._rows.get(self.top + line)
            old = None if view is None else self._written.get(self._face.key(view))
            if view is None or old is None:
                continue
            grown = dict(zip(growing, self._face.write(view, list(growing.values())), strict=True))
            cells = tuple(grown.get(index, cell) for index, cell in enumerate(old.cells))
            if cells != old.cells:
                self._version += 1
                self._written[self._face.key(view)] = _Written(version=self._version, cells=cells)
                self._refresh_cells(line, old.cells, cells)

    def notify_style_update(self) -> None:
        """Forget the style of the last look."""
        self._plain = None
        super().notify_style_update()

    def redraw_row(self) -> None:
        """Draw the margin of the row under the cursor anew: it was marked, or unmarked."""
        self.refresh(Region(0, self.cursor - self.top + 1, _MARGIN, 1))

    def redraw_rows(self) -> None:
        """Draw the margin of all rows anew: the marks are others."""
        for line in range(self.height):
            self.refresh(Region(0, line + 1, _MARGIN, 1))

    def show_order(self, name: str, *, descending: bool) -> None:
        """Show in the head by which column the rows are sorted."""
        order = (name, "▼" if descending else "▲")
        if order != self._order:
            self._order = order
            self.refresh(Region(0, 0, self.size.width, 1))

    def hide(self, names: Collection[str]) -> None:
        """Show all columns but these, as far as there is room; one always stays."""
        left = [column for column in self._face.columns if column.name not in names]
        if left:
            self.hidden = frozenset(names)
            self._shape = lay_out(left, self.size.width - 2 * _MARGIN)
            self.restyle()

    def restyle(self) -> None:
        """Draw everything anew: the look has changed."""
        self._plain = None
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
        self.hide(self.hidden)
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
            return Strip([Segment(fit(said, width), self._base())], width)
        return self._strip(view, width, is_cursor=number == self.cursor)

    def _head(self, width: int) -> Strip:
        name, arrow = self._order
        titles = [
            f"{column.title[: max(0, column.width - 1)]}{arrow}" if column.name == name else column.title
            for column, _ in self._shape
        ]
        paper = Paper(base=self._base() + _HEAD, width=width, margin=" " * _MARGIN)
        return draw_row(self._shape, titles, [None] * len(titles), paper)

    def _strip(self, view: V, width: int, *, is_cursor: bool) -> Strip:
        key = self._face.key(view)
        written = self._written.get(key) or self._write(key, view)
        is_marked = self.is_marked(key)
        place = (key, written.version, width, is_cursor, is_marked)
        strip = self._strips.get(place)
        if strip is None:
            margin = _MARK if is_marked else " " * _MARGIN
            strip = self._draw(view, written.cells, margin=margin, is_cursor=is_cursor)
            self._strips[place] = strip
        return strip

    def _draw(self, view: V, cells: Sequence[SafeText], *, margin: str, is_cursor: bool) -> Strip:
        base = self._base() + _CURSOR if is_cursor else self._base()
        styles = [None if is_cursor else self._face.style(view, column) for column, _ in self._shape]
        return draw_row(self._shape, cells, styles, Paper(base=base, width=self.size.width, margin=margin))

    def _base(self) -> Style:
        # Textual makes this anew at each look, which cost a third of a page.
        if self._plain is None:
            self._plain = self.rich_style
        return self._plain

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
        if self.is_following and self._key is not None and (at is None or self._face.key(at) != self._key):
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
