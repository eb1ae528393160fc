"""Graph: the tasks of a job as a picture with live states."""

from __future__ import annotations

import time
from collections.abc import Iterator

from textual.app import ComposeResult
from textual.content import Content

from console.desk import Desk
from console.key_table import bindings
from console.rows.graph_nodes import GraphNode, StageNodes, fold
from console.rows.listing import style_of
from console.screens.base import DeskScreen
from console.screens.job import JobScreen, heading
from console.verbs.selection import Selection, job_selection, task_selection
from console.widgets.graph_view import GraphView, Label
from console.widgets.line import Line
from core.control.api import Target
from core.model.text import SafeText, safe_line
from core.model.views import JobDetail, TaskView
from core.render.graph.drawing import GraphDrawing, draw_graph
from core.render.graph.layering import Band

_SHARE = 10
"""A job is read again at most every so many times as long as reading it took."""
_NAMED = 4


class GraphScreen(DeskScreen):
    """One job as a graph: stages side by side, one node a task; folded layers in a large job."""

    PARTS = ("node", "drawn", "retry", "again", "cancel", "kill", "pause", "hold", "logs", "events")
    BINDINGS = bindings(*PARTS)
    READER = "graph"
    NOUNS = ("job", "stage", "task")

    def __init__(self, desk: Desk, job_id: int) -> None:
        super().__init__(desk)
        self.job_id = job_id
        self.view = GraphView()
        self.foot = Line(classes="foot")
        self._detail: JobDetail | None = None
        self._unfolded: frozenset[str] = frozenset()
        self._nodes_by_key: dict[str, GraphNode] = {}
        self._bands: list[Band] = []
        self._picture: GraphDrawing | None = None
        self._rest_until = 0.0
        self._owes = False
        self._sought: int | None = None
        self.action_pause = self._pause

    def compose(self) -> ComposeResult:
        """Stack the lines."""
        yield self.head
        yield self.view
        yield self.foot
        yield self.status
        yield self.hints

    def on_mount(self) -> None:
        """Give the keys to the picture; begin where the cursor of the list stands."""
        self.view.focus()
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        if isinstance(below, JobScreen) and isinstance(task := below.selected_view(), TaskView):
            self._sought = task.id

    def concerned(self, kinds: frozenset[str]) -> bool:
        """Tell whether to read the job again; a large one waits its time, and is read by `age`."""
        changed = super().concerned(kinds)
        self._owes = changed and time.monotonic() < self._rest_until
        return changed and not self._owes

    def age(self) -> None:
        """Read what was put off; show what time alone has changed."""
        if self._owes and not self.desk.frozen and time.monotonic() >= self._rest_until:
            self._owes = False
            self.reload()
        super().age()

    async def load(self) -> None:
        """Read the job with all its tasks."""
        begun = time.monotonic()
        self._detail = await self.desk.control.job_detail(self.job_id)
        self._show()
        now = time.monotonic()
        self._rest_until = now + min(now - begun, 1.0) * _SHARE

    def title_line(self) -> SafeText:
        """Say name, status and progress."""
        if self._detail is None:
            return safe_line(f" Job {self.job_id}")
        return heading(self._detail.job, self.desk.look, width=self.size.width or 80)

    def rows_words(self) -> str:
        """Tell which part of the picture is in view."""
        return self.view.words

    def restyle(self) -> None:
        """Draw the labels in the colours of another theme."""
        self._show()
        self.view.refresh()

    def chosen(self) -> Selection | None:
        """Return the task under the cursor; of a folded layer, all its tasks."""
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
        """Return how the task under the cursor stands."""
        node = self._nodes_by_key.get(self.view.cursor)
        return "" if node is None or node.folded else node.tasks[0].status

    def selected_view(self) -> object:
        """Return the task under the cursor."""
        node = self._nodes_by_key.get(self.view.cursor)
        return None if node is None or node.folded else node.tasks[0]

    def job_view(self) -> object:
        """Return the job, wherever the cursor is."""
        return None if self._detail is None else self._detail.job

    def on_graph_view_moved(self) -> None:
        """Tell of the node under the cursor."""
        self._show_foot()
        self.show_status()

    def on_graph_view_opened(self) -> None:
        """Open the node that was clicked."""
        self.action_open()

    def action_open(self) -> None:
        """Look into the task; unfold a layer."""
        node = self._nodes_by_key.get(self.view.cursor)
        if node is not None and node.folded:
            self._unfolded ^= {node.key}
            self._show()
        else:
            self.visit("task", self._task_id())

    def action_back(self) -> None:
        """Go back by one step: unfolded layers, the screen."""
        if self._unfolded:
            self._unfolded = frozenset()
            self._show()
        else:
            super().action_back()

    def action_draw(self) -> None:
        """Go back to the list."""
        super().action_back()

    def action_logs(self) -> None:
        """Show the output of the task."""
        self.visit("log", self._task_id())

    def action_events(self) -> None:
        """Show the events of the job."""
        self.visit("job events", self.job_id)

    def _pause(self) -> None:
        """Pause or resume the job, wherever the cursor is: tasks are held instead."""
        if self._detail is not None:
            self.verbs.act_on(job_selection(self._detail.job), self.desk.operations.pause)

    def _task_id(self) -> int | None:
        node = self._nodes_by_key.get(self.view.cursor)
        return None if node is None or node.folded else node.tasks[0].id

    def _show(self) -> None:
        if self._detail is None:
            return
        stages = fold(self._detail, self._unfolded)
        self._nodes_by_key = {node.key: node for stage in stages for node in stage.nodes}
        bands = [stage.band for stage in stages]
        if self._picture is None or bands != self._bands:
            self._bands, self._picture = bands, draw_graph(bands)
        labels = {node.key: self._label(node.label, node.status) for node in self._nodes_by_key.values()}
        self.view.put(self._picture, [self._title(stage) for stage in stages], labels)
        if self._sought is not None:
            homes = {task.id: node.key for node in self._nodes_by_key.values() for task in node.tasks}
            self.view.go_to(homes.get(self._sought, ""))
            self._sought = None
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
        words = "  ".join(self._words(node)) if node is not None else "no tasks"
        self.foot.write(Content(safe_line(f" {words}")))

    def _words(self, node: GraphNode) -> Iterator[str]:
        """Say of a node what its label has no room for."""
        if node.folded:
            yield f"{len(node.tasks)} tasks:"
            yield from (f"{status} {count}" for status, count in node.counts.items())
        else:
            task = node.tasks[0]
            yield f"{task.id} {task.key}"
            yield task.status
            error = (task.error or {}).get("message")
            yield from (f"{words}" for words in (task.wait_reason, error) if words)
        yield from self._neighbours("needs", node.needs)
        needing = [other.key for other in self._nodes_by_key.values() if node.key in other.needs]
        yield from self._neighbours("needed by", needing)

    def _neighbours(self, word: str, keys: list[str] | tuple[str, ...]) -> Iterator[str]:
        names = [self._nodes_by_key[key].name for key in keys[:_NAMED] if key in self._nodes_by_key]
        if names:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            yield f"| {word} {', '.join(names)}{more}"
