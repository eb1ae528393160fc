"""What waits, and why: from counters, lanes and the heads of lanes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.insight import Waiting, WaitKind
from core.model.status import TaskStatus
from core.store.reports.queues import oldest_of

SHOWN = 20
"""Reasons that are told at the most."""

# Of a paused queue all tasks wait for that; of a paused job those that are in other queues.
_LANES = text(
    """
    SELECT g.queue, g.lane, g.job, CASE WHEN g.job IS NOT NULL THEN
      (SELECT count(*) FROM task INDEXED BY task_claim WHERE lane_id = g.lane AND status = 'queued') END AS n
    FROM (SELECT l.queue, l.id AS lane, min(l.head_key) AS head,
                 CASE WHEN q.paused_at IS NULL AND j.status = 'paused' THEN l.job_id END AS job
          FROM lane l INDEXED BY lane_head JOIN job j ON j.id = l.job_id JOIN queue q ON q.name = l.queue
          WHERE l.head_key IS NOT NULL GROUP BY l.queue, 4) g
    ORDER BY g.head"""
)
_DUE = text("SELECT min(retry_at) FROM task INDEXED BY task_due WHERE status = 'retrying'")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Tasks that wait for one reason; `lane` = where the one is that is next, if they are queued."""

    kind: WaitKind
    subject: str = ""
    tasks: int
    lane: int | None = None
    until: int | None = None


async def waiting_of(
    db: AsyncConnection, counts: Sequence[Row[*tuple[object, ...]]], stand: Counter[str]
) -> tuple[Waiting, ...]:
    """Return what waits, most tasks first, from the counts of queues (ref, status, n, paused) and of all."""
    lanes = (await db.execute(_LANES)).all() if stand[TaskStatus.QUEUED] else []
    due = (await db.execute(_DUE)).scalar() if stand[TaskStatus.RETRYING] else None
    lines = [
        *_queued(counts, lanes),
        _Line(kind=WaitKind.NEEDS, tasks=stand[TaskStatus.BLOCKED]),
        _Line(kind=WaitKind.RETRYING, tasks=stand[TaskStatus.RETRYING], until=due),
        _Line(kind=WaitKind.HELD, tasks=stand[TaskStatus.HELD]),
    ]
    shown = sorted((line for line in lines if line.tasks > 0), key=lambda line: -line.tasks)[:SHOWN]
    since = await oldest_of(db, [line.lane for line in shown if line.lane is not None])
    return tuple(_view(line, since) for line in shown)


def _view(line: _Line, since: dict[int, int | None]) -> Waiting:
    return Waiting(
        kind=line.kind,
        subject=line.subject,
        tasks=line.tasks,
        since=None if line.lane is None else since.get(line.lane),
        until=line.until,
    )


def _queued(
    counts: Sequence[Row[*tuple[object, ...]]], lanes: Sequence[Row[*tuple[object, ...]]]
) -> Iterator[_Line]:
    """Tell the queues, and the paused jobs whose tasks are counted off there."""
    first: dict[str, int] = {}
    stopped: Counter[str] = Counter()
    jobs: Counter[int] = Counter()
    heads: dict[int, int] = {}
    for row in lanes:
        if row.job is None:
            first[row.queue] = row.lane
            continue
        stopped[row.queue] += row.n
        jobs[row.job] += row.n
        heads.setdefault(row.job, row.lane)
    for row in counts:
        if row.status == TaskStatus.QUEUED:
            kind = WaitKind.PAUSED_QUEUE if row.paused else WaitKind.QUEUED
            number = row.n - stopped[row.ref]
            yield _Line(kind=kind, subject=row.ref, tasks=number, lane=first.get(row.ref))
    for job, number in jobs.items():
        yield _Line(kind=WaitKind.PAUSED_JOB, subject=str(job), tasks=number, lane=heads[job])
