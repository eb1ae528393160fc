"""Job graph: the picture of a job, folded layers and foot.

Owned by the graph screens of a job as it stands and as it stood.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from console.desk import Desk
from console.exports.extract import Extract
from console.rows.copies import ShownTexts
from console.rows.graph_nodes import GraphNode, StageNodes, fold
from console.rows.listing import style_of
from console.screens.parts.extracts import text_extract
from console.verbs.selection import Selection, task_selection
from console.widgets.graph_view import GraphView, Label
from console.widgets.line import Line
from core.control.api import Target
from core.model.outcomes import error_line
from core.model.text import safe_line
from core.model.views import JobDetail, JobView, TaskView
from core.render.graph.drawing import GraphDrawing, draw_graph
from core.render.graph.layering import Band

_NAMED = 4
"""Neighbours that the foot line names."""


class JobGraph:
    """Draws the tasks of a job stage by stage, and describes the node under the cursor below it."""

    def __init__(self, desk: Desk) -> None:
        self.view = GraphView()
        self.foot = Line(classes="foot")
        self.first_task: int | None = None
        """Where the cursor begins; None = at the first node, or where it is."""
        self._desk = desk
        self._detail: JobDetail | None = None
        self._unfolded: frozenset[str] = frozenset()
        self._nodes_by_key: dict[str, GraphNode] = {}
        self._bands: list[Band] = []
        self._room = 0
        self._picture: GraphDrawing | None = None

    @property
    def job(self) -> JobView | None:
        """The job as it was read; None before."""
        return None if self._detail is None else self._detail.job

    @property
    def task(self) -> TaskView | None:
        """The task under the cursor; None on a folded layer."""
        node = self._node
        return None if node is None or node.folded else node.tasks[0]

    def take(self, detail: JobDetail) -> None:
        """Show a job as it stands, or stood."""
        self._detail = detail
        self.draw()

    def draw(self) -> None:
        """Draw what was read, for the present height and colours."""
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
        if self.first_task is not None:
            homes = {task.id: node.key for node in self._nodes_by_key.values() for task in node.tasks}
            self.view.go_to(homes.get(self.first_task, ""))
            self.first_task = None
        self.describe()

    def restyle(self) -> None:
        """Draw the labels in the colours of the new theme."""
        self.draw()
        self.view.refresh()

    def describe(self) -> None:
        """Write below the picture what the label of the chosen node has no room for."""
        node = self._node
        text = "  ".join(self._facts(node)) if node is not None else "no tasks"
        self.foot.write(Content(safe_line(f" {text}")))

    def unfold(self) -> bool:
        """Unfold the layer under the cursor, or fold it; False = a task is there, or nothing."""
        node = self._node
        if node is None or not node.folded:
            return False
        self._unfolded ^= {node.key}
        self.draw()
        return True

    def fold_all(self) -> bool:
        """Fold all layers again; False = none was unfolded."""
        if not self._unfolded:
            return False
        self._unfolded = frozenset()
        self.draw()
        return True

    def selection(self) -> Selection | None:
        """Return the task under the cursor, or all tasks of a folded layer."""
        node = self._node
        if node is None:
            return None
        if not node.folded:
            return task_selection(node.tasks[0])
        ids = tuple(task.id for task in node.tasks)
        running = sum(task.status == "running" for task in node.tasks)
        return Selection(
            target=Target(task_ids=ids), label=f"{len(ids)} tasks ({node.name})", running=running
        )

    def texts(self) -> ShownTexts:
        """Return the picture for the copy menu."""
        return ShownTexts(whole="\n".join(self.view.lines))

    def extract(self, name: str) -> Extract | None:
        """Return the picture for a file of this name, and for JSON the tasks."""
        tasks = () if self._detail is None else tuple(one.task for one in self._detail.tasks)
        return text_extract(name, self.view.lines, views=tasks) if tasks else None

    @property
    def _node(self) -> GraphNode | None:
        return self._nodes_by_key.get(self.view.cursor)

    def _title(self, stage: StageNodes) -> Label:
        return self._label(stage.title, stage.stage.status)

    def _label(self, text: str, status: str) -> Label:
        look = self._desk.look
        mark = look.marks.get(status)
        return Label(text=safe_line(f"{mark.glyph if mark else ' '} {text}"), style=style_of(status, look))

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
