"""Gauges that a task must pass, and what it takes of them.

Owned by the shares of a claim.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from core.model.lanes import Head, Need
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import costs_of, pack_held
from core.store.apply.limits.breakers import note_probe
from core.store.batch import Batch

Kind: TypeAlias = tuple[int, str]
"""Tasks that pass the same gauges, whatever their pool is: their gauge set and queue."""


class Taken(NamedTuple):
    """What is taken for so many attempts that need the same; `head` = the first of their tasks."""

    head: Head
    needs: Sequence[Need]
    number: int


class GaugeNeeds:
    """Gauges by pool, queue and task, as one claim sees and takes of them."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._gauges = batch.gauges
        self._capacity = batch.capacity
        self._needs: dict[tuple[int, str, str, str | None], tuple[Need, ...]] = {}
        self._of_gauges: dict[tuple[int, str | None], Need] = {}
        """What attempts of this cost take of gauges: many sets share most of theirs."""
        self._held: dict[tuple[Need, ...], str | None] = {}
        self._late: dict[int, int] = {}
        """Gauges whose window begins after this moment, by the clock that was set back, and when."""
        self._lefts: dict[int, int] = {}
        """What gauges have left, until this claim takes more."""
        self._metered: dict[Kind, bool] = {}
        self._wide: dict[tuple[str, str], tuple[int, ...]] = {}
        self.counted: dict[int, Gauge] = {}
        """Those of the retries of backends of which this claim started something."""

    def of(self, head: Head, pool: str) -> tuple[Need, ...]:
        """Return what an attempt of a head takes in a pool: by the gauges of pool, queue and task."""
        key = (head.gset_id, head.queue, pool, head.cost)
        known = self._needs.get(key)
        if known is None:
            cost, of_gauges = head.cost, self._of_gauges
            listed = self._all_gauges(head, pool)
            missing = [one for one in listed if (one, cost) not in of_gauges]
            if missing:
                gauges = self._gauges.of(missing)
                of_gauges.update(((one, cost), self._need(gauges[one], cost)) for one in missing)
            known = self._needs[key] = tuple([of_gauges[one, cost] for one in listed])
        return known

    def _need(self, gauge: Gauge, cost: str | None) -> Need:
        if gauge.began > self._batch.wall:
            self._late[gauge.id] = gauge.began
        amount = costs_of(cost).get(gauge.limit.unit) if gauge.id in self._gauges.metered else None
        return Need(gauge.id, self._batch.rules.gauges.need_of(gauge, amount))

    def take(self, taken: Sequence[Taken]) -> None:
        """Take what attempts need, of each gauge at once."""
        amounts: defaultdict[int, int] = defaultdict(int)
        for one in taken:
            for gauge_id, amount in one.needs:
                amounts[gauge_id] += amount * one.number
        self._gauges.take(amounts)
        for gauge_id in amounts:
            self._lefts.pop(gauge_id, None)
        if self._capacity.has_backends:
            self._try_out(taken)

    def _try_out(self, taken: Sequence[Taken]) -> None:
        for one in taken:
            for need in one.needs:
                tried = self._gauges.try_out(need.gauge_id, one.head.task_id)
                if tried is not None:
                    note_probe(self._batch, tried, one.head)

    def held(self, needs: Sequence[Need]) -> str | None:
        """Return what an attempt holds of metered gauges, as its row says it."""
        metered_gauges = self._gauges.metered
        metered = tuple([need for need in needs if need.gauge_id in metered_gauges])
        if metered not in self._held:
            self._held[metered] = pack_held(metered)
        return self._held[metered]

    def count(self, needs: Sequence[Need], number: int) -> int:
        """Count so many starts; return the moment that tells the windows of what each takes (ms UTC)."""
        counted_at = self._batch.wall
        if self._late:
            counted_at = max(counted_at, *(self._late.get(need.gauge_id, 0) for need in needs))
        if not self._capacity.retries:
            return counted_at
        passed = [need.gauge_id for need in needs]
        retries = [gauge for one in passed if (gauge := self._gauges.retries_of(one)) is not None]
        if retries:
            counted_at = max(counted_at, *(gauge.began for gauge in retries))
            self._gauges.count_starts(passed, number, counted_at=counted_at)
        for gauge in retries:
            self.counted[gauge.id] = gauge
            self._lefts.pop(gauge.id, None)
        return counted_at

    def is_metered(self, gset_id: int, queue: str) -> bool:
        """Return whether the estimates of such tasks decide if they fit."""
        kind = (gset_id, queue)
        known = self._metered.get(kind)
        return self.are_metered((kind,))[kind] if known is None else known

    def are_metered(self, kinds: Collection[Kind]) -> Mapping[Kind, bool]:
        """Return by kind, these among them, what `is_metered` does; their gauges are read at once."""
        missing = {kind for kind in kinds if kind not in self._metered}
        if missing:
            sets = self._sets([gset_id for gset_id, _ in missing])
            of_queues = {queue: self.of_queue(queue) for queue in {queue for _, queue in missing}}
            self._gauges.of(set().union(*of_queues.values(), *[sets[gset_id] for gset_id, _ in missing]))
            metered = self._gauges.metered
            for gset_id, queue in missing:
                is_free = metered.isdisjoint(sets[gset_id]) and metered.isdisjoint(of_queues[queue])
                self._metered[gset_id, queue] = not is_free
        return self._metered

    def left(self, gauge_id: int) -> int:
        """Return what a gauge has left; read once until this claim takes more."""
        left = self._lefts.get(gauge_id)
        if left is None:
            left = self._lefts[gauge_id] = self._gauges.left(gauge_id)
        return left

    def may_refuse(self, gauge_id: int) -> bool:
        """Return whether a gauge has nothing left, or may have too little for what a task needs."""
        return self.left(gauge_id) <= 0 or gauge_id in self._gauges.metered

    def empty_of_each(self, gset_ids: Collection[int]) -> Mapping[int, int]:
        """Return the sets of which a gauge has nothing left, and the first such gauge of each."""
        sets, lefts = self._sets(gset_ids), self._lefts
        passed = set().union(*[sets[gset_id] for gset_id in gset_ids])
        missing = passed.difference(lefts)
        if missing:
            lefts |= self._gauges.lefts(missing)
        empty = {one for one in passed if lefts[one] <= 0}
        if not empty:
            return {}
        first = {gset_id: [one for one in sets[gset_id] if one in empty][:1] for gset_id in gset_ids}
        return {gset_id: gauge_id for gset_id, found in first.items() for gauge_id in found}

    def empty_of(self, gset_id: int) -> int | None:
        """Return the first gauge of a set that has nothing left; None = all have."""
        return next((one for one in self.of_set(gset_id) if self.left(one) <= 0), None)

    def of_set(self, gset_id: int) -> tuple[int, ...]:
        """Return the gauges of a set, in order."""
        return self._capacity.gauges_of(self._batch.db, gset_id)

    def _sets(self, gset_ids: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
        return self._capacity.sets(self._batch.db, gset_ids)

    def of_queue(self, queue: str) -> tuple[int, ...]:
        """Return the gauges of a whole queue."""
        return self.of_set(self._capacity.queue_sets.get(queue, 0))

    def is_of_pool(self, gauge_id: int) -> bool:
        """Return whether a gauge is one of a whole pool."""
        return any(gauge_id in self.of_set(gset_id) for gset_id in self._capacity.pool_sets.values())

    def make_full_sets(self, taken: Iterable[tuple[Head, str]]) -> None:
        """Make what `full_set` returns of heads and pools, where it is missing, all at once."""
        pools, queues = self._capacity.pool_sets, self._capacity.queue_sets
        if pools or queues:
            wanted = [
                self._all_gauges(*one) for one in taken if pools.get(one[1]) or queues.get(one[0].queue)
            ]
            self._capacity.full_sets(self._batch.db, wanted)

    def full_set(self, head: Head, pool: str) -> int:
        """Return the set of all gauges that an attempt passes in a pool; it is made where there was none."""
        if not self._capacity.pool_sets.get(pool) and not self._capacity.queue_sets.get(head.queue):
            return head.gset_id
        return self._capacity.full_set(self._batch.db, self._all_gauges(head, pool))

    def _all_gauges(self, head: Head, pool: str) -> tuple[int, ...]:
        wide, own = self._wide_gauges(head.queue, pool), self.of_set(head.gset_id)
        return tuple(dict.fromkeys((*wide, *own))) if wide else own

    def _wide_gauges(self, queue: str, pool: str) -> tuple[int, ...]:
        """Return the gauges of a whole pool, then those of a whole queue."""
        known = self._wide.get((queue, pool))
        if known is None:
            in_pool = self.of_set(self._capacity.pool_sets.get(pool, 0))
            known = self._wide[queue, pool] = (*in_pool, *self.of_queue(queue))
        return known
