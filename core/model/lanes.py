"""Lanes: the heads of queued tasks, and the tasks picked from them.

Passed between the store's claim and the rule that picks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from msgspec import Struct


# Not frozen: a claim makes one for each queued task it looks at.
class Head(Struct, kw_only=True):
    """One queued task near the front of an open lane; `vtime` is the virtual time of its job."""

    lane_id: int
    task_id: int
    job_id: int
    queue: str
    sort_key: int
    vtime: int
    aisle_id: int = 0
    gset_id: int = 0
    """The narrow gauges that it must pass, beside those of its queue; 0 = none."""
    cost: str | None = None
    """Its estimate as stored, read only where a gauge of it is metered."""


class Need(NamedTuple):
    """What an attempt takes of a gauge."""

    gauge_id: int
    amount: int


Further: TypeAlias = Callable[[Head], Head | None]
"""Return the task behind one in its lane, or None at its end."""


class Room(Struct, frozen=True, kw_only=True):
    """What a choice may read behind the heads and fill: free slots by pool, what gauges have left.

    `pools_of` gives the pools in which a head may start, in the order in which they are asked; `needs` what
    an attempt of a head takes in a pool, gauge by gauge in a fixed order; `left` what a gauge has left now.
    """

    further: Further | None = None
    """None = the heads are all there is."""
    free: Mapping[str, int] | None = None
    """None = any slot does for any task, and nothing is limited. In the order in which they are asked."""
    listed: Mapping[str, Sequence[str]] = {}
    """Pools that take from the first of their queues first, with these queues."""
    pools_of: Callable[[Head], Sequence[str]] = lambda _: ()
    needs: Callable[[Head, str], Sequence[Need]] = lambda _, __: ()
    left: Callable[[int], int] = lambda _: 0


ANY_SLOT = Room()


class Picks(Struct, frozen=True, kw_only=True):
    """The chosen tasks in order of choice, and the new virtual times of their jobs only."""

    task_ids: tuple[int, ...] = ()
    vtimes: Mapping[int, int]
    heads: tuple[Head, ...] = ()
    """With a `Room`: the chosen tasks as they were seen, and below the pool of each."""
    pools: tuple[str, ...] = ()
    dear: Mapping[int, Need] = {}
    """Lanes whose head did not fit, by their ids, and the gauge that has too little left for it."""
