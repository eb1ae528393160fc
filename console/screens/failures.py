"""The failures screen: what fails, one row for each family.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import Subject
from console.rows.families import acknowledged_text, family_row_format, where_family
from console.rows.listing import failures
from console.screens.list_screen import ListScreen
from console.screens.parts.family_keys import FamilyKeys, family_selection
from console.verbs.selection import Selection
from core.model.failures import FamilyState, FamilyView
from core.model.text import SafeText, safe_line


class FailuresScreen(ListScreen[FamilyView]):
    """Families with failing tasks, the most urgent first; one page holds them all."""

    PARTS = ("list", "task_by_task", "acknowledge", "retry", "logs", "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("task", "attempt", "family")
    PLACES = {"open": "tasks"}
    nothing = SafeText("nothing fails")

    def __init__(self, desk: Desk) -> None:
        listing = failures(desk.control)
        row_format = family_row_format(listing.columns, lambda: desk.look, desk.last_look)
        super().__init__(desk, listing, row_format=row_format)
        self.families = FamilyKeys(desk, self, selected=lambda: self.table.selected)
        self.action_acknowledge = self.families.acknowledge

    def title_line(self) -> SafeText:
        rows = self.table.rows.values()
        tasks = sum(family.tasks for family in rows)
        known = sum(family.state is FamilyState.ACKNOWLEDGED for family in rows)
        number = self.table.count
        parts = [f"{number:,} famil{'y' if number == 1 else 'ies'}", f"{tasks:,} tasks"]
        return safe_line(f" Failures  {'  '.join([*parts, *([f'{known:,} known'] if known else [])])}")

    def status_words(self) -> tuple[str, ...]:
        family = self.table.selected
        return ("" if family is None else acknowledged_text(family), *super().status_words())

    def chosen(self) -> Selection | None:
        return None if self.table.selected is None else family_selection(self.table.selected)

    def subject(self) -> Subject | None:
        family = self.table.selected
        return None if family is None else where_family(family, "failed", "retrying")

    def action_logs(self) -> None:
        """Show the output of the newest task that failed so."""
        self.visit("log", None if self.table.selected is None else self.table.selected.newest_task)

    async def action_task_by_task(self) -> None:
        await self.app.run_action("screen('retries')")
