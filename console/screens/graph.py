"""The graph screen: the tasks of a job with live states.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.exports.extract import Extract
from console.key_table import bindings
from console.rows.copies import ShownTexts
from console.screens.job_picture import JobPictureScreen
from console.screens.parts.job_graph import JobGraph
from console.screens.parts.job_keys import JOB_PARTS
from console.verbs.selection import Selection


class GraphScreen(JobPictureScreen):
    """Stages side by side, one node for each task; in a large job the layers of a stage are folded."""

    PARTS = ("node", *JOB_PARTS)
    BINDINGS = bindings(*PARTS)
    READER = "graph"
    NOUNS = ("job", "stage", "task")

    def __init__(self, desk: Desk, job_id: int) -> None:
        super().__init__(desk, job_id)
        self.graph = JobGraph(desk)

    def body(self) -> ComposeResult:
        yield self.graph.view
        yield self.graph.foot

    def on_mount(self) -> None:
        """Focus the graph; begin at the task under the cursor of the list below."""
        self.graph.view.focus()
        self.graph.first_task = self.job_keys.first_task()

    def on_resize(self) -> None:
        """Draw the graph for the new height."""
        self.call_after_refresh(self.graph.draw)
        self.show_status()

    async def load(self) -> None:
        with self.pace.reading():
            self.graph.take(await self.desk.control.job_detail(self.job_id))

    def position_text(self) -> str:
        return self.graph.view.position_text

    def restyle(self) -> None:
        self.graph.restyle()

    def chosen(self) -> Selection | None:
        return self.graph.selection()

    def task_status(self) -> str:
        task = self.graph.task
        return "" if task is None else task.status

    def selected_view(self) -> object:
        return self.graph.task

    def shown_texts(self) -> ShownTexts:
        return self.graph.texts()

    def extract(self) -> Extract | None:
        return self.graph.extract(self.file_name)

    def subject(self) -> int | None:
        """Return the task under the cursor; None on a folded layer."""
        task = self.graph.task
        return None if task is None else task.id

    def job_view(self) -> object:
        return self.graph.job

    def on_graph_view_moved(self) -> None:
        """Describe the node under the cursor."""
        self.graph.describe()
        self.show_status()

    def on_graph_view_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show the task, or unfold the layer."""
        if not self.graph.unfold():
            self.visit("task", self.subject())

    def action_back(self) -> None:
        """Fold the layers again, else go back to the list."""
        if not self.graph.fold_all():
            super().action_back()

    def action_draw(self) -> None:
        """Go on to the timeline."""
        self.visit("timeline", self.job_id)
