"""The entries of a budget under one key, newest first.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import GaugeRef
from console.rows.entry_rows import entry_row_format
from console.screens.base import DeskScreen
from console.widgets.table import Table
from core.model.entry_views import EntryQuery, EntryView
from core.model.text import SafeText, safe_line
from core.model.views import Page

_PAGE = 200
_NONE = SafeText("nothing was booked on this budget yet, and nothing that runs holds any of it")


class EntriesScreen(DeskScreen):
    """What attempts that run hold, then the ledger, read page by page as the cursor comes near its end."""

    PARTS = ("entries",)
    READER = "table"
    NOUNS = ("gauge", "spending", "attempt", "task", "limit")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, of: GaugeRef) -> None:
        super().__init__(desk)
        self._of = of
        self._query = EntryQuery(limit=of.limit, key=of.key)
        self.table: Table[EntryView] = Table(entry_row_format(lambda: desk.look))
        self._held: tuple[EntryView, ...] = ()
        self._booked: tuple[EntryView, ...] = ()
        """Rows of the ledger, without a gap; they never change."""
        self._next: str | None = None
        self._is_near_end = False

    def body(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()

    async def load(self) -> None:
        """Read the newest, and the next page where the cursor is near the last row."""
        first = await self.desk.control.ledger.entries(self._query, limit=_PAGE)
        self._take_first(first)
        if self._is_near_end and self._next is not None:
            page = await self.desk.control.ledger.entries(self._query, after=self._next, limit=_PAGE)
            self._booked, self._next = (*self._booked, *page.rows), page.next
        self._is_near_end = False
        rows = (*self._held, *self._booked)
        self.table.replace(dict(enumerate(rows)), count=len(rows), more=self._next is not None)
        self.table.say(_NONE)
        self.show_status()

    def title_line(self) -> SafeText:
        key = f" · {self._of.key}" if self._of.key else ""
        held = f"  {len(self._held):,} reserved" if self._held else ""
        return safe_line(f" Entries of {self._of.limit}{key}{held}")

    def position_text(self) -> str:
        at = self.table.cursor + 1 if self.table.count else 0
        more = "+" if self._next is not None else ""
        return f"row {at:,}/{self.table.count:,}{more}"

    def selected_view(self) -> object:
        return self.table.selected

    def refresh_ages(self) -> None:
        self.table.refresh_ages()
        super().refresh_ages()

    def restyle(self) -> None:
        self.table.restyle()

    def on_table_moved(self) -> None:
        """Read on when the view nears the last row that was read."""
        self.show_status()
        last = self.table.top + self.table.height
        if self._next is not None and last + self.table.height >= self.table.count:
            self._is_near_end = True
            self.reload_for_operator()

    def on_table_end_wanted(self) -> None:
        """Read the next page; the last one may be far away."""
        self._is_near_end = True
        self.reload_for_operator()

    def on_table_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show the task that spent it."""
        row = self.table.selected
        if row is not None and row.task_id is None:
            self.tell(SafeText("an operator made this entry: no task stands behind it"))
        self.visit("task", None if row is None else row.task_id)

    def _take_first(self, page: Page[EntryView]) -> None:
        """Put the newest page before the rows that were read earlier."""
        self._held = tuple(row for row in page.rows if not row.id)
        booked = tuple(row for row in page.rows if row.id)
        known = {row.id for row in self._booked}
        if not any(row.id in known for row in booked):
            # More than a page is new, or it is the first: what is between is not known.
            self._booked, self._next = booked, page.next
            return
        self._booked = (*(row for row in booked if row.id not in known), *self._booked)
