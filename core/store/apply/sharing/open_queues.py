"""Queues in which a claim may look now.

Used by the claim and by what waits for gauges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from core.store.apply.claims.sight import Aisle, Seen, View
from core.store.apply.sharing.shares import Shares
from core.store.batch import Batch
from core.store.sql import raw

# One step a queue, not one an aisle.
_QUEUES = (
    "WITH RECURSIVE q(name) AS (SELECT min(queue) FROM aisle INDEXED BY aisle_of_queue"
    " WHERE head_key IS NOT NULL AND shut_by IS NULL UNION ALL"
    " SELECT (SELECT min(queue) FROM aisle INDEXED BY aisle_of_queue WHERE head_key IS NOT NULL"
    " AND shut_by IS NULL AND queue > q.name) FROM q WHERE q.name IS NOT NULL)"
    " SELECT name FROM q WHERE name IS NOT NULL"
)
_IS_WAITING = (
    "SELECT 1 FROM aisle INDEXED BY aisle_of_queue WHERE queue = CAST(? AS TEXT)"
    " AND head_key IS NOT NULL AND shut_by IS NULL LIMIT 1"
)


class HeldQueue(NamedTuple):
    """A queue that is closed, and the empty gauge that closes it."""

    queue: str
    gauge_id: int


class OpenQueues:
    """The queues of one claim; those whose gauge is empty are closed when they are read."""

    def __init__(self, batch: Batch, shares: Shares) -> None:
        self._batch = batch
        self._slots = shares.slots
        self._needs = shares.needs
        self._sets = batch.capacity.queue_sets
        self._pool_sets = batch.capacity.pool_sets
        self._closed: frozenset[str] = frozenset()

    def read(self) -> Sequence[str] | None:
        """Return the queues that may be looked at, None = all."""
        self._closed = frozenset(
            queue for queue, gset_id in self._sets.items() if self._needs.empty_of(gset_id) is not None
        )
        if not self._closed and self._slots.has_slot_for_all():
            return None
        # What was queued by this transaction counts, too.
        self._batch.refresh_lanes()
        return [queue for (queue,) in self._batch.rows(_QUEUES) if self._may_look_at(queue)]

    def view(self, queues: Sequence[str] | None, woken: Mapping[int, Aisle]) -> View:
        """Return what a claim may look at, which are queues that were read, and aisles that were woken."""
        return View(
            queues=queues,
            apart=frozenset(queue for listed in self._slots.listed().values() for queue in listed),
            full_sets=self._slots.full_sets,
            woken=woken,
            empty_of=self._needs.empty_of_each,
        )

    def are_open_to(self, queue: str, gset_id: int) -> bool:
        """Return whether tasks of a queue and gauge set may be looked at, as far as slots and queues go."""
        return self._may_look_at(queue) and gset_id not in self._slots.full_sets(queue)

    def admits(self, seen: Seen) -> bool:
        """Return whether all heads may be claimed as far as queues and empty gauges go."""
        kinds = {(head.queue, head.gset_id) for head in seen.heads}
        sets = {gset_id for _, gset_id in kinds}
        sets |= {self._sets[queue] for queue, _ in kinds if queue in self._sets}
        return all(self.are_open_to(*kind) for kind in kinds) and not self._needs.empty_of_each(sets)

    def held_up(self) -> Iterator[HeldQueue]:
        """Return the queues that were closed and in which tasks wait."""
        for queue in self._closed:
            gauge_id = self._needs.empty_of(self._sets[queue])
            if gauge_id is not None and self._is_waiting(queue):
                yield HeldQueue(queue, gauge_id)

    def held_up_in_pools(self) -> Iterator[int]:
        """Yield the gauges that may keep tasks out of pools with a free slot, where tasks wait for one."""
        of_pools = self._pool_sets
        for pool in self._slots.with_slots():
            gset_id = of_pools.get(pool.name, 0)
            if gset_id and any(map(self._is_waiting, pool.queues or self._waiting_queues())):
                yield from (one for one in self._needs.of_set(gset_id) if self._needs.may_refuse(one))

    def _waiting_queues(self) -> Sequence[str]:
        return [queue for (queue,) in self._batch.rows(_QUEUES)]

    def hold_up(self, gauge_id: int) -> bool:
        """Return whether tasks wait in a queue that has this gauge."""
        return any(
            gauge_id in self._needs.of_set(gset_id) and self._is_waiting(queue)
            for queue, gset_id in self._sets.items()
        )

    def _may_look_at(self, queue: str) -> bool:
        return queue not in self._closed and self._slots.has_slot_for(queue)

    def _is_waiting(self, queue: str) -> bool:
        return self._batch.one(_IS_WAITING, raw(queue)) is not None
