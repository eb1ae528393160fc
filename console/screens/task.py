"""Task: everything about one task on a page: state, attempts, input, output, error, events."""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import worded
from console.rows.task_lines import TaskPage, read_task_page, task_lines
from console.screens.base import DeskScreen
from console.verbs.selection import Selection, task_selection
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line
from core.model.views import TaskView


class TaskScreen(DeskScreen):
    """One task; it is read again each tick."""

    PARTS = ("view", "retry", "again", "cancel", "kill", "hold", "logs", "events")
    NOUNS = ("task", "attempt")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, task_id: int) -> None:
        super().__init__(desk)
        self.task_id = task_id
        self.view = TextView()
        self._page: TaskPage | None = None

    def compose(self) -> ComposeResult:
        """Stack the lines."""
        yield self.head
        yield self.view
        yield self.status
        yield self.hints

    def on_mount(self) -> None:
        """Give the keys to the text."""
        self.view.focus()

    async def load(self) -> None:
        self._page = await read_task_page(self.desk.control, self.task_id)
        self._write()

    def age(self) -> None:
        """Write how long it has been running."""
        self._write()
        super().age()

    def restyle(self) -> None:
        """Take the glyphs of another theme."""
        self._write()

    def task_status(self) -> str:
        """Return how the task stands."""
        return "" if self._shown_task is None else self._shown_task.status

    def selected_view(self) -> object:
        """Return the task as a whole."""
        return None if self._page is None else self._page.detail

    def title_line(self) -> SafeText:
        """Name the task and how it stands."""
        task = self._shown_task
        if task is None:
            return safe_line(f" Task {self.task_id}")
        return safe_line(f" Task {task.id}  {task.key}  {worded(task.status, self.desk.look)}")

    def rows_words(self) -> str:
        """Tell where in the text one is."""
        return self.view.words

    def chosen(self) -> Selection | None:
        """Return this task."""
        return None if self._shown_task is None else task_selection(self._shown_task)

    def action_logs(self) -> None:
        """Show its output."""
        self.visit("log", self.task_id)

    def action_events(self) -> None:
        """Show all its events."""
        self.visit("task events", self.task_id)

    def _write(self) -> None:
        if self._page is not None:
            self.view.put(list(task_lines(self._page, self.desk.look)))

    @property
    def _shown_task(self) -> TaskView | None:
        return None if self._page is None else self._page.detail.task
