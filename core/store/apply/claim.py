"""Claim queued tasks for free slots, from the heads of open lanes.

Called by the transaction; the rules choose among the heads that `sight` finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.model.commands import Claimed
from core.store.apply.lanes import shut_met
from core.store.apply.moves import jobs, running
from core.store.apply.sight import Ahead, look, look_at_reordered
from core.store.batch import Batch
from core.store.rows import ClaimedRow

LANES_MIN = 64
LANES_MAX = 256
"""Lanes looked at in one pass, those with the oldest or highest heads; twice the free slots between these."""
PASSES = 8
"""How often one claim looks again where it filled or shut all that it saw and saw not all."""

_TAKEN = "SELECT count(*) FROM attempt INDEXED BY attempt_open WHERE status = 'running'"


def apply_claim(batch: Batch, *, slots: int) -> tuple[Claimed, ...]:
    """Claim until `slots` attempts are open; return what was claimed, in the order of choice."""
    open_slots = free_slots(batch, slots)
    claimed: list[Claimed] = []
    for _ in range(PASSES):
        free = open_slots - len(claimed)
        if free <= 0 or not _claim_pass(batch, free, claimed):
            break
    else:
        batch.report.claims_left = True
    batch.report.claimed.extend(claimed)
    return tuple(claimed)


def free_slots(batch: Batch, slots: int) -> int:
    """Return how many of these slots no open attempt has; below 0 where more are open."""
    ((taken,),) = batch.rows(_TAKEN)
    return slots - int(taken)


def take(batch: Batch, task_ids: Sequence[int], vtimes: Mapping[int, int]) -> list[Claimed]:
    """Claim tasks, in this order; their jobs get these virtual times and have started."""
    claimed = [_claimed(row) for row in running.claim(batch, task_ids)]
    batch.many("UPDATE job SET vtime = ? WHERE id = ?", [(v, job) for job, v in vtimes.items()])
    jobs.start(batch, vtimes)
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
            further=ahead.further if only is None else None,
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
