"""The tasks of a job as graph nodes, folded in large jobs.

Used by the graph screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.model.status import TASK_FINAL
from core.model.text import SafeText, cells, clip
from core.model.views import JobDetail, StageView, TaskDetail, TaskView
from core.render.graph.layering import Band, Node, depths
from core.render.graph.marks import marked_key

WHOLE = 200
"""In a job of more tasks layers are folded; also the most nodes of an unfolded layer."""
_NAME = 24
_WORST = (
    "failed",
    "running",
    "retrying",
    "held",
    "waiting",
    "queued",
    "blocked",
    "cancelled",
    "skipped",
    "succeeded",
)
"""Which of its tasks' statuses a folded layer shows, the first that occurs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """One task, or the folded tasks of a layer; `needs` are keys of nodes."""

    key: str
    tasks: tuple[TaskView, ...]
    needs: tuple[str, ...]
    folded: bool = False

    @property
    def name(self) -> SafeText:
        """The task's key with its marks, or what the keys of the tasks have in common."""
        if not self.folded:
            return clip(marked_key(self.tasks[0]), _NAME)
        common = _in_common([task.key for task in self.tasks]).rstrip("0123456789")
        return clip(f"{common}*" if len(common) > 1 else "tasks", _NAME)

    @property
    def counts(self) -> Mapping[str, int]:
        """Its tasks by status."""
        return Counter(task.status for task in self.tasks)

    @property
    def status(self) -> str:
        """The status that matters most."""
        counts = self.counts
        return next((status for status in _WORST if counts[status]), self.tasks[0].status)

    @property
    def label(self) -> SafeText:
        """The name, and of folded tasks how many are done; its width never changes."""
        return SafeText(f"{self.name} {done_of(self.counts)}") if self.folded else self.name

    @property
    def drawn_node(self) -> Node:
        """What the picture is drawn from."""
        return Node(key=self.key, width=2 + cells(self.label), needs=self.needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageNodes:
    """A stage with its nodes."""

    stage: StageView
    nodes: tuple[GraphNode, ...]

    @property
    def title(self) -> SafeText:
        """Number, name, and how many tasks are done; its width never changes."""
        counts = Counter(task.status for node in self.nodes for task in node.tasks)
        return SafeText(f"{self.stage.position + 1} {clip(self.stage.name, _NAME)} {done_of(counts)}")

    @property
    def band(self) -> Band:
        """What the picture is drawn from; its title only has the right width."""
        return Band(title="x" * (2 + cells(self.title)), nodes=tuple(node.drawn_node for node in self.nodes))


def done_of(counts: Mapping[str, int]) -> str:
    """Return how many of the counted tasks are done, ` 24/160`."""
    total = sum(counts.values())
    done = sum(counts.get(status, 0) for status in TASK_FINAL)
    return f"{done:>{len(str(total))}}/{total}"


def fold(detail: JobDetail, unfolded: Collection[str] = ()) -> tuple[StageNodes, ...]:
    """Return the stages of a job with their nodes; layers are folded in a job of more than `WHOLE` tasks."""
    members: dict[int, list[TaskDetail]] = {stage.id: [] for stage in detail.stages}
    for task in detail.tasks:
        members.setdefault(task.task.stage_id, []).append(task)
    parts: dict[int, list[_Part]] = {}
    is_folded = len(detail.tasks) > WHOLE
    for stage in detail.stages:
        tasks = members[stage.id]
        parts[stage.id] = list(_layers(tasks, stage, unfolded) if is_folded else map(_single, tasks))
    homes = {
        task.task.key: part.key
        for stage_parts in parts.values()
        for part in stage_parts
        for task in part.tasks
    }
    return tuple(
        StageNodes(stage=stage, nodes=tuple(part.node(homes) for part in parts[stage.id]))
        for stage in detail.stages
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    key: str
    tasks: Sequence[TaskDetail]
    folded: bool = False

    def node(self, homes: Mapping[str, str]) -> GraphNode:
        keys = dict.fromkeys(homes[need] for task in self.tasks for need in task.needs if need in homes)
        return GraphNode(
            key=self.key,
            tasks=tuple(task.task for task in self.tasks),
            needs=tuple(need for need in keys if need != self.key),
            folded=self.folded,
        )


def _layers(tasks: Sequence[TaskDetail], stage: StageView, unfolded: Collection[str]) -> Iterator[_Part]:
    layers: dict[int, list[TaskDetail]] = {}
    depth_of = depths({task.task.key: task.needs for task in tasks})
    for task in tasks:
        layers.setdefault(depth_of[task.task.key], []).append(task)
    for depth, layer in sorted(layers.items()):
        key = f"layer {depth} of {stage.id}"
        shown = WHOLE if key in unfolded or len(layer) == 1 else 0
        yield from map(_single, layer[:shown])
        if len(layer) > shown:
            yield _Part(key=key, tasks=layer[shown:], folded=True)


def _in_common(keys: Sequence[str]) -> str:
    # What the first and the last in order begin with, all between them begin with too.
    first, last = min(keys), max(keys)
    differs = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(differs, len(first))]


def _single(task: TaskDetail) -> _Part:
    # Keys of tasks could be those of layers; ids cannot.
    return _Part(key=str(task.task.id), tasks=(task,))
