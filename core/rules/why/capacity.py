"""Judge pools and gauges at one moment.

Used by the other rules of this room; the arithmetic is that of the claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.model.lanes import Need
from core.model.limits.capacity_facts import NO_LIMITS, CapacityFacts, PoolFacts
from core.model.limits.gauges import Gauge
from core.model.limits.limits import Amounts
from core.model.records import replace
from core.rules import gauges as arithmetic


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Facts with gauges whose windows have turned, and what each has left."""

    facts: CapacityFacts
    gauges: Mapping[int, Gauge]
    left: Mapping[int, int]

    @property
    def offset(self) -> int:
        """Return how far engine time is ahead of the wall clock, ms."""
        return self.facts.now - self.facts.wall

    def pools_of(self, queue: str, prefer: Sequence[str] = ()) -> Sequence[PoolFacts]:
        """Return the configured pools for tasks of a queue, in the order in which they are asked.

        These are the preferred ones among those that drain it, or all that do.
        """
        drains = [pool for pool in self.facts.pools if not pool.queues or queue in pool.queues]
        return [pool for name in prefer for pool in drains if pool.name == name] or drains

    def open_pools_of(self, queue: str, prefer: Sequence[str]) -> Sequence[PoolFacts]:
        """Return those of them that are not paused, and whose gauges have something left."""
        return [
            pool
            for pool in self.pools_of(queue, prefer)
            if pool.paused is None and all(self.left.get(one, 1) > 0 for one in pool.gauges)
        ]

    def refusals(self, gauges: Sequence[int], costs: Amounts) -> Iterator[Need]:
        """Yield the gauges that have too little left for an attempt, with what it needs of them.

        One with nothing left lets nothing through, not even what needs nothing of it.
        """
        for gauge_id in gauges:
            gauge = self.gauges.get(gauge_id)
            if gauge is None:
                continue
            amount = arithmetic.need_of(gauge, costs.get(gauge.limit.unit))
            left = self.left[gauge_id]
            if left <= 0 or left < amount:
                yield Need(gauge_id, amount)

    def opens_at(self, gauge: Gauge) -> int | None:
        """Return when a gauge has more by itself (ms UTC); None = never, or when an attempt ends."""
        opens_at = arithmetic.opens_at(gauge, now=self.facts.now, offset=self.offset)
        return None if opens_at is None else opens_at - self.offset


def judge(facts: CapacityFacts) -> Capacity:
    """Return what holds of these facts now."""
    gauges = {one: replace(gauge) for one, gauge in facts.gauges.items()}
    for gauge in gauges.values():
        arithmetic.turn_if_due(gauge, wall=facts.wall)
    left = {one: arithmetic.left(gauge, now=facts.now) for one, gauge in gauges.items()}
    return Capacity(facts=facts, gauges=gauges, left=left)


UNLIMITED = judge(NO_LIMITS)
"""Nothing is configured."""
