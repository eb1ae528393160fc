"""The task screen: all fields of one task on a page.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import worded
from console.rows.task_lines import TaskPage, read_last_lines, read_task_page, task_lines
from console.screens.base import DeskScreen
from console.verbs.selection import Selection, task_selection
from console.widgets.text_paint import page_paint
from console.widgets.text_view import TextView
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.views import TaskView


class TaskScreen(DeskScreen):
    """State, attempts, input, output, error and newest events of a task."""

    PARTS = ("view", "retry", "again", "cancel", "kill", "hold", "why", "logs", "events", "artifacts")
    NOUNS = ("task", "attempt")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, task_id: int) -> None:
        super().__init__(desk)
        self.task_id = task_id
        self.view = TextView(page_paint(lambda: desk.look))
        self._page: TaskPage | None = None

    def body(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    async def load(self) -> None:
        page = await read_task_page(self.desk.control, self.task_id)
        lines = await read_last_lines(self.desk.control, self.task_id)
        self._page = replace(page, output=lines)
        self._write()

    def refresh_ages(self) -> None:
        self._write()
        super().refresh_ages()
        if self.task_status() == "running":
            # Output has no events.
            self.take_changes(frozenset(("task",)))

    def restyle(self) -> None:
        """Write the glyphs of the new theme, and draw its colours."""
        self._write()
        self.view.refresh()

    def task_status(self) -> str:
        return "" if self._shown_task is None else self._shown_task.status

    def selected_view(self) -> object:
        return None if self._page is None else self._page.detail

    def title_line(self) -> SafeText:
        task = self._shown_task
        if task is None:
            return safe_line(f" Task {self.task_id}")
        return safe_line(f" Task {task.id}  {task.key}  {worded(task.status, self.desk.look)}")

    def position_text(self) -> str:
        return self.view.position_text

    def chosen(self) -> Selection | None:
        return None if self._shown_task is None else task_selection(self._shown_task)

    def action_logs(self) -> None:
        self.visit("log", self.task_id)

    def action_artifacts(self) -> None:
        self.visit("task artifacts", self.task_id)

    def action_why(self) -> None:
        self.visit("why", self.task_id)

    def action_events(self) -> None:
        self.visit("task events", self.task_id)

    def _write(self) -> None:
        if self._page is not None:
            self.view.put(list(task_lines(self._page, self.desk.look)))

    @property
    def _shown_task(self) -> TaskView | None:
        return None if self._page is None else self._page.detail.task
