"""Shares: what one claim may take of pools and gauges.

Used by the claim where pools or limits are configured.

`shut_by` and `gauge.opens_at` are the durable list of who waits for which gauge: a claim that has a free slot
looks at every gauge that is due, and leaves it due for as long as something that fits may stand behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.model.gauges import Gauge
from core.model.lanes import Further, Head, Need, Picks, Room
from core.model.limit_forms import costs_of, pack_held
from core.model.limits import DEFAULT_POOL, Pool
from core.store.apply.breakers import note_probe
from core.store.apply.exhaustion import Patience
from core.store.apply.sight import Aisle, Seen, View, note_costs
from core.store.batch import Batch
from core.store.capacity import set_of
from core.store.rows import Hold
from core.store.sql import ids, raw

AT_ONCE = 256
"""Aisles, and lanes, that one claim opens behind a gauge at the most."""

_TAKEN = (
    "SELECT coalesce(pool, ?), count(*) FROM attempt INDEXED BY attempt_open"
    " WHERE status = 'running' GROUP BY 1"
)
# One step a queue, not one an aisle.
_QUEUES = (
    "WITH RECURSIVE q(name) AS (SELECT min(queue) FROM aisle INDEXED BY aisle_of_queue"
    " WHERE head_key IS NOT NULL AND shut_by IS NULL UNION ALL"
    " SELECT (SELECT min(queue) FROM aisle INDEXED BY aisle_of_queue WHERE head_key IS NOT NULL"
    " AND shut_by IS NULL AND queue > q.name) FROM q WHERE q.name IS NOT NULL)"
    " SELECT name FROM q WHERE name IS NOT NULL"
)
_WOKEN = (
    "SELECT a.id, a.queue, a.head_key, a.gset_id, q.paused_at IS NOT NULL, a.shut_by"
    " FROM aisle a INDEXED BY aisle_shut CROSS JOIN queue q ON q.name = a.queue"
    " WHERE a.shut_by = ? AND a.shut_by > 0 AND a.head_key IS NOT NULL ORDER BY a.head_key LIMIT ?"
)
_OPEN_DEAR = (
    "UPDATE lane SET shut_by = NULL, need = NULL WHERE id IN (SELECT id FROM lane INDEXED BY lane_dear"
    " WHERE shut_by = ? AND shut_by > 0 AND head_key IS NOT NULL AND need <= ? ORDER BY need LIMIT ?)"
    " RETURNING aisle_id"
)
_BEHIND = (
    "SELECT EXISTS (SELECT 1 FROM aisle INDEXED BY aisle_shut WHERE shut_by = ?1 AND shut_by > 0"
    " AND head_key IS NOT NULL), EXISTS (SELECT 1 FROM lane INDEXED BY lane_dear WHERE shut_by = ?1"
    " AND shut_by > 0 AND head_key IS NOT NULL AND need <= ?2),"
    " EXISTS (SELECT 1 FROM lane INDEXED BY lane_dear"
    " WHERE shut_by = ?1 AND shut_by > 0 AND head_key IS NOT NULL)"
)
_FILLED = "SELECT id FROM aisle WHERE id IN (SELECT value FROM json_each(?)) AND head_key IS NOT NULL"
_SHUT_AISLES = "UPDATE aisle SET shut_by = ? WHERE id = ?"
_SHUT_LANES = "UPDATE lane SET shut_by = ?, need = ? WHERE id = ? RETURNING aisle_id"


class Shares:
    """Free slots by pool, and the gauges that this claim looks at."""

    def __init__(self, batch: Batch, slots: int) -> None:
        self._batch = batch
        self._gauges = batch.gauges
        self._capacity = batch.capacity
        taken = dict(batch.rows(_TAKEN, DEFAULT_POOL))
        self._pools: Sequence[Pool] = self._capacity.pools or (Pool(name=DEFAULT_POOL, slots=slots),)
        self._free = {
            pool.name: 0 if pool.name in self._capacity.paused else pool.slots - taken.get(pool.name, 0)
            for pool in self._pools
        }
        # What runs in a pool beyond its slots takes none of another.
        within = sum(min(pool.slots, taken.get(pool.name, 0)) for pool in self._pools)
        self.total = min(slots - within, sum(max(0, n) for n in self._free.values()))
        """Attempts that may be opened."""
        self._pools_of: dict[str, tuple[str, ...]] = {}
        self._needs: dict[tuple[int, str, str, str | None], tuple[Need, ...]] = {}
        self._lefts: dict[int, int] = {}
        """What gauges have left, until this claim takes more."""
        self._metered: dict[tuple[int, str], bool] = {}
        self._full_sets: dict[tuple[int, ...], int] = {}
        self._due: list[Gauge] = []
        self._closed_queues: frozenset[str] = frozenset()
        self._patience = Patience(batch)
        self._preferring = self._capacity.preferring(batch.db) if self._capacity.pools else {}

    def room(self, further: Further | None = None) -> Room:
        """Return what a choice may read and fill now."""
        free = {pool: number for pool, number in self._free.items() if number > 0}
        return Room(
            further=further, free=free, pools_of=self._pools_of_head, needs=self.needs, left=self._gauges.left
        )

    def _pools_of_head(self, head: Head) -> Sequence[str]:
        return self._pools_for(head.queue, head.gset_id)

    def _pools_for(self, queue: str, gset_id: int) -> Sequence[str]:
        """Return the pools in which a task may start: those it prefers, if one of them drains its queue."""
        drains = self.pools_of(queue)
        prefers = self._preferring.get(gset_id) if self._preferring else None
        return drains if prefers is None else [pool for pool in prefers if pool in drains] or drains

    def pools_of(self, queue: str) -> tuple[str, ...]:
        """Return the pools that drain a queue, in the order in which they are asked."""
        known = self._pools_of.get(queue)
        if known is None:
            known = tuple(pool.name for pool in self._pools if not pool.queues or queue in pool.queues)
            self._pools_of[queue] = known
        return known

    def needs(self, head: Head, pool: str) -> tuple[Need, ...]:
        """Return what an attempt of a head takes in a pool: by the gauges of pool, queue and task."""
        key = (head.gset_id, head.queue, pool, head.cost)
        known = self._needs.get(key)
        if known is None:
            listed = self._all_gauges(head, pool)
            costs = costs_of(head.cost)
            gauges = self._gauges.of(listed)
            rules = self._batch.rules.gauges
            known = tuple(
                Need(one, rules.need_of(gauges[one], costs.get(gauges[one].limit.unit))) for one in listed
            )
            self._needs[key] = known
        return known

    def is_metered(self, head: Head) -> bool:
        """Return whether the estimate of a task decides if it fits."""
        key = (head.gset_id, head.queue)
        known = self._metered.get(key)
        if known is None:
            listed = (*self._broad(head.queue), *self._set(head.gset_id))
            gauges = self._gauges.of(listed)
            known = self._metered[key] = any(gauges[one].limit.is_metered for one in listed)
        return known

    def open_due(self) -> View:
        """Open what stands behind gauges that are due; return what this claim may look at."""
        woken: dict[int, Aisle] = {}
        self._due = self._gauges.due()
        if self._due:
            # An aisle that has become empty must not be looked at, and shut, as it was.
            self._batch.refresh_lanes()
        for gauge in self._due:
            left = self._left(gauge.id)
            self._patience.note_due(gauge)
            if left <= 0:
                continue
            most = min(left, self.total, AT_ONCE)
            for aisle in self._batch.typed(Aisle, _WOKEN, gauge.id, most):
                woken[aisle.id] = aisle
            self._batch.reorder_aisles(self._batch.rows(_OPEN_DEAR, gauge.id, left, AT_ONCE))
        if self._due:
            self._batch.refresh_lanes()
        queues = self._queues()
        if queues is not None:
            # It would be the first behind its gauge for ever: open, it waits for its pool or queue.
            unseen = [
                one
                for one, aisle in woken.items()
                if not self._may_look_at(aisle.queue) or aisle.gset_id in self._full_sets_of(aisle.queue)
            ]
            self._batch.many(_SHUT_AISLES, [(None, one) for one in unseen])
            woken = {one: aisle for one, aisle in woken.items() if one not in unseen}
        return self._view(queues, woken)

    def look_again(self) -> View:
        """Return what a further pass of this claim may look at."""
        return self._view(self._queues(), {})

    def _view(self, queues: Sequence[str] | None, woken: Mapping[int, Aisle]) -> View:
        return View(
            queues=queues,
            full_sets=self._full_sets_of,
            woken=woken,
            refuses=self.refuses,
            prepare=self.read_gauges,
        )

    def _full_sets_of(self, queue: str) -> Sequence[int]:
        return [
            gset_id
            for gset_id in self._preferring
            if not any(self._free[pool] > 0 for pool in self._pools_for(queue, gset_id))
        ]

    def admits(self, seen: Seen) -> bool:
        """Return whether all heads may be claimed as far as queues and empty gauges go."""
        return all(
            self._may_look_at(head.queue)
            and head.gset_id not in self._full_sets_of(head.queue)
            and self.refuses(head.gset_id) is None
            and not any(self._left(one) <= 0 for one in self._broad(head.queue))
            for head in seen.heads
        )

    def refuses(self, gset_id: int) -> int | None:
        """Return the first gauge of a set that has nothing left; None = all have."""
        return next((one for one in self._set(gset_id) if self._left(one) <= 0), None)

    def read_gauges(self, aisles: Iterable[Aisle]) -> None:
        """Read the gauges of aisles at once, before each is asked."""
        gsets = {aisle.gset_id for aisle in aisles if aisle.gset_id}
        self._gauges.of({one for gset_id in gsets for one in self._set(gset_id)})

    def read_costs(self, heads: Sequence[Head]) -> None:
        """Read the estimates of tasks where a gauge of theirs is metered."""
        metered = [head for head in heads if self.is_metered(head)]
        if metered:
            note_costs(self._batch, metered)

    def hold(self, picks: Picks) -> Mapping[int, Hold]:
        """Take what the picks need; return it by task."""
        alike: dict[tuple[int, str, str | None, str], list[Head]] = {}
        for head, pool in zip(picks.heads, picks.pools, strict=True):
            alike.setdefault((head.gset_id, head.queue, head.cost, pool), []).append(head)
        holds: dict[int, Hold] = {}
        for (*_, pool), heads in alike.items():
            hold = self._hold(heads[0], pool, len(heads))
            holds.update((head.task_id, hold) for head in heads)
        return holds

    def hold_one(self, head: Head, pool: str) -> Hold:
        """Take a slot and what one attempt needs."""
        return self._hold(head, pool, 1)

    def _hold(self, head: Head, pool: str, number: int) -> Hold:
        """Take what so many attempts like this one need; return what each of them holds."""
        self._free[pool] -= number
        self.total -= number
        needs = self.needs(head, pool)
        gauges = self._gauges.of([need.gauge_id for need in needs])
        for gauge_id, amount in needs:
            self._gauges.take(gauge_id, amount * number)
            tried = self._gauges.try_out(gauge_id, head.task_id)
            if tried is not None:
                note_probe(self._batch, tried, head)
            self._lefts.pop(gauge_id, None)
        wall = self._batch.wall
        return Hold(
            pool=None if pool == DEFAULT_POOL else pool,
            gset_id=self._full_set(head, pool),
            held=pack_held((one, amount) for one, amount in needs if gauges[one].limit.is_metered),
            counted_at=max([wall, *(gauges[one].began for one, _ in needs)]) if needs else None,
        )

    def park(self, seen: Seen, picks: Picks, woken: Mapping[int, Aisle]) -> bool:
        """Shut the aisles of empty gauges and the lanes whose head is too dear; return whether any was.

        Only what differs is written. An aisle that was woken and has something left is open again.
        """
        shut = dict(seen.refused)
        for aisle in seen.aisles.values():
            gauge_id = self.refuses(aisle.gset_id)
            if gauge_id is not None:
                shut[aisle.id] = gauge_id
        before: dict[int, int | None] = dict.fromkeys((*seen.aisles, *seen.refused))
        before |= {one: aisle.shut_by for one, aisle in woken.items()}
        written = [(shut.get(one), one) for one, shut_by in before.items() if shut_by != shut.get(one)]
        if written:
            # What is claimed may leave an aisle empty: nothing waits there, and nothing would open it.
            self._batch.refresh_lanes()
            filled = {one for (one,) in self._batch.rows(_FILLED, ids(one for _, one in written))}
            shut = {one: gauge_id for one, gauge_id in shut.items() if one in filled or one in woken}
            written = [(gauge_id, one) for gauge_id, one in written if gauge_id is None or one in filled]
        self._batch.many(_SHUT_AISLES, written)
        self._patience.note_shut(shut)
        held_back = {
            lane_id: need for lane_id, need in picks.dear.items() if not self._is_of_pool(need.gauge_id)
        }
        self._patience.note_dear(held_back)
        dear = [
            (need.gauge_id, need.amount, lane_id)
            for lane_id, need in held_back.items()
            if self._left(need.gauge_id) > 0
        ]
        if dear:
            # What is claimed changes heads, and a lane of another head is not shut any more.
            self._batch.refresh_lanes()
        for one in dear:
            self._batch.reorder_aisles(self._batch.rows(_SHUT_LANES, *one))
        # Also of a gauge of a whole queue, whose aisles stay open.
        for gauge_id in {*shut.values(), *(need.gauge_id for need in held_back.values())}:
            self._gauges.alarm(self._gauges.one(gauge_id))
        return bool(written or dear)

    def judge(self) -> None:
        """Say of each gauge that was due what waits behind it still, and when it is looked at again."""
        if self._due:
            self._batch.refresh_lanes()
        for gauge in self._due:
            left = self._left(gauge.id)
            shut, fits, is_dear = self._batch.rows(_BEHIND, gauge.id, max(0, left))[0]
            if left > 0 and (shut or fits):
                gauge.is_waited_for, gauge.opens_at = True, 0
                self._batch.report.claims_left |= self.total > 0
            elif shut or is_dear or (left <= 0 and self._holds_up_a_queue(gauge.id)):
                self._gauges.alarm(gauge)
            else:
                gauge.is_waited_for, gauge.opens_at = False, None
        # Last: what was opened by this claim may wait in a queue whose gauge has nothing left.
        for queue in self._closed_queues:
            gauge_id = self.refuses(self._capacity.queue_sets[queue])
            if gauge_id is not None and self._holds_up(queue):
                self._gauges.alarm(self._gauges.one(gauge_id))
                self._patience.note_queue(queue, gauge_id)

    def _queues(self) -> Sequence[str] | None:
        """Return the queues that may be looked at, None = all."""
        self._closed_queues = frozenset(
            queue for queue, gset_id in self._capacity.queue_sets.items() if self.refuses(gset_id) is not None
        )
        drains_all = any(not pool.queues and self._free[pool.name] > 0 for pool in self._pools)
        if drains_all and not self._closed_queues and not self._preferring:
            return None
        # What was queued by this transaction counts, too.
        self._batch.refresh_lanes()
        return [queue for (queue,) in self._batch.rows(_QUEUES) if self._may_look_at(queue)]

    def _left(self, gauge_id: int) -> int:
        left = self._lefts.get(gauge_id)
        if left is None:
            left = self._lefts[gauge_id] = self._gauges.left(gauge_id)
        return left

    def _may_look_at(self, queue: str) -> bool:
        return queue not in self._closed_queues and any(self._free[pool] > 0 for pool in self.pools_of(queue))

    def _holds_up_a_queue(self, gauge_id: int) -> bool:
        return any(
            gauge_id in self._set(gset_id) and self._holds_up(queue)
            for queue, gset_id in self._capacity.queue_sets.items()
        )

    def _holds_up(self, queue: str) -> bool:
        sql = (
            "SELECT 1 FROM aisle INDEXED BY aisle_of_queue WHERE queue = CAST(? AS TEXT)"
            " AND head_key IS NOT NULL AND shut_by IS NULL LIMIT 1"
        )
        return self._batch.one(sql, raw(queue)) is not None

    def _is_of_pool(self, gauge_id: int) -> bool:
        return any(gauge_id in self._set(gset_id) for gset_id in self._capacity.pool_sets.values())

    def _broad(self, queue: str) -> tuple[int, ...]:
        return self._set(self._capacity.queue_sets.get(queue, 0))

    def _set(self, gset_id: int) -> tuple[int, ...]:
        return self._capacity.gauges_of(self._batch.db, gset_id)

    def _all_gauges(self, head: Head, pool: str) -> tuple[int, ...]:
        in_pool = self._set(self._capacity.pool_sets.get(pool, 0))
        return tuple(dict.fromkeys((*in_pool, *self._broad(head.queue), *self._set(head.gset_id))))

    def _full_set(self, head: Head, pool: str) -> int:
        if not self._capacity.pool_sets.get(pool) and not self._capacity.queue_sets.get(head.queue):
            return head.gset_id
        key = self._all_gauges(head, pool)
        known = self._full_sets.get(key)
        if known is None:
            known = self._full_sets[key] = set_of(self._batch.db, key)
        return known
