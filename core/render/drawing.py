"""Picture: a graph drawn from left to right in lines of text, for the command line and the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.model.text import SafeText, cells, fit
from core.render.channels import Net, route, tracks_of
from core.render.layers import Band, Layering, Place, layer
from core.render.pen import Pen, Stroke

_ARROW = ">"
_BARRIER = "┆"
_PITCH, _CROWDED = 2, 10
"""Cells from one track to the next; 1 where there are more tracks than `_CROWDED`."""
_LEAD, _TAIL, _BARRED, _EMPTY = 2, 2, 2, 3
"""Cells of a gap: before its tracks, behind them, more for a barrier; and of one without lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where the label of a node, or the title of a band, stands: cells from the left, rows from the top."""

    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The lines of a graph, blank where labels belong, and where everything stands."""

    width: int
    height: int
    bands: tuple[Spot, ...]
    """Where the titles of the bands belong, on a row of their own."""
    spots: Mapping[str, Spot]
    lines: tuple[str, ...]
    """One for each row, `width` characters long."""
    edges: Mapping[tuple[str, str], tuple[Stroke, ...]]
    """The strokes of each edge (need, dependant)."""


def draw(bands: Sequence[Band]) -> Picture:
    """Draw bands side by side, a barrier between them, with the edges among all their nodes."""
    placed = layer(bands)
    grid = _Grid(placed, bands)
    pen = Pen()
    for number in grid.barriers:
        for y in range(placed.height):
            pen.sign(grid.barrier(number), y, _BARRIER)
    for number, net, strokes in grid.all_strokes():
        for stroke in strokes:
            pen.stroke(number, stroke)
        for x, y in grid.arrows(net):
            pen.sign(x, y, _ARROW)
    return Picture(
        width=grid.width,
        height=placed.height,
        bands=tuple(map(grid.title, placed.bands)),
        spots={
            place.key: grid.spot(place) for places in placed.layers for place in places if not place.passing
        },
        lines=pen.lines(grid.width, placed.height),
        edges={edge: tuple(grid.path(chain)) for edge, chain in placed.chains.items()},
    )


def written(picture: Picture, titles: Sequence[str], labels: Mapping[str, str]) -> list[SafeText]:
    """Return a picture as lines of text, titles first, without blanks at their ends."""
    rows: list[list[tuple[Spot, str]]] = [[] for _ in range(picture.height)]
    for key, spot in picture.spots.items():
        rows[spot.y].append((spot, labels[key]))
    head = put(" " * picture.width, list(zip(picture.bands, titles, strict=True)))
    body = (put(line, row) for line, row in zip(picture.lines, rows, strict=True))
    return [SafeText(line.rstrip()) for line in (head, *body)]


def put(line: str, labels: Sequence[tuple[Spot, str]]) -> SafeText:
    """Return a line with labels in their spots."""
    pieces, at = [], 0
    for spot, text in sorted(labels, key=lambda label: label[0].x):
        pieces += [line[at : spot.x], fit(text, spot.width)]
        at = spot.x + spot.width
    return SafeText("".join([*pieces, line[at:]]))


