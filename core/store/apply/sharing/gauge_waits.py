"""What waits for gauges: opened when due, shut when empty.

Used by the claim where pools or limits are configured.

`shut_by` and `gauge.opens_at` are the durable list of who waits for which gauge: a claim that has a free slot
looks at every gauge that is due, and leaves it due for as long as something that fits may stand behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.model.lanes import Need, Picks
from core.model.limits.gauges import Gauge
from core.store.apply.claims.sight import Aisle, Seen, View
from core.store.apply.limits.exhaustion import Patience
from core.store.apply.sharing.open_queues import OpenQueues
from core.store.apply.sharing.shares import Shares
from core.store.batch import Batch
from core.store.sql import ids

AT_ONCE = 256
"""Aisles, and lanes, that one claim opens behind a gauge at the most."""

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
    " AND head_key IS NOT NULL) OR EXISTS (SELECT 1 FROM job INDEXED BY job_waits"
    " WHERE place_gauge = ?1 AND place_gauge IS NOT NULL),"
    " EXISTS (SELECT 1 FROM lane INDEXED BY lane_dear WHERE shut_by = ?1 AND shut_by > 0"
    " AND head_key IS NOT NULL AND need <= ?2),"
    " EXISTS (SELECT 1 FROM lane INDEXED BY lane_dear"
    " WHERE shut_by = ?1 AND shut_by > 0 AND head_key IS NOT NULL)"
)
_FILLED = "SELECT id FROM aisle WHERE id IN (SELECT value FROM json_each(?)) AND head_key IS NOT NULL"
_SHUT_AISLES = "UPDATE aisle SET shut_by = ? WHERE id = ?"
_SHUT_LANES = "UPDATE lane SET shut_by = ?, need = ? WHERE id = ? RETURNING aisle_id"


class _ShutAisles(NamedTuple):
    """The gauge of each aisle that is shut now, and whether one was changed."""

    gauge_ids: Mapping[int, int]
    is_changed: bool


class GaugeWaits:
    """Who waits for which gauge, during one claim: `wake`, then `park` after each pass, then `judge`."""

    def __init__(self, batch: Batch, shares: Shares) -> None:
        self._batch = batch
        self.shares = shares
        self._slots = shares.slots
        self._needs = shares.needs
        self._patience = Patience(batch)
        self._due: list[Gauge] = []
        self.queues = OpenQueues(batch, shares)

    def wake(self) -> View:
        """Open what stands behind gauges that are due; return what this claim may look at."""
        woken = self._open_due()
        queues = self.queues.read()
        if queues is not None:
            # It would be the first behind its gauge for ever: open, it waits for its pool or queue.
            unseen = [
                one for one, aisle in woken.items() if not self.queues.are_open_to(aisle.queue, aisle.gset_id)
            ]
            self._batch.many(_SHUT_AISLES, [(None, one) for one in unseen])
            woken = {one: aisle for one, aisle in woken.items() if one not in unseen}
        return self.queues.view(queues, woken)

    def look_again(self) -> View:
        """Return what a further pass of this claim may look at."""
        return self.queues.view(self.queues.read(), {})

    def _open_due(self) -> dict[int, Aisle]:
        """Open lanes whose head fits now; return the aisles to look at, which are open after that."""
        woken: dict[int, Aisle] = {}
        self._due = self._batch.gauges.due()
        if self._due:
            # An aisle that has become empty must not be looked at, and shut, as it was.
            self._batch.refresh_lanes()
        for gauge in self._due:
            left = self._needs.left(gauge.id)
            self._patience.note_due(gauge)
            if left <= 0:
                continue
            most = min(left, self._slots.total, AT_ONCE)
            for aisle in self._batch.typed(Aisle, _WOKEN, gauge.id, most):
                woken[aisle.id] = aisle
            self._batch.reorder_aisles(self._batch.rows(_OPEN_DEAR, gauge.id, left, AT_ONCE))
        if self._due:
            self._batch.refresh_lanes()
        return woken

    def park(self, seen: Seen, picks: Picks, woken: Mapping[int, Aisle]) -> bool:
        """Shut the aisles of empty gauges and the lanes whose head is too dear; return whether any was.

        Only what differs is written. An aisle that was woken and has something left is open again.
        """
        dear = {
            lane_id: need for lane_id, need in picks.dear.items() if not self._needs.is_of_pool(need.gauge_id)
        }
        aisles, was_shut = self._shut_aisles(seen, woken)
        was_dear = self._shut_lanes(dear)
        # Also of a gauge of a whole queue, whose aisles stay open.
        for gauge_id in {*aisles.values(), *(need.gauge_id for need in dear.values())}:
            self._alarm(gauge_id)
        return was_shut or was_dear

    def _shut_aisles(self, seen: Seen, woken: Mapping[int, Aisle]) -> _ShutAisles:
        shut = dict(seen.refused)
        empty = self._needs.empty_of_each({aisle.gset_id for aisle in seen.aisles.values()})
        if empty:
            shut |= {one.id: empty[one.gset_id] for one in seen.aisles.values() if one.gset_id in empty}
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
        return _ShutAisles(shut, is_changed=bool(written))

    def _shut_lanes(self, dear: Mapping[int, Need]) -> bool:
        """Shut lanes whose head needs more than its gauge has left, where it has any."""
        self._patience.note_dear(dear)
        written: Sequence[tuple[int, int, int]] = [
            (need.gauge_id, need.amount, lane_id)
            for lane_id, need in dear.items()
            if self._needs.left(need.gauge_id) > 0
        ]
        if written:
            # What is claimed changes heads, and a lane of another head is not shut any more.
            self._batch.refresh_lanes()
        for one in written:
            self._batch.reorder_aisles(self._batch.rows(_SHUT_LANES, *one))
        return bool(written)

    def judge(self) -> None:
        """Say of each gauge that was due what waits behind it still, and when it is looked at again."""
        if self._due:
            self._batch.refresh_lanes()
        for gauge in self._due:
            self._judge_one(gauge)
        for gauge in self._needs.counted.values():
            # More starts let more retries through, at which this claim has not looked.
            self._batch.gauges.open(gauge)
            self._batch.report.claims_left |= gauge.opens_at == 0 and self._slots.total > 0
        # Last: what was opened by this claim may wait in a queue whose gauge has nothing left.
        for queue, gauge_id in self.queues.held_up():
            self._alarm(gauge_id)
            self._patience.note_queue(queue, gauge_id)
        for gauge_id in self.queues.held_up_in_pools():
            self._alarm(gauge_id)

    def _judge_one(self, gauge: Gauge) -> None:
        left = self._needs.left(gauge.id)
        shut, fits, is_dear = self._batch.rows(_BEHIND, gauge.id, max(0, left))[0]
        if left > 0 and (shut or fits):
            gauge.is_waited_for, gauge.opens_at = True, 0
            self._batch.report.claims_left |= self._slots.total > 0
        elif shut or is_dear or (left <= 0 and self.queues.hold_up(gauge.id)):
            self._batch.gauges.alarm(gauge)
        else:
            gauge.is_waited_for, gauge.opens_at = False, None

    def _alarm(self, gauge_id: int) -> None:
        self._batch.gauges.alarm(self._batch.gauges.one(gauge_id))
