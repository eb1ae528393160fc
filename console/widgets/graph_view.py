"""Graph view: a drawn graph with live labels, cursor and scrolling.

Used by the graph screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.key_table import bindings
from console.widgets.resized import Resized
from core.model.text import SafeText, fit
from core.render.graph.drawing import GraphDrawing, labelled_lines
from core.render.graph.layout import LabelBox

_CURSOR = Style(reverse=True)
_BOLD = Style(bold=True)
_EMPTY = GraphDrawing(width=0, height=0, title_boxes=(), label_boxes={}, lines=(), edges={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands in a spot, and its colour."""

    text: SafeText
    style: Style | None = None


class GraphView(ScrollView, Resized, can_focus=True, inherit_bindings=False):
    """Line 0 holds the titles, below it the picture; the cursor is the key of a node.

    Only the spots of labels that changed are drawn again; the edges of the node under the cursor are lit.
    """

    BINDINGS = bindings("graph")
    COMPONENT_CLASSES = {"graph--edge", "graph--lit"}
    DEFAULT_CSS = """
    GraphView { height: 1fr; overflow-x: scroll; overflow-y: scroll; scrollbar-size: 0 0; }
    GraphView .graph--edge { color: $secondary; }
    GraphView .graph--lit { color: $accent; text-style: bold; }
    """

    class Moved(Message):
        """The cursor stands on another node."""

    class Opened(Message):
        """A node was chosen with the mouse."""

    def __init__(self) -> None:
        super().__init__()
        self.cursor = ""
        self._picture = _EMPTY
        self._titles: tuple[Label, ...] = ()
        self._labels: Mapping[str, Label] = {}
        self._by_row: dict[int, list[str]] = {}
        self._lit: frozenset[tuple[int, int]] = frozenset()

    @property
    def height(self) -> int:
        """How many rows have room."""
        return max(1, self.size.height - 1)

    @property
    def caret(self) -> Offset:
        """The first cell of the node under the cursor."""
        spot = self._picture.label_boxes.get(self.cursor)
        return Offset(0, 0) if spot is None else Offset(spot.x, spot.y + 1) - self.scroll_offset

    @property
    def position_text(self) -> str:
        """Which part of the picture is in view; '' = all of it."""
        wide, high = self._picture.width > self.size.width, self._picture.height > self.height
        if not (wide or high):
            return ""
        row = f"row {self.scroll_offset.y + 1}/{self._picture.height}"
        return f"{row}, column {self.scroll_offset.x + 1}/{self._picture.width}"

    @property
    def lines(self) -> list[SafeText]:
        """The whole picture as lines of text."""
        labels = {key: label.text for key, label in self._labels.items()}
        return labelled_lines(self._picture, [label.text for label in self._titles], labels)

    def put(self, picture: GraphDrawing, titles: Sequence[Label], labels: Mapping[str, Label]) -> None:
        """Show labels, one for each spot of the picture, and titles, one for each band."""
        old, self._labels = self._labels, dict(labels)
        old_titles, self._titles = self._titles, tuple(titles)
        if picture is not self._picture:
            self._take(picture)
            return
        for key, label in self._labels.items():
            if old.get(key) != label:
                self._refresh_spot(
                    picture.label_boxes[key], row=picture.label_boxes[key].y - self.scroll_offset.y + 1
                )
        for spot, was, now in zip(picture.title_boxes, old_titles, self._titles, strict=False):
            if was != now:
                self._refresh_spot(spot, row=0)

    def go_to(self, key: str) -> None:
        """Move the cursor to a node, if there is one of that key."""
        if key not in self._picture.label_boxes:
            return
        self.cursor = key
        self._light()
        self._keep_in_view()
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """Move up or down among the nodes of the layer."""
        spot = self._picture.label_boxes.get(self.cursor)
        if spot is None:
            return
        layer = sorted(self._layer(spot.x), key=lambda key: self._picture.label_boxes[key].y)
        at = layer.index(self.cursor) + step
        self.go_to(layer[max(0, min(at, len(layer) - 1))])

    def action_half(self, step: int) -> None:
        """Move by half a page."""
        self._move_rows(step * max(1, self.height // 2))

    def action_page(self, step: int) -> None:
        """Move by a page."""
        self._move_rows(step * self.height)

    def action_across(self, step: int) -> None:
        """Move along an edge; where there is none, to the nearest node of the next layer."""
        spot = self._picture.label_boxes.get(self.cursor)
        if spot is None:
            return
        ends = [edge[(step + 1) // 2] for edge in self._picture.edges if edge[(1 - step) // 2] == self.cursor]
        if not ends:
            lefts = {other.x for other in self._picture.label_boxes.values() if (other.x - spot.x) * step > 0}
            ends = self._layer(min(lefts, key=lambda x: abs(x - spot.x))) if lefts else []
        if ends:
            self.go_to(min(ends, key=lambda key: self._distance(spot, key)))

    def action_first(self) -> None:
        """Move to the first node."""
        self.go_to(min(self._picture.label_boxes, key=self._place, default=""))

    def action_last(self) -> None:
        """Move to the last node."""
        self.go_to(max(self._picture.label_boxes, key=self._place, default=""))

    def on_click(self, event: events.Click) -> None:
        """Move to the node that was clicked; a second click opens it."""
        x, y = event.x + self.scroll_offset.x, event.y + self.scroll_offset.y - 1
        for key in self._by_row.get(y, ()) if event.y else ():
            spot = self._picture.label_boxes[key]
            if spot.x <= x < spot.x + spot.width:
                if key == self.cursor:
                    self.post_message(self.Opened())
                self.go_to(key)

    def resized(self) -> None:
        """Keep the cursor in view."""
        self._resize_picture()

    def render_line(self, y: int) -> Strip:
        """Return one line of the view: the titles, or a row of the picture."""
        row, left, width = self.scroll_offset.y + y - 1, self.scroll_offset.x, self.size.width
        if y and row >= self._picture.height:
            return Strip.blank(width, self.rich_style)
        segments = list(self._row_segments(row) if y else self._title_segments())
        strip = Strip(segments).crop(left, left + width)
        return strip.extend_cell_length(width, self.rich_style).simplify()

    def _title_segments(self) -> list[Segment]:
        segments, at = [], 0
        for spot, label in zip(self._picture.title_boxes, self._titles, strict=False):
            segments.append(Segment(" " * (spot.x - at), self.rich_style))
            segments.append(Segment(fit(label.text, spot.width), self.rich_style + _BOLD + label.style))
            at = spot.x + spot.width
        return segments

    def _row_segments(self, row: int) -> list[Segment]:
        segments, at = [], 0
        for key in self._by_row.get(row, ()):
            spot, label = self._picture.label_boxes[key], self._labels[key]
            segments += self._line_segments(row, at, spot.x)
            style = _CURSOR if key == self.cursor else label.style
            segments.append(Segment(fit(label.text, spot.width), self.rich_style + style))
            at = spot.x + spot.width
        return [*segments, *self._line_segments(row, at, self._picture.width)]

    def _line_segments(self, row: int, first: int, end: int) -> list[Segment]:
        line = self._picture.lines[row]
        plain, lit = self.get_component_rich_style("graph--edge"), self.get_component_rich_style("graph--lit")
        return [
            Segment("".join(line[x] for x in cells), lit if is_lit else plain)
            for is_lit, cells in groupby(range(first, end), lambda x: (x, row) in self._lit)
        ]

    def _take(self, picture: GraphDrawing) -> None:
        self._picture = picture
        self._by_row = {}
        for key, spot in sorted(picture.label_boxes.items(), key=lambda item: item[1].x):
            self._by_row.setdefault(spot.y, []).append(key)
        if self.cursor not in picture.label_boxes:
            self.cursor = min(picture.label_boxes, key=self._place, default="")
        self._light()
        self._resize_picture()
        self.refresh()
        self.post_message(self.Moved())

    def _light(self) -> None:
        lit: set[tuple[int, int]] = set()
        for edge, strokes in self._picture.edges.items():
            if self.cursor in edge:
                lit.update(cell for stroke in strokes for cell in stroke.cells())
                end = self._picture.label_boxes[edge[1]]
                lit.add((end.x - 2, end.y))
        self._lit = frozenset(lit)

    def _layer(self, x: int) -> list[str]:
        return [key for key, spot in self._picture.label_boxes.items() if spot.x == x]

    def _place(self, key: str) -> tuple[int, int]:
        return self._picture.label_boxes[key].x, self._picture.label_boxes[key].y

    def _distance(self, spot: LabelBox, key: str) -> tuple[int, int]:
        other = self._picture.label_boxes[key]
        return abs(other.y - spot.y), abs(other.x - spot.x)

    def _move_rows(self, rows: int) -> None:
        spot = self._picture.label_boxes.get(self.cursor)
        if spot is not None:
            wanted = spot.y + rows
            layer = self._layer(spot.x)
            self.go_to(min(layer, key=lambda key: abs(self._picture.label_boxes[key].y - wanted)))

    def _refresh_spot(self, spot: LabelBox, *, row: int) -> None:
        if 0 <= row < self.size.height:
            region = Region(spot.x - self.scroll_offset.x, row, spot.width, 1)
            self.refresh(region.intersection(Region(0, 0, self.size.width, self.size.height)))

    def _resize_picture(self) -> None:
        size = Size(self._picture.width, self._picture.height + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        self._keep_in_view()

    def _keep_in_view(self) -> None:
        spot = self._picture.label_boxes.get(self.cursor)
        if spot is None:
            return
        x = _shifted(self.scroll_offset.x, spot.x, spot.x + spot.width, room=self.size.width)
        y = _shifted(self.scroll_offset.y, spot.y, spot.y + 1, room=self.height)
        if (x, y) != self.scroll_offset:
            self.scroll_to(x=x, y=y, animate=False, force=True)


def _shifted(offset: int, first: int, end: int, *, room: int) -> int:
    """Return an offset with all cells in view; scroll by half a view, for a scroll draws everything."""
    if offset <= first and end <= offset + room:
        return offset
    return max(0, first - room // 2)
