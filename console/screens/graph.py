"""The graph screen: the tasks of a job with live states.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.content import Content

from console.desk import Desk
from console.exports.extract import Extract
from console.key_table import bindings
from console.rows.copies import ShownTexts
from console.rows.graph_nodes import GraphNode, StageNodes, fold
from console.rows.listing import style_of
from console.screens.job_picture import JobPictureScreen
from console.screens.parts.extracts import text_extract
from console.screens.parts.job_keys import JOB_PARTS
from console.verbs.selection import Selection, task_selection
from console.widgets.graph_view import GraphView, Label
from console.widgets.line import Line
from core.control.api import Target
from core.model.error_line import error_line
from core.model.text import safe_line
from core.model.views import JobDetail, TaskView
from core.render.graph.drawing import GraphDrawing, draw_graph
from core.render.graph.layering import Band

_NAMED = 4
"""Neighbours that the foot line names."""


class GraphScreen(JobPictureScreen):
    """Stages side by side, one node for each task; in a large job the layers of a stage are folded."""

    PARTS: tuple[str, ...] = ("node", *JOB_PARTS)
    BINDINGS = bindings(*PARTS)
    READER = "graph"
    NOUNS = ("job", "stage", "task")

    def __init__(self, desk: Desk, job_id: int) -> None:
        super().__init__(desk, job_id)
        self.view = GraphView()
        self.foot = Line(classes="foot")
        self._detail: JobDetail | None = None
        self._unfolded: frozenset[str] = frozenset()
        self._nodes_by_key: dict[str, GraphNode] = {}
        self._bands: list[Band] = []
        self._room = 0
        self._picture: GraphDrawing | None = None
        self._first_task: int | None = None

    def body(self) -> ComposeResult:
        yield self.view
        yield self.foot

    def on_mount(self) -> None:
        """Focus the graph; begin at the task under the cursor of the list below."""
        self.view.focus()
        self._first_task = self.job_keys.first_task()

    def on_resize(self) -> None:
        """Draw the graph for the new height."""
        self.call_after_refresh(self._show)
        self.show_status()

    async def load(self) -> None:
        with self.pace.reading():
            self.draw(await self.desk.control.job_detail(self.job_id))

    def draw(self, detail: JobDetail) -> None:
        """Show a job as it stands, or stood."""
        self._detail = detail
        self._show()

    def position_text(self) -> str:
        return self.view.position_text

    def restyle(self) -> None:
        """Draw the labels in the colours of the new theme."""
        self._show()
        self.view.refresh()

    def chosen(self) -> Selection | None:
        """Return the task under the cursor, or all tasks of a folded layer."""
        node = self._nodes_by_key.get(self.view.cursor)
        if node is None:
            return None
        if not node.folded:
            return task_selection(node.tasks[0])
        ids = tuple(task.id for task in node.tasks)
        running = sum(task.status == "running" for task in node.tasks)
        return Selection(
            target=Target(task_ids=ids), label=f"{len(ids)} tasks ({node.name})", running=running
        )

    def task_status(self) -> str:
        node = self._nodes_by_key.get(self.view.cursor)
        return "" if node is None or node.folded else node.tasks[0].status

    def selected_view(self) -> object:
        node = self._nodes_by_key.get(self.view.cursor)
        return None if node is None or node.folded else node.tasks[0]

    def shown_texts(self) -> ShownTexts:
        return ShownTexts(whole="\n".join(self.view.lines))

    def extract(self) -> Extract | None:
        """Return the picture, and for JSON the tasks."""
        tasks = () if self._detail is None else tuple(one.task for one in self._detail.tasks)
        return text_extract(self.file_name, self.view.lines, views=tasks) if tasks else None

    def subject(self) -> int | None:
        """Return the task under the cursor; None on a folded layer."""
        node = self._nodes_by_key.get(self.view.cursor)
        return None if node is None or node.folded else node.tasks[0].id

    def job_view(self) -> object:
        return None if self._detail is None else self._detail.job

    def on_graph_view_moved(self) -> None:
        """Describe the node under the cursor."""
        self._show_foot()
        self.show_status()

    def on_graph_view_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Show the task, or unfold the layer."""
        node = self._nodes_by_key.get(self.view.cursor)
        if node is not None and node.folded:
            self._unfolded ^= {node.key}
            self._show()
        else:
            self.visit("task", self.subject())

    def action_back(self) -> None:
        """Fold the layers again, else go back to the list."""
        if self._unfolded:
            self._unfolded = frozenset()
            self._show()
        else:
            super().action_back()

    def action_draw(self) -> None:
        """Go on to the timeline."""
        self.visit("timeline", self.job_id)

    def _show(self) -> None:
        if self._detail is None:
            return
        stages = fold(self._detail, self._unfolded)
        self._nodes_by_key = {node.key: node for stage in stages for node in stage.nodes}
        bands = [stage.band for stage in stages]
        room = self.view.height
        if self._picture is None or (bands, room) != (self._bands, self._room):
            self._bands, self._room = bands, room
            self._picture = draw_graph(bands, room=room)
        labels = {node.key: self._label(node.label, node.status) for node in self._nodes_by_key.values()}
        self.view.put(self._picture, [self._title(stage) for stage in stages], labels)
        if self._first_task is not None:
            homes = {task.id: node.key for node in self._nodes_by_key.values() for task in node.tasks}
            self.view.go_to(homes.get(self._first_task, ""))
            self._first_task = None
        self._show_foot()

    def _title(self, stage: StageNodes) -> Label:
        return self._label(stage.title, stage.stage.status)

    def _label(self, text: str, status: str) -> Label:
        mark = self.desk.look.marks.get(status)
        return Label(
            text=safe_line(f"{mark.glyph if mark else ' '} {text}"), style=style_of(status, self.desk.look)
        )

    def _show_foot(self) -> None:
        node = self._nodes_by_key.get(self.view.cursor)
        text = "  ".join(self._facts(node)) if node is not None else "no tasks"
        self.foot.write(Content(safe_line(f" {text}")))

    def _facts(self, node: GraphNode) -> Iterator[str]:
        """Return what the label of a node has no room for."""
        if node.folded:
            yield f"{len(node.tasks)} tasks:"
            yield from (f"{status} {count}" for status, count in node.counts.items())
        else:
            task = node.tasks[0]
            yield f"{task.id} {task.key}"
            yield task.status
            error = error_line(task.error)
            yield from (f"{text}" for text in (_waits_for(task), error) if text)
        yield from self._neighbours("needs", node.needs)
        needing = [other.key for other in self._nodes_by_key.values() if node.key in other.needs]
        yield from self._neighbours("needed by", needing)

    def _neighbours(self, word: str, keys: list[str] | tuple[str, ...]) -> Iterator[str]:
        names = [self._nodes_by_key[key].name for key in keys[:_NAMED] if key in self._nodes_by_key]
        if names:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            yield f"| {word} {', '.join(names)}{more}"


def _waits_for(task: TaskView) -> str:
    return f"waits for {task.waits_for}" if task.waits_for else ""
