"""A scrolled list of any number of rows, with a cursor.

The base of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from console.widgets.resized import Resized
from console.widgets.row_window import RowWindow
from console.widgets.wheel import Wheel

V = TypeVar("V")
"""Rows by which one step of the wheel moves."""


class ScrollList(ScrollView, Resized, Wheel, Generic[V], inherit_bindings=False):
    """Scrolling and cursor of a list below a head line; a subclass draws the rows."""

    DEFAULT_CSS = """
    ScrollList { height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size: 0 0; }
    """

    class Moved(Message, namespace="table"):
        """The cursor or the view moved: other rows may be needed."""

    class Opened(Message, namespace="table"):
        """The row under the cursor was clicked."""

    class EndWanted(Message, namespace="table"):
        """The last row is wanted, and not read yet."""

    def __init__(self, key: Callable[[V], Hashable], *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._window = RowWindow(key)
        self.more = False
        """Whether more rows may follow those that are known."""
        self.head_clicked: Callable[[int], None] = lambda _: None
        """Is told where on the head line a click was."""

    @property
    def selected(self) -> V | None:
        """The view under the cursor."""
        return self._window.selected

    @property
    def cursor(self) -> int:
        """The number of the row under the cursor."""
        return self._window.cursor

    @property
    def caret(self) -> Offset:
        """The first cell of the row under the cursor."""
        return Offset(0, max(0, min(self.cursor - self.top + 1, self.size.height - 1)))

    @property
    def count(self) -> int:
        """How many rows are known to be there."""
        return self._window.count

    @property
    def rows(self) -> Mapping[int, V]:
        """The rows in memory, by number."""
        return self._window.rows

    @property
    def lacks_rows(self) -> bool:
        """Whether rows in view are not in memory."""
        last = min(self.top + self.height, self.count)
        return any(number not in self.rows for number in range(self.top, last))

    @property
    def nears_end(self) -> bool:
        """Whether a page below the view leaves the rows that are known, and more may follow."""
        return self.more and self.top + 2 * self.height >= self.count

    @property
    def height(self) -> int:
        """How many rows have room."""
        return max(1, self.size.height - 1)

    @property
    def top(self) -> int:
        """The number of the first row in view."""
        return self.scroll_offset.y

    def span(self, first: int, last: int) -> dict[int, V] | None:
        """Return the rows of two numbers and between; None if one of them is not in memory."""
        return self._window.span(first, last)

    def toggle_following(self) -> bool:
        """Let the cursor keep to its row, or to its place; return whether it is its row."""
        self._window.is_following = not self._window.is_following
        return self._window.is_following

    def go_to(self, number: int) -> None:
        """Move the cursor to the row of a number, at most the first or the last."""
        old = self.cursor
        self._window.go_to(number)
        self._refresh_row(old)
        self._refresh_row(self.cursor)
        self._keep_in_view()
        self.post_message(self.Moved())

    def start_over(self) -> None:
        """Go to the first row of other rows that will come: of another order, or another filter."""
        old = self.cursor
        self._window.start_over()
        self._refresh_row(old)
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self._refresh_row(0)
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
        """Move to the last row; ask for it if it has not been read yet."""
        self.go_to(self.count - 1)
        if self.more:
            self.post_message(self.EndWanted())

    def on_click(self, event: events.Click) -> None:
        """Move to the row that was clicked; a second click opens it."""
        row = self.top + event.y - 1
        if event.y == 0:
            self.head_clicked(event.x)
        if event.y == 0 or row >= self.count:
            return
        if row == self.cursor:
            self.post_message(self.Opened())
        self.go_to(row)

    def _in_view(self) -> list[tuple[int, V | None]]:
        return [(line, self.rows.get(self.top + line)) for line in range(self.height)]

    def _visible_keys(self) -> list[Hashable]:
        return [None if view is None else self._window.key(view) for _, view in self._in_view()]

    def _refresh_row(self, number: int) -> None:
        line = number - self.top
        if 0 <= line < self.height:
            self.refresh(Region(0, line + 1, self.size.width, 1))

    def _resize_list(self, *, moved: int = 0) -> None:
        """Take the number of rows; `moved` = by how many the row of the cursor has moved down."""
        size = Size(self.size.width, self.count + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        if moved and self.top:
            # Rows came or went above: those in view stay on their lines. At the top the new ones are shown.
            # Not by a scroll, which would draw all lines again although they are the same.
            top = float(max(0, min(self.top + moved, self.count - self.height)))
            self.set_reactive(ScrollList.scroll_y, top)
            self.set_reactive(ScrollList.scroll_target_y, top)
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
