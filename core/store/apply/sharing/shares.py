"""Shares: what one claim takes of pools and gauges.

Used by the claim where pools or limits are configured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.model.lanes import Further, Head, Picks, Room
from core.model.limits.limits import DEFAULT_POOL
from core.store.apply.claims.sight import note_costs
from core.store.apply.sharing.gauge_needs import GaugeNeeds, Taken
from core.store.apply.sharing.pool_slots import PoolSlots
from core.store.batch import Batch
from core.store.rows import Hold


class Shares:
    """The slots and gauges of one claim."""

    def __init__(self, batch: Batch, slots: int) -> None:
        self._batch = batch
        self.slots = PoolSlots(batch, slots)
        self.needs = GaugeNeeds(batch)

    def room(self, further: Further | None = None) -> Room:
        """Return what a choice may read and fill now."""
        return Room(
            further=further,
            free=self.slots.free(),
            listed=self.slots.listed(),
            pools_of=self.slots.pools_of,
            needs=self.needs.of,
            left=self.needs.left,
        )

    def read_costs(self, heads: Sequence[Head]) -> None:
        """Read the estimates of tasks where a gauge of theirs is metered."""
        kinds = [(head.gset_id, head.queue) for head in heads]
        are_metered = self.needs.are_metered(kinds)
        metered = [head for head, kind in zip(heads, kinds, strict=True) if are_metered[kind]]
        if metered:
            note_costs(self._batch, metered)

    def hold(self, picks: Picks) -> Mapping[int, Hold]:
        """Take what the picks need; return it by task."""
        alike: dict[tuple[int, str, str | None, str], list[Head]] = {}
        for head, pool in zip(picks.heads, picks.pools, strict=True):
            alike.setdefault((head.gset_id, head.queue, head.cost, pool), []).append(head)
        taken = [
            (pool, heads, Taken(heads[0], self.needs.of(heads[0], pool), len(heads)))
            for (*_, pool), heads in alike.items()
        ]
        self.needs.take([one for *_, one in taken])
        self.needs.make_full_sets([(heads[0], pool) for pool, heads, _ in taken])
        holds: dict[int, Hold] = {}
        for pool, heads, one in taken:
            hold = self._hold(pool, one)
            holds |= dict.fromkeys([head.task_id for head in heads], hold)
        return holds

    def hold_one(self, head: Head, pool: str) -> Hold:
        """Take a slot and what one attempt needs."""
        taken = Taken(head, self.needs.of(head, pool), 1)
        self.needs.take([taken])
        return self._hold(pool, taken)

    def _hold(self, pool: str, taken: Taken) -> Hold:
        """Take slots for attempts whose needs are taken; return what each of them holds."""
        self.slots.take(pool, taken.number)
        return Hold(
            pool=None if pool == DEFAULT_POOL else pool,
            gset_id=self.needs.full_set(taken.head, pool),
            held=self.needs.held(taken.needs),
            counted_at=self.needs.count(taken.needs, taken.number) if taken.needs else None,
        )
