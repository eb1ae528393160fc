"""Layout: the cells of labels, titles, edges and barriers of a graph.

Used by the drawing and by the console's graph view.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.model.text import cells
from core.render.graph.canvas import Cell, Segment
from core.render.graph.layering import Band, Layering, Vertex
from core.render.graph.routing import Net, count_tracks, route

_PITCH, _CROWDED = 2, 10
"""Cells from one track to the next; 1 where there are more tracks than `_CROWDED`."""
_LEAD, _TAIL, _BARRED, _EMPTY = 2, 2, 2, 3
"""Cells of a gap: before its tracks, behind them, more for a barrier; and of one without lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelBox:
    """The cells of the label of a node, or of the title of a band: from the left, from the top."""

    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedNet:
    """A net and the layer it leads to."""

    layer: int
    net: Net


class GraphLayout:
    """Columns for the layers of a graph, and gaps with tracks between them."""

    def __init__(self, layering: Layering, bands: Sequence[Band]) -> None:
        self._rows = layering.rows
        self._vertices = {
            (vertex.layer, layering.rows[vertex]): vertex
            for vertices in layering.layers
            for vertex in vertices
        }
        self._label_widths = {node.key: node.width for band in bands for node in band.nodes}
        self._nets = [_nets(layering, layer) for layer in range(len(layering.layers))]
        self.barriers = frozenset(band.start for band in layering.bands[1:])
        self._lefts: list[int] = []
        self.width = 0
        self._place_layers(layering, bands)

    def label_box(self, vertex: Vertex) -> LabelBox:
        """Return the cells of the label of a node."""
        return LabelBox(
            x=self._lefts[vertex.layer], y=self._rows[vertex], width=self._label_widths[vertex.key]
        )

    def title_box(self, layers: range) -> LabelBox:
        """Return the cells of the title of a band, on a row of its own."""
        left, end = self._lefts[layers[0]], self.width
        if layers.stop < len(self._lefts):
            end = self._lefts[layers.stop] - self._gap(layers.stop)
        return LabelBox(x=left, y=0, width=end - left)

    def barrier_x(self, layer: int) -> int:
        """Return the column of the barrier in front of a layer."""
        return self._lefts[layer] - self._gap(layer) + (_LEAD if self._nets[layer] else 1)

    def nets(self) -> Iterator[RoutedNet]:
        """Return every net, from left to right."""
        for layer, nets in enumerate(self._nets):
            yield from (RoutedNet(layer=layer, net=net) for net in nets)

    def segments(self, routed: RoutedNet) -> Iterator[Segment]:
        """Return the segments of a net: from its sources, to its targets, and along its track."""
        layer, net = routed.layer, routed.net
        yield from (self._from_source(layer, net, row) for row in net.sources)
        if net.track is not None:
            yield from (self._to_target(layer, net, row) for row in net.targets)
            yield self._along_track(layer, net, *net.span)

    def crossings(self) -> Iterator[Segment]:
        """Return the segments with which edges cross a layer."""
        return (self._across(vertex) for vertex in self._vertices.values() if vertex.is_dummy)

    def arrows(self, routed: RoutedNet) -> Iterator[Cell]:
        """Return where the arrows of a net are: in front of labels."""
        for row in routed.net.targets:
            if not self._vertices[routed.layer, row].is_dummy:
                yield Cell(self._lefts[routed.layer] - 2, row)

    def edge_segments(self, path: Sequence[Vertex]) -> Iterator[Segment]:
        """Return the segments along the vertices of an edge."""
        for one, other in pairwise(path):
            layer, source, target = other.layer, self._rows[one], self._rows[other]
            net = next(net for net in self._nets[layer] if source in net.sources)
            yield self._from_source(layer, net, source)
            if net.track is not None:
                yield self._along_track(layer, net, min(source, target), max(source, target))
                yield self._to_target(layer, net, target)
            if other.is_dummy:
                yield self._across(other)

    def _place_layers(self, layering: Layering, bands: Sequence[Band]) -> None:
        title_widths = {
            layers[-1]: (layers[0], cells(band.title))
            for layers, band in zip(layering.bands, bands, strict=True)
        }
        for layer, vertices in enumerate(layering.layers):
            self._lefts.append(self.width + self._gap(layer))
            widths = (self._label_widths[vertex.key] for vertex in vertices if not vertex.is_dummy)
            self.width = self._lefts[-1] + max(widths, default=1)
            if layer in title_widths:
                # The title of a band has room above its layers.
                first, title_width = title_widths[layer]
                self.width = max(self.width, self._lefts[first] + title_width)

    def _from_source(self, layer: int, net: Net, row: int) -> Segment:
        vertex = self._vertices[layer - 1, row]
        left = self._lefts[layer - 1] + (0 if vertex.is_dummy else self._label_widths[vertex.key] + 1)
        right = self._end_x(layer, row) if net.track is None else self._track_x(layer, net)
        return Segment(left, row, right, row)

    def _to_target(self, layer: int, net: Net, row: int) -> Segment:
        return Segment(self._track_x(layer, net), row, self._end_x(layer, row), row)

    def _along_track(self, layer: int, net: Net, top: int, bottom: int) -> Segment:
        x = self._track_x(layer, net)
        return Segment(x, top, x, bottom)

    def _across(self, dummy: Vertex) -> Segment:
        row = self._rows[dummy]
        return Segment(self._lefts[dummy.layer] - 1, row, self._lefts[dummy.layer] + 1, row)

    def _end_x(self, layer: int, row: int) -> int:
        return self._lefts[layer] - (1 if self._vertices[layer, row].is_dummy else 3)

    def _track_x(self, layer: int, net: Net) -> int:
        begin = self._lefts[layer] - self._gap(layer) + _LEAD + (_BARRED if layer in self.barriers else 0)
        return begin + _pitch(self._nets[layer]) * (net.track or 0)

    def _gap(self, layer: int) -> int:
        nets = self._nets[layer]
        if not nets:
            return _EMPTY if layer else 0
        barred = _BARRED if layer in self.barriers else 0
        # In front of an arrow stands a piece of line, even behind tracks that leave no room of their own.
        piece = 1 if _pitch(nets) == 1 else 0
        return _LEAD + barred + count_tracks(nets) * _pitch(nets) + piece + _TAIL


def _nets(layering: Layering, layer: int) -> tuple[Net, ...]:
    """Return the nets that lead to a layer."""
    before = layering.layers[layer - 1] if layer else ()
    return route(
        {
            layering.rows[vertex]: [layering.rows[other] for other in layering.links[vertex]]
            for vertex in before
            if vertex in layering.links
        }
    )


def _pitch(nets: Sequence[Net]) -> int:
    return _PITCH if count_tracks(nets) <= _CROWDED else 1
