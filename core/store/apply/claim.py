"""Claim queued tasks for free slots, from the heads of open lanes.

Called by the transaction; the rules choose among the heads.
"""

from __future__ import annotations

from core.model.commands import Claimed
from core.model.lanes import Head
from core.store.apply.moves import jobs, running
from core.store.batch import Batch
from core.store.rows import ClaimedRow

LANE_LIMIT = 256
"""Lanes looked at for one claim, those with the oldest or highest heads first."""

_LANES = (
    "SELECT l.id, l.queue, l.job_id, j.vtime FROM lane l INDEXED BY lane_head"
    " JOIN job j ON j.id = l.job_id JOIN queue q ON q.name = l.queue"
    " WHERE l.head_key IS NOT NULL AND q.paused_at IS NULL AND j.status IN ('pending', 'running')"
    " ORDER BY l.head_key LIMIT ?"
)
_HEADS = (
    "SELECT id, sort_key FROM task INDEXED BY task_claim"
    " WHERE lane_id = ? AND status = 'queued' ORDER BY sort_key, id LIMIT ?"
)


def apply_claim(batch: Batch, *, slots: int) -> tuple[Claimed, ...]:
    """Claim until `slots` attempts are open; return what was claimed, in the order of choice."""
    batch.refresh_lanes()
    (taken,) = batch.rows("SELECT count(*) FROM attempt INDEXED BY attempt_open WHERE status = 'running'")[0]
    free = slots - int(taken)
    if free <= 0:
        return ()
    heads = _heads(batch, free)
    if not heads:
        return ()
    picks = batch.rules.choose(heads, free, now=batch.now, aging_step=batch.aging_step)
    claimed = tuple(_claimed(row) for row in running.claim(batch, picks.task_ids))
    batch.many("UPDATE job SET vtime = ? WHERE id = ?", [(value, job) for job, value in picks.vtimes.items()])
    jobs.start(batch, dict.fromkeys(task.job_id for task in claimed))
    batch.report.claimed.extend(claimed)
    return claimed


def _heads(batch: Batch, free: int) -> list[Head]:
    return [
        Head(lane_id=lane_id, task_id=task_id, job_id=job_id, queue=queue, sort_key=sort_key, vtime=vtime)
        for lane_id, queue, job_id, vtime in batch.rows(_LANES, LANE_LIMIT)
        for task_id, sort_key in batch.rows(_HEADS, lane_id, free)
    ]


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
