"""Layering: columns and rows for the nodes, so that edges are short.

Used by the layout, and by the console for its order of nodes.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Trans. SMC 11 (1981): layers, dummy vertices on long edges, order by barycentres.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

_SWEEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What is to be placed: its key, the cells of its label, and the keys it needs."""

    key: str
    width: int
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Nodes that stand together below a title; a later band stands right of an earlier one."""

    title: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True, order=True)
class Vertex:
    """A node in its layer, or a dummy where the edges of a node cross a layer on their way."""

    layer: int
    key: str
    is_dummy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layering:
    """The layers from left to right, the row of each vertex, the edges from one layer to the next."""

    bands: tuple[range, ...]
    """The layers of each band."""
    layers: tuple[tuple[Vertex, ...], ...]
    rows: Mapping[Vertex, int]
    links: Mapping[Vertex, tuple[Vertex, ...]]
    """From each vertex to those in the next layer."""
    edge_paths: Mapping[tuple[str, str], tuple[Vertex, ...]]
    """The vertices of each edge (need, dependant), both ends included."""

    @property
    def height(self) -> int:
        """How many rows there are."""
        return 1 + max(self.rows.values(), default=-1)


def depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return for each key how many needs it has behind one another; needs that are not keys do not count.

    Raises `graphlib.CycleError` for a cycle.
    """
    inner = {key: [need for need in wanted if need in needs] for key, wanted in needs.items()}
    depth: dict[str, int] = {}
    for key in TopologicalSorter(inner).static_order():
        depth[key] = 1 + max((depth[need] for need in inner[key]), default=-1)
    return depth


def layer(bands: Sequence[Band]) -> Layering:
    """Place the nodes of all bands; an edge that does not lead to a later layer is left out."""
    vertices, ranges = _assign_layers(bands)
    layers: list[list[Vertex]] = [[] for _ in range(ranges[-1].stop if ranges else 0)]
    for vertex in vertices.values():
        layers[vertex.layer].append(vertex)
    paths = {
        (need, node.key): _path(vertices[need], vertices[node.key])
        for band in bands
        for node in band.nodes
        for need in node.needs
        if need in vertices and vertices[need].layer < vertices[node.key].layer
    }
    for dummy in dict.fromkeys(vertex for path in paths.values() for vertex in path[1:-1]):
        layers[dummy.layer].append(dummy)
    after = _links(paths.values())
    before = _links(tuple(reversed(path)) for path in paths.values())
    _reduce_crossings(layers, before, after)
    return Layering(
        bands=tuple(ranges),
        layers=tuple(map(tuple, layers)),
        rows=_rows(layers, before, after),
        links=after,
        edge_paths=paths,
    )


class _Layers(NamedTuple):
    """Vertices by key, and the layers of each band."""

    vertices: dict[str, Vertex]
    ranges: list[range]


def _assign_layers(bands: Sequence[Band]) -> _Layers:
    vertices: dict[str, Vertex] = {}
    ranges: list[range] = []
    first = 0
    for band in bands:
        depth = depths({node.key: node.needs for node in band.nodes})
        vertices.update({node.key: Vertex(first + depth[node.key], node.key) for node in band.nodes})
        # A band without nodes still has its title, and so a column.
        ranges.append(range(first, first + 1 + max(depth.values(), default=0)))
        first = ranges[-1].stop
    return _Layers(vertices, ranges)


def _path(source: Vertex, target: Vertex) -> tuple[Vertex, ...]:
    # All edges of a node share the dummies: they part as late as they can.
    between = (Vertex(number, source.key, is_dummy=True) for number in range(source.layer + 1, target.layer))
    return (source, *between, target)


def _links(paths: Iterable[tuple[Vertex, ...]]) -> dict[Vertex, tuple[Vertex, ...]]:
    links: dict[Vertex, dict[Vertex, None]] = {}
    for path in paths:
        for one, other in pairwise(path):
            links.setdefault(one, {})[other] = None
    return {vertex: tuple(others) for vertex, others in links.items()}


def _reduce_crossings(
    layers: list[list[Vertex]],
    before: Mapping[Vertex, tuple[Vertex, ...]],
    after: Mapping[Vertex, tuple[Vertex, ...]],
) -> None:
    """Order each layer by the middle of its neighbours, to the right and back, a few times."""
    for _ in range(_SWEEPS):
        for number in range(1, len(layers)):
            layers[number] = _by_barycentre(layers[number], layers[number - 1], before)
        for number in range(len(layers) - 2, -1, -1):
            layers[number] = _by_barycentre(layers[number], layers[number + 1], after)
    for number in range(1, len(layers)):
        layers[number] = _by_barycentre(layers[number], layers[number - 1], before)


def _by_barycentre(
    vertices: Sequence[Vertex], fixed: Sequence[Vertex], links: Mapping[Vertex, tuple[Vertex, ...]]
) -> list[Vertex]:
    at = {vertex: index for index, vertex in enumerate(fixed)}
    scale = len(fixed) / max(1, len(vertices))

    def barycentre(index: int) -> float:
        others = links.get(vertices[index], ())
        # A vertex without a neighbour there stays about where it is.
        return sum(at[other] for other in others) / len(others) if others else index * scale

    return [vertices[index] for index in sorted(range(len(vertices)), key=barycentre)]


def _rows(
    layers: Sequence[Sequence[Vertex]],
    before: Mapping[Vertex, tuple[Vertex, ...]],
    after: Mapping[Vertex, tuple[Vertex, ...]],
) -> dict[Vertex, int]:
    height = max(map(len, layers), default=0)
    rows = {
        vertex: index + (height - len(vertices)) // 2
        for vertices in layers
        for index, vertex in enumerate(vertices)
    }
    for links, order in ((before, layers), (after, layers[::-1]), (before, layers)):
        for vertices in order:
            rows.update(_align(vertices, rows, links, height))
    top = min(rows.values(), default=0)
    return {vertex: row - top for vertex, row in rows.items()}


def _align(
    vertices: Sequence[Vertex],
    rows: Mapping[Vertex, int],
    links: Mapping[Vertex, tuple[Vertex, ...]],
    height: int,
) -> dict[Vertex, int]:
    """Move the vertices of a layer as near to their neighbours as their order lets them.

    Pools adjacent violators: M. Ayer et al., "An empirical distribution function for sampling with
    incomplete information", Ann. Math. Statist. 26 (1955).
    """
    pools: list[tuple[float, int]] = []
    for index, vertex in enumerate(vertices):
        others = [rows[other] for other in links.get(vertex, ())] or [rows[vertex]]
        mean, count = sum(others) / len(others) - index, 1
        while pools and pools[-1][0] >= mean:
            above, weight = pools.pop()
            mean, count = (above * weight + mean * count) / (weight + count), weight + count
        pools.append((mean, count))
    shifts = [mean for mean, count in pools for _ in range(count)]
    lowest = height - len(vertices)
    return {
        vertex: index + min(max(round(shift), 0), lowest)
        for index, (vertex, shift) in enumerate(zip(vertices, shifts, strict=True))
    }
