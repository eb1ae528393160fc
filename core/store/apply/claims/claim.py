"""Claim queued tasks for free slots, from the heads of open lanes.

Called by the transaction; the rules choose among the heads that `sight` finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.model.commands.work import Claimed
from core.model.lanes import ANY_SLOT, Head, Picks, Room
from core.store.apply.claims.lanes import shut_met
from core.store.apply.claims.sight import Ahead, View, look, look_at_reordered
from core.store.apply.limits.lane_sets import is_being_keyed
from core.store.apply.moves import jobs, running
from core.store.apply.sharing.gauge_waits import GaugeWaits
from core.store.apply.sharing.shares import Shares
from core.store.batch import Batch
from core.store.rows import NO_HOLDS, ClaimedRow, Hold

LANES_MIN = 64
LANES_MAX = 256
"""Lanes looked at in one pass, those with the oldest or highest heads; twice the free slots between these."""
PASSES = 8
"""How often one claim looks again where it filled or shut all that it saw and saw not all."""

_TAKEN = "SELECT count(*) FROM attempt INDEXED BY attempt_open WHERE status = 'running'"


def apply_claim(batch: Batch, *, slots: int) -> tuple[Claimed, ...]:
    """Claim until `slots` attempts are open; return what was claimed, in the order of choice."""
    claimed: list[Claimed] = []
    if batch.capacity.is_shared:
        claim_shared(batch, slots, claimed)
    else:
        _claim_any(batch, free_slots(batch, slots), claimed)
    batch.report.claimed.extend(claimed)
    return tuple(claimed)


def _claim_any(batch: Batch, open_slots: int, claimed: list[Claimed]) -> None:
    """Claim where any slot does for any task."""
    for _ in range(PASSES):
        free = open_slots - len(claimed)
        if free <= 0 or not _claim_pass(batch, free, claimed):
            return
    batch.report.claims_left = True


def claim_shared(batch: Batch, slots: int, claimed: list[Claimed]) -> None:
    """Claim what pools and gauges have room for."""
    if is_being_keyed(batch):
        # What is not brought under its limits yet would pass none of them.
        return
    shares = Shares(batch, slots)
    if shares.slots.total <= 0:
        return
    waits = GaugeWaits(batch, shares)
    view = waits.wake()
    for _ in range(PASSES):
        if not _claim_shared_pass(batch, waits, view, claimed):
            break
        view = waits.look_again()
    else:
        batch.report.claims_left = True
    waits.judge()


def claim_one(batch: Batch, head: Head, *, slots: int) -> bool:
    """Claim one task, without the rule that chooses; return whether pools and gauges let it."""
    vtimes = {head.job_id: head.vtime + 1}
    if not batch.capacity.is_shared:
        batch.report.claimed.extend(take(batch, (head.task_id,), vtimes))
        return True
    shares = Shares(batch, slots)
    if shares.slots.total <= 0 or is_being_keyed(batch):
        return False
    shares.read_costs([head])
    pool = batch.rules.admit(head, shares.room())
    if pool is None:
        return False
    hold = {head.task_id: shares.hold_one(head, pool)}
    batch.report.claimed.extend(take(batch, (head.task_id,), vtimes, hold))
    return True


def _claim_shared_pass(batch: Batch, waits: GaugeWaits, view: View, claimed: list[Claimed]) -> bool:
    """Claim from what is in view; return whether another look may find more."""
    shares, slots = waits.shares, waits.shares.slots
    limit = min(LANES_MAX, max(LANES_MIN, 2 * slots.total))
    seen = None if view.woken else look_at_reordered(batch, limit)
    if seen is None or not waits.queues.admits(seen):
        batch.refresh_lanes()
        seen = look(batch, limit, view)
    if seen.shut_aisles or seen.shut_lanes:
        shut_met(batch, aisles=seen.shut_aisles, lanes=seen.shut_lanes)
    picks = Picks(vtimes={})
    if seen.heads:
        shares.read_costs(seen.heads)
        picks = batch.rules.choose(
            seen.heads,
            slots.total,
            now=batch.now,
            aging_step=batch.aging_step,
            room=shares.room(Ahead(batch, is_metered=shares.needs.is_metered).further),
        )
        claimed += take(batch, picks.task_ids, picks.vtimes, shares.hold(picks))
    was_shut = waits.park(seen, picks, view.woken)
    return seen.is_cut and slots.total > 0 and (was_shut or bool(picks.task_ids) or bool(seen.shut_aisles))


def free_slots(batch: Batch, slots: int) -> int:
    """Return how many of these slots no open attempt has; below 0 where more are open."""
    ((taken,),) = batch.rows(_TAKEN)
    return slots - int(taken)


def take(
    batch: Batch, task_ids: Sequence[int], vtimes: Mapping[int, int], holds: Mapping[int, Hold] = NO_HOLDS
) -> list[Claimed]:
    """Claim tasks, in this order; the jobs whose share it is get these virtual times, all have started.

    `holds` is what they take of pools and gauges.
    """
    claimed = [_claimed(row) for row in running.claim(batch, task_ids, holds)]
    jobs.claim(batch, [one.job_id for one in claimed], vtimes)
    return claimed


def _claim_pass(batch: Batch, free: int, claimed: list[Claimed]) -> bool:
    """Claim from what is in sight; return whether another look may find more."""
    limit = min(LANES_MAX, max(LANES_MIN, 2 * free))
    seen = look_at_reordered(batch, limit)
    if seen is None:
        batch.refresh_lanes()
        seen = look(batch, limit)
    if seen.shut_aisles or seen.shut_lanes:
        shut_met(batch, aisles=seen.shut_aisles, lanes=seen.shut_lanes)
    if seen.heads:
        ahead = Ahead(batch)
        only = ahead.whole(seen.heads[0], free) if len(seen.heads) == 1 else None
        picks = batch.rules.choose(
            only or seen.heads,
            free,
            now=batch.now,
            aging_step=batch.aging_step,
            room=Room(further=ahead.further) if only is None else ANY_SLOT,
        )
        claimed += take(batch, picks.task_ids, picks.vtimes)
    return seen.is_cut


def _claimed(row: ClaimedRow) -> Claimed:
    return Claimed(
        task_id=row.task_id,
        epoch=row.epoch,
        job_id=row.job_id,
        key=row.key,
        uses=row.uses,
        spec=row.spec,
        generation=row.generation,
        tries=row.tries,
        losses=row.losses,
        bounces=row.bounces,
        conditional=bool(row.conditional),
    )
