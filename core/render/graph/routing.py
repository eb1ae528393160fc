"""Routing: the edges between two layers, each net on its own track.

Used by the layout.

Source: A. Hashimoto, J. Stevens, "Wire routing by optimizing channel assignment within large apertures",
Proc. 8th Design Automation Workshop (1971): nets get the first track on which nothing is in their way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Lines that are one: from all its sources to all its targets, by row; `track` counts from the left.

    Without a track it is one straight line.
    """

    sources: tuple[int, ...]
    targets: tuple[int, ...]
    track: int | None = None

    @property
    def span(self) -> tuple[int, int]:
        """The rows from its first to its last end."""
        ends = (*self.sources, *self.targets)
        return min(ends), max(ends)


def route(links: Mapping[int, Sequence[int]]) -> tuple[Net, ...]:
    """Bundle the links of rows to rows, and give each bundle a track.

    Sources with the same targets share a bundle. A bundle that leaves in a row turns off before
    another arrives there, wherever that is not a cycle.
    """
    bundles: dict[tuple[int, ...], list[int]] = {}
    for source, targets in links.items():
        bundles.setdefault(tuple(sorted(targets)), []).append(source)
    nets = [Net(sources=tuple(sorted(sources)), targets=targets) for targets, sources in bundles.items()]
    straight = [net for net in nets if net.sources == net.targets and len(net.sources) == 1]
    bent = sorted((net for net in nets if net not in straight), key=lambda net: net.span)
    return (*straight, *_assign_tracks(bent))


def count_tracks(nets: Sequence[Net]) -> int:
    """Count the tracks that are in use."""
    return 1 + max((net.track for net in nets if net.track is not None), default=-1)


def _assign_tracks(nets: Sequence[Net]) -> list[Net]:
    first = {source: index for index, net in enumerate(nets) for source in net.sources}
    after = {
        index: {first[row] for row in net.targets if row in first and first[row] != index}
        for index, net in enumerate(nets)
    }
    placed: dict[int, int] = {}
    while after:
        # In a cycle one of them has to come first.
        index = next((one for one, others in after.items() if not others & after.keys()), min(after))
        lowest = 1 + max((placed[other] for other in after.pop(index) if other in placed), default=-1)
        taken = {placed[other] for other in placed if _overlap(nets[index], nets[other])}
        placed[index] = next(track for track in range(lowest, len(nets) + lowest + 1) if track not in taken)
    return [
        Net(sources=net.sources, targets=net.targets, track=placed[index]) for index, net in enumerate(nets)
    ]


def _overlap(one: Net, other: Net) -> bool:
    return one.span[0] <= other.span[1] and other.span[0] <= one.span[1]
