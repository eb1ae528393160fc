"""Simulation: the claims to come, in virtual time.

Called by the rules of predicted starts and predicted jobs. It chooses and counts as the store's claim does;
what would be submitted or changed meanwhile is not known to it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeAlias

from core.model.lanes import Head, Need, Picks, Room
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import costs_of
from core.model.limits.limits import Amounts
from core.model.records import replace
from core.rules import gauges as arithmetic
from core.rules.lanes import choose, effective_level
from core.rules.queue_lines import Ahead, Line

IDLE_MAX = 100
"""Windows that may turn one after the other without a start: what is too dear for one never starts."""


KeptBack: TypeAlias = Callable[[Need, Gauge, int], None]
"""Hears that a gauge has too little left for a task now (engine time, ms)."""


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
    spends: Callable[[int], Amounts] = lambda _: {}
    """What a task spends by unit; of a unit that is missing, what it held."""
    followers: Callable[[int, int], Sequence[Head]] = lambda _, __: ()
    """The tasks that are queued when one ends, and at which moment that is."""
    kept_back: Mapping[int, KeptBack] = field(default_factory=dict)
    """By lane: who hears what keeps its first task back."""
    now: int
    offset: int = 0
    aging_step: int

    @property
    def is_plain(self) -> bool:
        """Whether slots of one pool are all that tasks wait for: the order alone tells what is next."""
        return not self.gauges and not self.listed and len(self.slots) == 1


class Start(NamedTuple):
    """A task begins at a moment of engine time (ms), and ends at another; None = that is not known."""

    task_id: int
    at: int
    ends_at: int | None


class _End(NamedTuple):
    """An attempt ends; `number` keeps the order of those that end together."""

    at: int
    number: int
    pool: str
    held: Mapping[int, int]
    task_id: int | None
    since: int
    """When it began (ms UTC), which tells the windows of what it held."""


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
        self._lines = {lane[0].lane_id: Line(lane) for lane in scene.lanes if lane}
        self._vtimes: dict[int, int] = {}
        self._ahead: Ahead | None = Ahead() if scene.is_plain else None
        self._needs: dict[tuple[int, str, str, str | None], tuple[Need, ...]] = {}
        self._numbers = count()
        self._ends: list[_End] = []
        self._is_known = True
        for one in scene.running:
            self._let_end(one, None)

    def run(self) -> Iterator[Start]:
        """Claim, then go on to what happens next."""
        idle = 0
        while (self._lines or self._ends) and idle < IDLE_MAX:
            picks = self._claim()
            for head, pool in zip(picks.heads, picks.pools, strict=True):
                yield self._begin(head, pool)
            if not self._is_known or not self._go_on(picks):
                return
            idle = 0 if picks.task_ids or self._ends else idle + 1

    def _claim(self) -> Picks:
        free = {pool: number for pool, number in self._free.items() if number > 0}
        slots = min(self._scene.total - self._open, sum(free.values()))
        if slots <= 0 or not self._lines:
            return Picks(vtimes={})
        if self._ahead is not None:
            return self._claim_ahead(self._ahead, slots, free)
        picks = self._choose(slots, free)
        self._vtimes |= picks.vtimes
        for lane_id in self._scene.kept_back.keys() & picks.dear.keys():
            need = picks.dear[lane_id]
            self._scene.kept_back[lane_id](need, self._gauges[need.gauge_id], self._now)
        return picks

    def _claim_ahead(self, ahead: Ahead, slots: int, free: Mapping[str, int]) -> Picks:
        """Take what was chosen before, as long as the same would be chosen now."""
        if len(ahead.heads) < slots or self._now - ahead.chosen_at > self._scene.aging_step:
            ahead.number = max(slots, ahead.number)
            (pool,) = free
            picks = self._choose(ahead.number, {pool: ahead.number})
            levels = [self._level(head) for head in picks.heads]
            # How far jobs of lower levels may be behind is known when it is their turn.
            same = sum(level == levels[0] for level in levels)
            ahead.fill(picks, max(slots, same), now=self._now)
        heads = [ahead.take() for _ in range(min(slots, len(ahead.heads)))]
        for head in heads:
            self._vtimes[head.job_id] = ahead.vtimes[head.job_id]
        pools = tuple(free) * len(heads)
        return Picks(
            task_ids=tuple(head.task_id for head in heads), vtimes={}, heads=tuple(heads), pools=pools
        )

    def _level(self, head: Head) -> int:
        return effective_level(head.sort_key, now=self._now, aging_step=self._scene.aging_step)

    def _choose(self, slots: int, free: Mapping[str, int]) -> Picks:
        heads = [line.front() for line in self._lines.values()]
        for head in heads:
            head.vtime = self._vtimes.get(head.job_id, head.vtime)
        room = Room(
            further=lambda head: self._lines[head.lane_id].further(),
            free=free,
            listed=self._scene.listed,
            pools_of=self._scene.pools_of,
            needs=self._needs_of,
            left=self._left,
        )
        return choose(heads, slots, now=self._now, aging_step=self._scene.aging_step, room=room)

    def _begin(self, head: Head, pool: str) -> Start:
        if not self._lines[head.lane_id].begin():
            del self._lines[head.lane_id]
        held = dict(self._needs_of(head, pool))
        for gauge_id, amount in held.items():
            arithmetic.take(self._gauges[gauge_id], amount, now=self._now)
        took = self._scene.usual_ms(head.task_id)
        ends_at = None if took is None else self._now + took
        self._let_end(Running(ends_at=ends_at, pool=pool, held=held), head.task_id)
        return Start(head.task_id, self._now, ends_at)

    def _let_end(self, one: Running, task_id: int | None) -> None:
        self._free[one.pool] = self._free.get(one.pool, 0) - 1
        self._open += 1
        if one.ends_at is None:
            self._is_known = False
        else:
            end = _End(one.ends_at, next(self._numbers), one.pool, one.held, task_id, self._wall)
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
            self._end(heapq.heappop(self._ends))
        return True

    def _end(self, end: _End) -> None:
        self._free[end.pool] += 1
        self._open -= 1
        spent = {} if end.task_id is None else self._scene.spends(end.task_id)
        for gauge_id, amount in end.held.items():
            gauge = self._gauges.get(gauge_id)
            if gauge is not None:
                # Where nothing else is known, as much is spent as was held.
                arithmetic.settle(gauge, amount, spent.get(gauge.limit.unit, amount), counted_at=end.since)
        if end.task_id is not None:
            for head in self._scene.followers(end.task_id, self._now):
                self._add(head)

    def _add(self, head: Head) -> None:
        line = self._lines.get(head.lane_id)
        before = 0 if line is None else line.add(head)
        if line is None:
            self._lines[head.lane_id] = Line([head])
        if self._ahead is not None:
            self._ahead.arrive(head.lane_id, before)

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
