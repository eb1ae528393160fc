"""Claim queued tasks for free slots: the heads of the open lanes, chosen by the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from core.model.commands import ENGINE, Claim, Claimed
from core.model.errors import Bug
from core.model.lanes import Head, Picks
from core.model.status import JOB, TASK, TaskStatus
from core.store.batch import Batch
from core.store.sql import guard, ids

Choose: TypeAlias = Callable[..., Picks]
"""`rules.lanes.choose`, handed in: (heads, slots, *, now, aging_step) -> Picks."""

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
_CLAIM = (
    "UPDATE task SET status = 'running', epoch = epoch + 1, started_at = ? FROM json_each(?) AS j"
    f" WHERE task.id = j.value AND {guard(TASK['claim'], 'task.status')}"
    " RETURNING id, epoch, job_id, key, uses, spec, generation, tries, losses, bounces, conditional,"
    " stage_id, queue, lane_id"
)
_ATTEMPT = (
    "INSERT INTO attempt (task_id, epoch, status, engine_epoch, started_at) VALUES (?, ?, 'running', ?, ?)"
)
_START = (
    "UPDATE job SET status = 'running', started_at = coalesce(started_at, ?) FROM json_each(?) AS j"
    f" WHERE job.id = j.value AND {guard(JOB['start'], 'job.status')} RETURNING id"
)


def apply_claim(batch: Batch, command: Claim, choose: Choose) -> tuple[Claimed, ...]:
    """Claim until `slots` attempts are open; return what was claimed, in the order of choice."""
    batch.refresh_lanes()
    (taken,) = batch.rows("SELECT count(*) FROM attempt INDEXED BY attempt_open WHERE status = 'running'")[0]
    free = command.slots - int(taken)
    if free <= 0:
        return ()
    heads = _heads(batch, free)
    if not heads:
        return ()
    picks = choose(heads, free, now=batch.now, aging_step=batch.aging_step)
    claimed = _claim(batch, picks.task_ids)
    batch.many("UPDATE job SET vtime = ? WHERE id = ?", [(value, job) for job, value in picks.vtimes.items()])
    start_jobs(batch, Counter(task.job_id for task in claimed))
    batch.report.claimed.extend(claimed)
    return claimed


def start_jobs(batch: Batch, job_ids: Counter[int] | set[int]) -> None:
    """Make jobs running whose first task was claimed, or ended without a claim."""
    for (job_id,) in batch.rows(_START, batch.now, ids(job_ids)):
        batch.event("job.running", (job_id, None, None), actor=ENGINE)


def _heads(batch: Batch, free: int) -> list[Head]:
    return [
        Head(lane_id=lane_id, task_id=task_id, job_id=job_id, queue=queue, sort_key=sort_key, vtime=vtime)
        for lane_id, queue, job_id, vtime in batch.rows(_LANES, LANE_LIMIT)
        for task_id, sort_key in batch.rows(_HEADS, lane_id, free)
    ]


def _claim(batch: Batch, task_ids: Sequence[int]) -> tuple[Claimed, ...]:
    rows = {row[0]: row for row in batch.rows(_CLAIM, batch.now, ids(task_ids))}
    if len(rows) != len(task_ids):
        raise Bug("claim.refused", "a task at the head of its lane could not be claimed")
    claimed, attempts = [], []
    for task_id in task_ids:
        row = rows[task_id]
        epoch, job_id, stage_id, queue, lane_id = row[1], row[2], row[11], row[12], row[13]
        claimed.append(_claimed(row))
        attempts.append((task_id, epoch, batch.epoch, batch.now))
        batch.moved((job_id, stage_id, queue), TASK["claim"], TaskStatus.QUEUED)
        batch.queued(lane_id)
        batch.event("task.claimed", (job_id, task_id, epoch))
    batch.many(_ATTEMPT, attempts)
    return tuple(claimed)


def _claimed(row: tuple) -> Claimed:  # type: ignore[type-arg]
    return Claimed(
        task_id=row[0],
        epoch=row[1],
        job_id=row[2],
        key=row[3],
        uses=row[4],
        spec=row[5],
        generation=row[6],
        tries=row[7],
        losses=row[8],
        bounces=row[9],
        conditional=bool(row[10]),
    )
