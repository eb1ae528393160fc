"""Free slots by pool, and which pools may start a task.

Owned by the shares of a claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from core.model.lanes import Head
from core.model.limits.limits import DEFAULT_POOL, Pool, PoolOrder
from core.store.batch import Batch

_TAKEN = "SELECT pool, count(*) FROM attempt INDEXED BY attempt_open WHERE status = 'running' GROUP BY pool"


class PoolSlots:
    """The slots of one claim: what open attempts leave of them."""

    def __init__(self, batch: Batch, slots: int) -> None:
        capacity = batch.capacity
        taken: Counter[str] = Counter()
        for pool, number in batch.rows(_TAKEN):
            taken[pool or DEFAULT_POOL] += number
        self._pools: Sequence[Pool] = capacity.pools or (Pool(name=DEFAULT_POOL, slots=slots),)
        self._free = {
            pool.name: 0 if pool.name in capacity.paused else pool.slots - taken.get(pool.name, 0)
            for pool in self._pools
        }
        # What runs in a pool beyond its slots takes none of another.
        within = sum(min(pool.slots, taken.get(pool.name, 0)) for pool in self._pools)
        self.total = min(slots - within, sum(max(0, n) for n in self._free.values()))
        """Attempts that may be opened."""
        self._listed = {
            pool.name: pool.queues for pool in self._pools if pool.order is PoolOrder.LISTED and pool.queues
        }
        self._draining: dict[str, tuple[str, ...]] = {}
        self._starting: dict[tuple[str, int], tuple[str, ...]] = {}
        self._preferring = capacity.preferring(batch.db) if capacity.pools else {}

    def free(self) -> Mapping[str, int]:
        """Return the free slots of the pools that have any."""
        return {pool: number for pool, number in self._free.items() if number > 0}

    def listed(self) -> Mapping[str, Sequence[str]]:
        """Return the pools with a free slot that take from the first of their queues first, and these."""
        return {pool: queues for pool, queues in self._listed.items() if self._free[pool] > 0}

    def take(self, pool: str, number: int) -> None:
        """Take slots of a pool."""
        self._free[pool] -= number
        self.total -= number

    def pools_of(self, head: Head) -> Sequence[str]:
        """Return the pools in which a task may start: those it prefers, if one of them drains its queue."""
        known = self._starting.get((head.queue, head.gset_id))
        if known is None:
            known = self._starting[head.queue, head.gset_id] = self._pools_for(head.queue, head.gset_id)
        return known

    def _pools_for(self, queue: str, gset_id: int) -> tuple[str, ...]:
        drains, prefers = self._that_drain(queue), self._preferring.get(gset_id, ())
        return tuple([pool for pool in prefers if pool in drains]) or drains

    def full_sets(self, queue: str) -> Sequence[int]:
        """Return the gauge sets whose tasks prefer, of the pools of a queue, only full ones."""
        return [
            gset_id
            for gset_id in self._preferring
            if not any(self._free[pool] > 0 for pool in self._pools_for(queue, gset_id))
        ]

    def has_slot_for(self, queue: str) -> bool:
        """Return whether a pool that drains a queue has a free slot."""
        return any(self._free[pool] > 0 for pool in self._that_drain(queue))

    def with_slots(self) -> Sequence[Pool]:
        """Return the pools with a free slot."""
        return [pool for pool in self._pools if self._free[pool.name] > 0]

    def has_slot_for_all(self) -> bool:
        """Return whether a free slot does for each queue, whatever its tasks prefer."""
        return (
            not self._preferring
            and not self.listed()
            and any(not pool.queues and self._free[pool.name] > 0 for pool in self._pools)
        )

    def _that_drain(self, queue: str) -> tuple[str, ...]:
        """Return the pools that drain a queue, in the order in which they are asked."""
        known = self._draining.get(queue)
        if known is None:
            known = tuple(pool.name for pool in self._pools if not pool.queues or queue in pool.queues)
            self._draining[queue] = known
        return known