class _Grid:
    """Where everything stands: columns for the layers, and gaps with tracks between them."""

    def __init__(self, placed: Layering, bands: Sequence[Band]) -> None:
        self._rows = placed.rows
        self._at = {(place.layer, placed.rows[place]): place for places in placed.layers for place in places}
        self._sizes = {node.key: node.width for band in bands for node in band.nodes}
        self._nets = [_nets(placed, number) for number in range(len(placed.layers))]
        self.barriers = frozenset(band.start for band in placed.bands[1:])
        self._lefts: list[int] = []
        self.width = 0
        titles = {
            layers[-1]: (layers[0], cells(band.title))
            for layers, band in zip(placed.bands, bands, strict=True)
        }
        for number, places in enumerate(placed.layers):
            self._lefts.append(self.width + self._gap(number))
            room = max((self._sizes[place.key] for place in places if not place.passing), default=1)
            self.width = self._lefts[-1] + room
            if number in titles:
                # The title of a band has room above its layers.
                first, length = titles[number]
                self.width = max(self.width, self._lefts[first] + length)
        self._ends = [*self._lefts[1:], self.width]

    def spot(self, place: Place) -> Spot:
        return Spot(x=self._lefts[place.layer], y=self._rows[place], width=self._sizes[place.key])

    def title(self, layers: range) -> Spot:
        left, end = self._lefts[layers[0]], self.width
        if layers.stop < len(self._lefts):
            end = self._lefts[layers.stop] - self._gap(layers.stop)
        return Spot(x=left, y=0, width=end - left)

    def barrier(self, number: int) -> int:
        return self._lefts[number] - self._gap(number) + (_LEAD if self._nets[number] else 1)

    def all_strokes(self) -> Iterator[tuple[int, tuple[int, Net], list[Stroke]]]:
        """Return for each net a number, where it leads, and its strokes."""
        found = [(number, net) for number, nets in enumerate(self._nets) for net in nets]
        for index, (number, net) in enumerate(found):
            out = [self._out(number, net, row) for row in net.sources]
            into = [self._into(number, net, row) for row in net.targets if net.track is not None]
            middle = [self._down(number, net, *net.span)] if net.track is not None else []
            yield index, (number, net), [*out, *into, *middle]
        passing = (place for place in self._at.values() if place.passing)
        for index, place in enumerate(passing, len(found)):
            yield index, (0, Net(sources=(), targets=())), [self._through(place)]

    def arrows(self, led: tuple[int, Net]) -> Iterator[tuple[int, int]]:
        """Return where the arrows of a net stand: in front of labels."""
        number, net = led
        for row in net.targets:
            if not self._at[number, row].passing:
                yield self._lefts[number] - 2, row

    def path(self, chain: Sequence[Place]) -> Iterator[Stroke]:
        """Return the strokes along the places of an edge."""
        for one, other in pairwise(chain):
            number, source, target = other.layer, self._rows[one], self._rows[other]
            net = next(net for net in self._nets[number] if source in net.sources)
            yield self._out(number, net, source)
            if net.track is not None:
                yield self._down(number, net, min(source, target), max(source, target))
                yield self._into(number, net, target)
            if other.passing:
                yield self._through(other)

    def _out(self, number: int, net: Net, row: int) -> Stroke:
        place = self._at[number - 1, row]
        left = self._lefts[number - 1] + (0 if place.passing else self._sizes[place.key] + 1)
        right = self._end(number, row) if net.track is None else self._track(number, net)
        return Stroke(left, row, right, row)

    def _into(self, number: int, net: Net, row: int) -> Stroke:
        return Stroke(self._track(number, net), row, self._end(number, row), row)

    def _down(self, number: int, net: Net, top: int, bottom: int) -> Stroke:
        x = self._track(number, net)
        return Stroke(x, top, x, bottom)

    def _through(self, place: Place) -> Stroke:
        row = self._rows[place]
        return Stroke(self._lefts[place.layer] - 1, row, self._lefts[place.layer] + 1, row)

    def _end(self, number: int, row: int) -> int:
        return self._lefts[number] - (1 if self._at[number, row].passing else 3)

    def _track(self, number: int, net: Net) -> int:
        begin = self._lefts[number] - self._gap(number) + _LEAD + (_BARRED if number in self.barriers else 0)
        return begin + _pitch(self._nets[number]) * (net.track or 0)

    def _gap(self, number: int) -> int:
        nets = self._nets[number]
        if not nets:
            return _EMPTY if number else 0
        barred = _BARRED if number in self.barriers else 0
        # In front of an arrow stands a piece of line, even behind tracks that leave no room of their own.
        piece = 1 if _pitch(nets) == 1 else 0
        return _LEAD + barred + tracks_of(nets) * _pitch(nets) + piece + _TAIL


def _nets(placed: Layering, number: int) -> tuple[Net, ...]:
    """Return the nets that lead to a layer."""
    before = placed.layers[number - 1] if number else ()
    return route(
        {
            placed.rows[place]: [placed.rows[other] for other in placed.links[place]]
            for place in before
            if place in placed.links
        }
    )


def _pitch(nets: Sequence[Net]) -> int:
    return _PITCH if tracks_of(nets) <= _CROWDED else 1
