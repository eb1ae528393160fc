"""What differs between two jobs.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import JobPair
from console.rows.difference_paint import difference_paint
from console.screens.base import DeskScreen
from console.widgets.text_view import TextView
from core.model.comparisons import JobComparison
from core.model.text import SafeText, safe_line
from core.render.comparison import comparison_lines


class DifferenceScreen(DeskScreen):
    """Two jobs compared: parameters, definition, costs, and the tasks that differ."""

    PARTS = ("view",)
    NOUNS = ("job",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, jobs: JobPair) -> None:
        super().__init__(desk)
        self._jobs = jobs
        self._view: JobComparison | None = None
        self.view = TextView(difference_paint(lambda: desk.look))

    def body(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    async def load(self) -> None:
        self._view = await self.desk.control.history.compare(self._jobs.after, self._jobs.before)
        self.view.put([line.text for line in comparison_lines(self._view)])
        self.show_status()

    def title_line(self) -> SafeText:
        if self._view is None:
            return safe_line(f" Job {self._jobs.after} compared")
        return safe_line(f" Job {self._view.after.id} compared with job {self._view.before.id}")

    def position_text(self) -> str:
        return self.view.position_text

    def restyle(self) -> None:
        self.view.refresh()

    def selected_view(self) -> object:
        return self._view
