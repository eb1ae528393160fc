"""The entries of a budget under one key, newest first.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import GaugeRef
from console.rows.entry_rows import entry_row_format
from console.screens.paged_screen import PagedScreen
from core.model.limits.entry_views import EntryQuery, EntryView
from core.model.text import SafeText, safe_line
from core.model.views import Page

_NONE = SafeText("nothing was booked on this budget yet, and nothing that runs holds any of it")


class EntriesScreen(PagedScreen[EntryView]):
    """What attempts that run hold, then the ledger."""

    PARTS = ("entries",)
    NOUNS = ("gauge", "spending", "attempt", "task", "limit")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, of: GaugeRef) -> None:
        super().__init__(desk, entry_row_format(lambda: desk.look))
        self._of = of
        self._query = EntryQuery(limit=of.limit, key=of.key)
        self._held = 0
        """How many attempts that run hold some of it."""

    async def read(self, after: str | None, limit: int) -> Page[EntryView]:
        page = await self.desk.control.ledger.entries(self._query, after=after, limit=limit)
        if after is None:
            self._held = sum(not row.id for row in page.rows)
        return page

    def nothing(self) -> SafeText:
        return _NONE

    def title_line(self) -> SafeText:
        key = f" · {self._of.key}" if self._of.key else ""
        held = f"  {self._held:,} reserved" if self._held else ""
        return safe_line(f" Entries of {self._of.limit}{key}{held}")

    def action_open(self) -> None:
        """Show the task that spent it."""
        row = self.table.selected
        if row is not None and row.task_id is None:
            self.tell(SafeText("an operator made this entry: no task stands behind it"))
        self.visit("task", None if row is None else row.task_id)
