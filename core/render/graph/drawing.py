"""Drawing: a graph from left to right as lines of text.

Used by the command `graph` and by the console's graph view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.model.records import replace
from core.model.text import SafeText, fit
from core.render.graph.canvas import Canvas, Segment
from core.render.graph.layering import Band, Layering, layer
from core.render.graph.layout import GraphLayout, LabelBox

FARTHEST = 3
"""Lines from one row to the next, at the most."""
_ARROW = ">"
_BARRIER = "┆"


class _Label(NamedTuple):
    """A text, and the box in which it stands."""

    box: LabelBox
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDrawing:
    """The lines of a graph, blank where labels belong, and the cells of everything in it."""

    width: int
    height: int
    title_boxes: tuple[LabelBox, ...]
    """Where the titles of the bands belong, on a row of their own."""
    label_boxes: Mapping[str, LabelBox]
    """Where the labels of the nodes belong, by key."""
    lines: tuple[str, ...]
    """One for each row, `width` characters long."""
    edges: Mapping[tuple[str, str], tuple[Segment, ...]]
    """The segments of each edge (need, dependant)."""


def draw_graph(bands: Sequence[Band], *, room: int = 0) -> GraphDrawing:
    """Draw bands side by side, a barrier between them, with the edges among all their nodes.

    Rows stand apart where `room` lines allow it, at most `FARTHEST`.
    """
    layering = _spread(layer(bands), room)
    layout = GraphLayout(layering, bands)
    vertices = (vertex for layer_ in layering.layers for vertex in layer_ if not vertex.is_dummy)
    return GraphDrawing(
        width=layout.width,
        height=layering.height,
        title_boxes=tuple(map(layout.title_box, layering.bands)),
        label_boxes={vertex.key: layout.label_box(vertex) for vertex in vertices},
        lines=_lines(layout, layering.height),
        edges={edge: tuple(layout.edge_segments(path)) for edge, path in layering.edge_paths.items()},
    )


def labelled_lines(drawing: GraphDrawing, titles: Sequence[str], labels: Mapping[str, str]) -> list[SafeText]:
    """Return a drawing as lines of text, titles first, without blanks at their ends."""
    rows: list[list[_Label]] = [[] for _ in range(drawing.height)]
    for key, box in drawing.label_boxes.items():
        rows[box.y].append(_Label(box, labels[key]))
    head = _overlay(" " * drawing.width, list(map(_Label, drawing.title_boxes, titles)))
    body = (_overlay(line, row) for line, row in zip(drawing.lines, rows, strict=True))
    return [SafeText(line.rstrip()) for line in (head, *body)]


def _spread(layering: Layering, room: int) -> Layering:
    pitch = min(FARTHEST, (room - 1) // (layering.height - 1)) if layering.height > 1 else 1
    if pitch <= 1:
        return layering
    return replace(layering, rows={vertex: row * pitch for vertex, row in layering.rows.items()})


def _lines(layout: GraphLayout, height: int) -> tuple[str, ...]:
    canvas = Canvas()
    for number in layout.barriers:
        for y in range(height):
            canvas.put(layout.barrier_x(number), y, _BARRIER)
    nets = list(layout.nets())
    for number, net in enumerate(nets):
        for segment in layout.segments(net):
            canvas.draw(number, segment)
        for x, y in layout.arrows(net):
            canvas.put(x, y, _ARROW)
    for number, segment in enumerate(layout.crossings(), len(nets)):
        canvas.draw(number, segment)
    return canvas.lines(layout.width, height)


def _overlay(line: str, labels: Sequence[_Label]) -> SafeText:
    """Return a line with labels in their boxes."""
    pieces, at = [], 0
    for box, text in sorted(labels, key=lambda label: label.box.x):
        pieces += [line[at : box.x], fit(text, box.width)]
        at = box.x + box.width
    return SafeText("".join([*pieces, line[at:]]))
