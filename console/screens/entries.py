"""The entries of a budget under one key, newest first.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import GaugeRef
from console.rows.entry_rows import entry_row_format
from console.rows.pages import Pages
from console.rows.row_count import first_words
from console.screens.base import DeskScreen
from console.screens.parts.loading import read_on
from console.widgets.table import Table
from core.model.entry_views import EntryQuery, EntryView
from core.model.text import SafeText, safe_line
from core.model.views import Page

_NONE = SafeText("nothing was booked on this budget yet, and nothing that runs holds any of it")


class EntriesScreen(DeskScreen):
    """What attempts that run hold, then the ledger."""

    PARTS = ("entries",)
    READER = "table"
    NOUNS = ("gauge", "spending", "attempt", "task", "limit")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, of: GaugeRef) -> None:
        super().__init__(desk)
        self._of = of
        self._query = EntryQuery(limit=of.limit, key=of.key)
        self.table: Table[EntryView] = Table(entry_row_format(lambda: desk.look))
        self._pages = Pages(self._read)
        self._held = 0
        """How many attempts that run hold some of it."""

    def body(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    async def load(self) -> None:
        """Read the entries in view and around."""
        await self._pages.show(self.table.top, self.table.top + self.table.height)
        self._show()

    def title_line(self) -> SafeText:
        key = f" · {self._of.key}" if self._of.key else ""
        held = f"  {self._held:,} reserved" if self._held else ""
        return safe_line(f" Entries of {self._of.limit}{key}{held}")

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

    def on_table_end_wanted(self) -> None:
        """Read on to the end, as far as a list is searched for it."""
        self.reload_for_operator(self._read_to_end)

    def on_table_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show the task that spent it."""
        row = self.table.selected
        if row is not None and row.task_id is None:
            self.tell(SafeText("an operator made this entry: no task stands behind it"))
        self.visit("task", None if row is None else row.task_id)

    async def _read(self, after: str | None, limit: int) -> Page[EntryView]:
        page = await self.desk.control.ledger.entries(self._query, after=after, limit=limit)
        if after is None:
            self._held = sum(not row.id for row in page.rows)
        return page

    async def _read_to_end(self) -> None:
        is_end = await self._pages.reach_end()
        self._show()
        self.table.go_to(self._pages.count - 1)
        if not is_end:
            self.tell(first_words(self._pages.count))

    def _show(self) -> None:
        self.table.replace(self._pages.window(), count=self._pages.count, more=self._pages.more)
        self.table.say(_NONE)
        self.show_status()
