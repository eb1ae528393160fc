"""PagedScreen: a screen of one table that is read by pages.

Notices, entries, a schedule and the past are its subclasses.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.app import ComposeResult

from console.desk import Desk
from console.rows.pages import Pages
from console.rows.row_count import first_words
from console.screens.base import DeskScreen
from console.screens.parts.loading import read_on
from console.widgets.row_format import RowFormat
from console.widgets.table import Table
from core.model.text import SafeText
from core.model.views import Page

V = TypeVar("V")


class PagedScreen(DeskScreen, Generic[V]):
    """A table of the rows in view and near it: it reads on as the view moves, and to the end by a key."""

    READER = "table"

    def __init__(self, desk: Desk, row_format: RowFormat[V]) -> None:
        super().__init__(desk)
        self.table: Table[V] = Table(row_format)
        self.pages = Pages(self.read)

    def body(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    async def read(self, after: str | None, limit: int) -> Page[V]:
        """Return the page after a cursor (None = the first), of at most so many rows."""
        raise NotImplementedError

    def nothing(self) -> SafeText:
        """Return what stands where the rows would be when there is none."""
        raise NotImplementedError

    def action_open(self) -> None:
        """Show what the row under the cursor stands for."""
        raise NotImplementedError

    async def load(self) -> None:
        """Read the rows in view and around."""
        pages = self.pages
        await pages.show(self.table.top, self.table.top + self.table.height)
        if pages is self.pages:
            self.show_rows()

    def start_over(self) -> None:
        """Read other rows, from the first on."""
        self.pages = Pages(self.read)
        self.table.start_over()
        self.reload_for_operator()
        self.show_status()

    def show_rows(self) -> None:
        """Show the rows in memory, and how many there are."""
        self.table.replace(self.pages.window(), count=self.pages.count, more=self.pages.more)
        self.table.say(self.nothing())
        self.show_status()

    def position_text(self) -> str:
        at = self.table.cursor + 1 if self.table.count else 0
        return f"row {at:,}/{self.table.count:,}{'+' if self.table.more else ''}"

    def selected_view(self) -> object:
        return self.table.selected

    def refresh_ages(self) -> None:
        self.table.refresh_ages()
        super().refresh_ages()

    def restyle(self) -> None:
        self.table.restyle()

    def on_table_moved(self) -> None:
        """Read on when the view nears rows that are not in memory."""
        self.show_status()
        read_on(self, self.table)

    def on_table_opened(self) -> None:
        self.action_open()

    def on_table_end_wanted(self) -> None:
        """Read on to the end, as far as a list is searched for it."""
        self.reload_for_operator(self._read_to_end)

    async def _read_to_end(self) -> None:
        pages = self.pages
        is_end = await pages.reach_end()
        if pages is self.pages:
            self.show_rows()
            self.table.go_to(pages.count - 1)
            if not is_end:
                self.tell(first_words(pages.count))
