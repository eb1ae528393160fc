"""Wait reasons: why tasks wait, from counters, lanes and lane heads.

Used by the report of the pulse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.pulse import Waiting, WaitKind
from core.model.status import TaskStatus
from core.store.reports.limits.lane_waits import LaneWait, read_lane_waits
from core.store.reports.queues import FIRST_LANE, SHUT, oldest_queued

REASONS_MAX = 20
"""Reasons that are returned at the most."""

# Of a paused queue all tasks wait for that; of a paused job those that are in other queues.
_LANES = text(
    f"""
    SELECT a.queue, x.id, NULL, NULL, min(x.head_key) FROM aisle a JOIN lane x ON x.id = (
      SELECT l.id FROM lane l INDEXED BY lane_head CROSS JOIN job j ON j.id = l.job_id
      WHERE l.aisle_id = a.id AND l.head_key IS NOT NULL AND l.shut_by IS NULL AND j.status != 'paused'
      ORDER BY l.head_key LIMIT 1) WHERE a.head_key IS NOT NULL GROUP BY a.queue
    UNION ALL
    SELECT a.queue, x.id, NULL, NULL, min(x.head_key) FROM aisle a
    JOIN queue q ON q.name = a.queue AND q.paused_at IS NOT NULL
    JOIN lane x ON x.id = ({FIRST_LANE.format(**SHUT)}) GROUP BY a.queue
    UNION ALL
    SELECT a.queue, l.id, l.job_id,
      (SELECT count(*) FROM task INDEXED BY task_claim WHERE lane_id = l.id AND status = 'queued'), l.head_key
    FROM job j INDEXED BY job_live CROSS JOIN lane l INDEXED BY lane_job ON l.job_id = j.id
    JOIN aisle a ON a.id = l.aisle_id JOIN queue q ON q.name = a.queue AND q.paused_at IS NULL
    WHERE j.status = 'paused' AND j.status IN ('ending', 'paused', 'pending', 'running')
      AND l.head_key IS NOT NULL
    ORDER BY 5"""
)
_DUE = text(
    "SELECT min(retry_at) - (SELECT time_offset FROM engine)"
    " FROM task INDEXED BY task_due WHERE status = 'retrying'"
)


class QueueCount(NamedTuple):
    """How many tasks of a queue are in a status, and whether the queue is paused."""

    queue: str
    status: str
    tasks: int
    is_paused: bool


class _Lane(NamedTuple):
    """The first lane of a queue, or of a paused job in it, with its queued tasks (None = not counted)."""

    queue: str
    lane: int
    job: int | None
    tasks: int | None


class _Reason(NamedTuple):
    """Tasks that wait for one reason; `lane` = where the next of them is, if they are queued."""

    kind: WaitKind
    tasks: int
    subject: str = ""
    lane: int | None = None
    until: int | None = None


async def read_wait_reasons(db: AsyncConnection, counts: Sequence[QueueCount]) -> tuple[Waiting, ...]:
    """Return what the tasks of these counts wait for, most tasks first."""
    totals: Counter[str] = Counter()
    for count in counts:
        totals[count.status] += count.tasks
    lanes = [_Lane(*row[:4]) for row in (await db.execute(_LANES)).all()] if totals[TaskStatus.QUEUED] else []
    due = (await db.execute(_DUE)).scalar() if totals[TaskStatus.RETRYING] else None
    queued = _queued(counts, lanes)
    open_ = {one.subject: one.tasks for one in queued if one.kind is WaitKind.QUEUED}
    reasons = [
        *_without(queued, await read_lane_waits(db, open_)),
        _Reason(kind=WaitKind.NEEDS, tasks=totals[TaskStatus.BLOCKED]),
        _Reason(kind=WaitKind.RETRYING, tasks=totals[TaskStatus.RETRYING], until=due),
        _Reason(kind=WaitKind.HELD, tasks=totals[TaskStatus.HELD]),
    ]
    most = sorted((reason for reason in reasons if reason.tasks > 0), key=lambda reason: -reason.tasks)
    shown = most[:REASONS_MAX]
    since = await oldest_queued(db, [reason.lane for reason in shown if reason.lane is not None])
    return tuple(_view(reason, since) for reason in shown)


def _view(reason: _Reason, since: dict[int, int | None]) -> Waiting:
    return Waiting(
        kind=reason.kind,
        subject=reason.subject,
        tasks=reason.tasks,
        since=None if reason.lane is None else since.get(reason.lane),
        until=reason.until,
    )


def _without(queued: Sequence[_Reason], kept_back: Sequence[LaneWait]) -> Iterator[_Reason]:
    """Return these reasons less the tasks that pools and limits keep back, and those by what does."""
    taken: Counter[str] = Counter()
    limited: dict[tuple[WaitKind, str], _Reason] = {}
    for one in kept_back:
        taken[one.queue] += one.tasks
        known = limited.get((one.kind, one.subject))
        limited[one.kind, one.subject] = _Reason(
            kind=one.kind,
            subject=one.subject,
            tasks=one.tasks + (0 if known is None else known.tasks),
            lane=one.lane if known is None else known.lane,
            until=one.until if known is None else known.until,
        )
    for reason in queued:
        is_open = reason.kind is WaitKind.QUEUED
        yield reason._replace(tasks=reason.tasks - taken[reason.subject]) if is_open else reason
    yield from limited.values()


def _queued(counts: Sequence[QueueCount], lanes: Sequence[_Lane]) -> list[_Reason]:
    """Return the queues, without the tasks of paused jobs in them, and those jobs."""
    first_lane: dict[str, int] = {}
    paused_in_queue: Counter[str] = Counter()
    paused_jobs: Counter[int] = Counter()
    job_lane: dict[int, int] = {}
    for lane in lanes:
        if lane.job is None:
            first_lane.setdefault(lane.queue, lane.lane)
            continue
        paused_in_queue[lane.queue] += lane.tasks or 0
        paused_jobs[lane.job] += lane.tasks or 0
        job_lane.setdefault(lane.job, lane.lane)
    queues = [
        _Reason(
            kind=WaitKind.PAUSED_QUEUE if count.is_paused else WaitKind.QUEUED,
            subject=count.queue,
            tasks=count.tasks - paused_in_queue[count.queue],
            lane=first_lane.get(count.queue),
        )
        for count in counts
        if count.status == TaskStatus.QUEUED
    ]
    jobs = [
        _Reason(kind=WaitKind.PAUSED_JOB, subject=str(job), tasks=tasks, lane=job_lane[job])
        for job, tasks in paused_jobs.items()
    ]
    return [*queues, *jobs]
