"""Simulation: the claims to come, in virtual time.

Called by the rules of predicted starts. It chooses and counts as the store's claim does; what would be
submitted or changed meanwhile is not known to it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import NamedTuple

from core.model.gauges import Gauge
from core.model.lanes import Head, Need, Picks, Room
from core.model.limit_forms import costs_of
from core.model.records import replace
from core.rules import gauges as arithmetic
from core.rules.lanes import choose

IDLE_MAX = 100
"""Windows that may turn one after the other without a start: what is too dear for one never starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An attempt that is open; `ends_at` in engine time (ms), None = that is not known."""

    ends_at: int | None
    pool: str
    held: Mapping[int, int] = field(default_factory=dict)
    """What it holds, by gauge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is queued and runs at `now` (engine time, ms), which is `offset` ahead of the wall clock."""

    lanes: Sequence[Sequence[Head]]
    """Queued tasks of each open lane, in order."""
    running: Sequence[Running] = ()
    slots: Mapping[str, int]
    """By pool, the taken ones among them."""
    total: int
    """Attempts that may be open at once, whatever the pools have."""
    listed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Pools that take from the first of their queues first, with these queues."""
    pools_of: Callable[[Head], Sequence[str]]
    gauges: Mapping[int, Gauge] = field(default_factory=dict)
    """Not changed."""
    gauges_of: Callable[[Head, str], Sequence[int]] = lambda _, __: ()
    usual_ms: Callable[[int], int | None]
    """How long a task takes; None = that is not known."""
    now: int
    offset: int = 0
    aging_step: int


class Start(NamedTuple):
    """A task begins at a moment of engine time (ms)."""

    task_id: int
    at: int


class _End(NamedTuple):
    """An attempt ends; `number` keeps the order of those that end together."""

    at: int
    number: int
    pool: str
    held: Mapping[int, int]


def simulate(scene: Scene) -> Iterator[Start]:
    """Yield starts in the order in which they happen, until an attempt ends at no known moment.

    It ends as well where nothing that runs, and no gauge, would let another task start.
    """
    return _Simulation(scene).run()


class _Simulation:
    """One course of events."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._now = scene.now
        self._gauges = {one: replace(gauge) for one, gauge in scene.gauges.items()}
        self._free = dict(scene.slots)
        self._open = 0
        self._fronts = {lane[0].lane_id: lane[0] for lane in scene.lanes if lane}
        self._behind = {head.task_id: behind for lane in scene.lanes for head, behind in pairwise(lane)}
        self._vtimes: dict[int, int] = {}
        self._needs: dict[tuple[int, str, str, str | None], tuple[Need, ...]] = {}
        self._numbers = count()
        self._ends: list[_End] = []
        self._is_known = True
        for one in scene.running:
            self._let_end(one)

    def run(self) -> Iterator[Start]:
        """Claim, then go on to what happens next."""
        idle = 0
        while self._fronts and idle < IDLE_MAX:
            picks = self._claim()
            yield from (Start(task_id, self._now) for task_id in picks.task_ids)
            if not self._is_known or not self._go_on(picks):
                return
            idle = 0 if picks.task_ids or self._ends else idle + 1

    def _claim(self) -> Picks:
        free = {pool: number for pool, number in self._free.items() if number > 0}
        slots = min(self._scene.total - self._open, sum(free.values()))
        if slots <= 0:
            return Picks(vtimes={})
        heads = list(self._fronts.values())
        for head in heads:
            head.vtime = self._vtimes.get(head.job_id, head.vtime)
        room = Room(
            further=lambda head: self._behind.get(head.task_id),
            free=free,
            listed=self._scene.listed,
            pools_of=self._scene.pools_of,
            needs=self._needs_of,
            left=self._left,
        )
        picks = choose(heads, slots, now=self._now, aging_step=self._scene.aging_step, room=room)
        self._vtimes |= picks.vtimes
        for head, pool in zip(picks.heads, picks.pools, strict=True):
            self._begin(head, pool)
        return picks

    def _begin(self, head: Head, pool: str) -> None:
        behind = self._behind.get(head.task_id)
        if behind is None:
            del self._fronts[head.lane_id]
        else:
            self._fronts[head.lane_id] = behind
        held = dict(self._needs_of(head, pool))
        for gauge_id, amount in held.items():
            arithmetic.take(self._gauges[gauge_id], amount, now=self._now)
        took = self._scene.usual_ms(head.task_id)
        ends_at = None if took is None else self._now + took
        self._let_end(Running(ends_at=ends_at, pool=pool, held=held))

    def _let_end(self, one: Running) -> None:
        self._free[one.pool] = self._free.get(one.pool, 0) - 1
        self._open += 1
        if one.ends_at is None:
            self._is_known = False
        else:
            end = _End(one.ends_at, next(self._numbers), one.pool, one.held)
            heapq.heappush(self._ends, end)

    def _go_on(self, picks: Picks) -> bool:
        """Move on to the next moment at which something may start; False = there is none."""
        moments = [self._ends[0].at] if self._ends else []
        if self._open < self._scene.total and any(number > 0 for number in self._free.values()):
            moments += self._openings(picks)
        if not moments:
            return False
        self._now = max(self._now, min(moments))
        while self._ends and self._ends[0].at <= self._now:
            end = heapq.heappop(self._ends)
            self._free[end.pool] += 1
            self._open -= 1
            for gauge_id, amount in end.held.items():
                if gauge_id in self._gauges:
                    # Spent as estimated: of an amount, whatever its window, as much is left as before.
                    arithmetic.settle(self._gauges[gauge_id], amount, amount, counted_at=self._wall)
        return True

    def _openings(self, picks: Picks) -> Iterator[int]:
        """Yield when gauges that keep something back have more by themselves."""
        for gauge_id in {need.gauge_id for need in picks.dear.values()}:
            at = arithmetic.opens_at(self._gauges[gauge_id], now=self._now, offset=self._scene.offset)
            if at is not None and at > self._now:
                yield at

    @property
    def _wall(self) -> int:
        return self._now - self._scene.offset

    def _left(self, gauge_id: int) -> int:
        gauge = self._gauges[gauge_id]
        arithmetic.turn_if_due(gauge, wall=self._wall)
        return arithmetic.left(gauge, now=self._now)

    def _needs_of(self, head: Head, pool: str) -> Sequence[Need]:
        key = (head.gset_id, head.queue, pool, head.cost)
        known = self._needs.get(key)
        if known is None:
            costs = costs_of(head.cost)
            gauges = [one for one in self._scene.gauges_of(head, pool) if one in self._gauges]
            known = self._needs[key] = tuple(
                Need(one, arithmetic.need_of(self._gauges[one], costs.get(self._gauges[one].limit.unit)))
                for one in gauges
            )
        return known
