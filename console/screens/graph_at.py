"""The graph of a job as it stood after an event.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.exports.extract import Extract
from console.key_table import bindings
from console.navigation.history import JobMoment
from console.rows.copies import ShownTexts
from console.screens.base import DeskScreen
from console.screens.parts.job_graph import JobGraph
from console.screens.parts.moments import Moments
from core.model.text import SafeText


class GraphAtScreen(DeskScreen):
    """The graph of then: its labels have the statuses of that moment, and no verb acts on it."""

    PARTS = ("job_at", "node")
    BINDINGS = bindings(*PARTS)
    READER = "graph"

    def __init__(self, desk: Desk, moment: JobMoment) -> None:
        super().__init__(desk)
        self.graph = JobGraph(desk)
        self.moments = Moments(self, desk.control, moment)

    @property
    def mark(self) -> SafeText:  # type: ignore[override] # it changes with the event
        return self.moments.mark("BUNDLE " if self.desk.mark else "")

    def body(self) -> ComposeResult:
        yield self.graph.view
        yield self.graph.foot

    def on_mount(self) -> None:
        self.graph.view.focus()

    def on_resize(self) -> None:
        """Draw the graph for the new height."""
        self.call_after_refresh(self.graph.draw)
        self.show_status()

    async def load(self) -> None:
        self.graph.take(await self.moments.read())

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Return False: the past does not change."""
        return False

    def title_line(self) -> SafeText:
        return self.moments.title(self.size.width or 80)

    def position_text(self) -> str:
        return self.graph.view.position_text

    def restyle(self) -> None:
        self.graph.restyle()

    def selected_view(self) -> object:
        return self.graph.task

    def shown_texts(self) -> ShownTexts:
        return self.graph.texts()

    def extract(self) -> Extract | None:
        return self.graph.extract(self.file_name)

    def job_view(self) -> object:
        return self.graph.job

    def on_graph_view_moved(self) -> None:
        """Describe the node under the cursor."""
        self.graph.describe()
        self.show_status()

    def on_graph_view_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show the task as it stands now, or unfold the layer."""
        if not self.graph.unfold():
            self.visit("task", None if self.graph.task is None else self.graph.task.id)

    def action_back(self) -> None:
        """Fold the layers again, else go back to the list."""
        if not self.graph.fold_all():
            super().action_back()

    def action_step(self, by: int) -> None:
        """Go to the next event of the job, or to the one before."""
        self.moments.step(by)

    def action_draw(self) -> None:
        """Go back to the list."""
        self.action_back()
