"""Layers: put the nodes of a graph into columns and rows, so that its edges run short and straight.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Trans. SMC 11 (1981): layers, places for edges that pass, order by barycentres.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

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
class Place:
    """A node in its layer, or where the edges of a node pass a layer on their way."""

    layer: int
    key: str
    passing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layering:
    """The layers from left to right, the row of each place, the edges from one layer to the next."""

    bands: tuple[range, ...]
    """The layers of each band."""
    layers: tuple[tuple[Place, ...], ...]
    rows: Mapping[Place, int]
    links: Mapping[Place, tuple[Place, ...]]
    """From each place to those in the next layer."""
    chains: Mapping[tuple[str, str], tuple[Place, ...]]
    """The places of each edge (need, dependant), both ends included."""

    @property
    def height(self) -> int:
        """How many rows there are."""
        return 1 + max(self.rows.values(), default=-1)


def depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return for each key how many needs it has behind one another; needs that are not keys do not count.

    Raises `graphlib.CycleError` for a cycle.
    """
    inner = {key: [need for need in wanted if need in needs] for key, wanted in needs.items()}
    found: dict[str, int] = {}
    for key in TopologicalSorter(inner).static_order():
        found[key] = 1 + max((found[need] for need in inner[key]), default=-1)
    return found


def layer(bands: Sequence[Band]) -> Layering:
    """Place the nodes of all bands; an edge that does not lead to a later layer is left out."""
    homes, ranges = _homes(bands)
    layers: list[list[Place]] = [[] for _ in range(ranges[-1].stop if ranges else 0)]
    for place in homes.values():
        layers[place.layer].append(place)
    chains = {
        (need, node.key): _chain(homes[need], homes[node.key])
        for band in bands
        for node in band.nodes
        for need in node.needs
        if need in homes and homes[need].layer < homes[node.key].layer
    }
    for passed in dict.fromkeys(place for chain in chains.values() for place in chain[1:-1]):
        layers[passed.layer].append(passed)
    after = _links(chains.values())
    before = _links(tuple(reversed(chain)) for chain in chains.values())
    _untangle(layers, before, after)
    return Layering(
        bands=tuple(ranges),
        layers=tuple(map(tuple, layers)),
        rows=_rows(layers, before, after),
        links=after,
        chains=chains,
    )


def _homes(bands: Sequence[Band]) -> tuple[dict[str, Place], list[range]]:
    homes: dict[str, Place] = {}
    ranges: list[range] = []
    first = 0
    for band in bands:
        deep = depths({node.key: node.needs for node in band.nodes})
        homes.update({node.key: Place(first + deep[node.key], node.key) for node in band.nodes})
        # A band without nodes still has its title, and so a column.
        ranges.append(range(first, first + 1 + max(deep.values(), default=0)))
        first = ranges[-1].stop
    return homes, ranges


def _chain(source: Place, target: Place) -> tuple[Place, ...]:
    # All edges of a node pass a layer in one place: they part as late as they can.
    between = (Place(number, source.key, passing=True) for number in range(source.layer + 1, target.layer))
    return (source, *between, target)


def _links(chains: Iterable[tuple[Place, ...]]) -> dict[Place, tuple[Place, ...]]:
    found: dict[Place, dict[Place, None]] = {}
    for chain in chains:
        for one, other in pairwise(chain):
            found.setdefault(one, {})[other] = None
    return {place: tuple(others) for place, others in found.items()}


def _untangle(
    layers: list[list[Place]],
    before: Mapping[Place, tuple[Place, ...]],
    after: Mapping[Place, tuple[Place, ...]],
) -> None:
    """Order each layer by the middle of its neighbours, to the right and back, a few times."""
    for _ in range(_SWEEPS):
        for number in range(1, len(layers)):
            layers[number] = _by_middle(layers[number], layers[number - 1], before)
        for number in range(len(layers) - 2, -1, -1):
            layers[number] = _by_middle(layers[number], layers[number + 1], after)
    for number in range(1, len(layers)):
        layers[number] = _by_middle(layers[number], layers[number - 1], before)


def _by_middle(
    places: Sequence[Place], fixed: Sequence[Place], links: Mapping[Place, tuple[Place, ...]]
) -> list[Place]:
    at = {place: index for index, place in enumerate(fixed)}
    scale = len(fixed) / max(1, len(places))

    def middle(index: int) -> float:
        others = links.get(places[index], ())
        # A place without a neighbour there stays about where it is.
        return sum(at[other] for other in others) / len(others) if others else index * scale

    return [places[index] for index in sorted(range(len(places)), key=middle)]


def _rows(
    layers: Sequence[Sequence[Place]],
    before: Mapping[Place, tuple[Place, ...]],
    after: Mapping[Place, tuple[Place, ...]],
) -> dict[Place, int]:
    height = max(map(len, layers), default=0)
    rows = {
        place: index + (height - len(places)) // 2 for places in layers for index, place in enumerate(places)
    }
    for links, order in ((before, layers), (after, layers[::-1]), (before, layers)):
        for places in order:
            rows.update(_settle(places, rows, links, height))
    top = min(rows.values(), default=0)
    return {place: row - top for place, row in rows.items()}


def _settle(
    places: Sequence[Place],
    rows: Mapping[Place, int],
    links: Mapping[Place, tuple[Place, ...]],
    height: int,
) -> dict[Place, int]:
    """Move the places of a layer as near to their neighbours as their order lets them.

    Pools adjacent violators: M. Ayer et al., "An empirical distribution function for sampling with
    incomplete information", Ann. Math. Statist. 26 (1955).
    """
    pools: list[tuple[float, int]] = []
    for index, place in enumerate(places):
        others = [rows[other] for other in links.get(place, ())] or [rows[place]]
        mean, count = sum(others) / len(others) - index, 1
        while pools and pools[-1][0] >= mean:
            above, weight = pools.pop()
            mean, count = (above * weight + mean * count) / (weight + count), weight + count
        pools.append((mean, count))
    shifts = [mean for mean, count in pools for _ in range(count)]
    lowest = height - len(places)
    return {
        place: index + min(max(round(shift), 0), lowest)
        for index, (place, shift) in enumerate(zip(places, shifts, strict=True))
    }
