"""Queues: how many tasks each has, waiting causes, and pace.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.selecting import select as select_views
from core.filters.terms import Filter
from core.model.views import QueueView
from core.store.reports.limits.pools import pools_of, read_drains, read_paused
from core.store.reports.rows import QUEUES, Throughput, counts_of, queue_view
from core.store.reports.source import Source, engine_offset
from core.store.sql import ids
from core.store.tables.schema import BUCKET, counter, queue

RATE_BUCKETS = 30
"""Buckets over which a rate is taken, the current one included: five minutes."""
STEPS = 10
"""Steps in which the ends of these minutes are told."""
_MINUTE = 60_000

# A lane is in one of the two indexes, by whether it is shut.
FIRST_LANE = (
    "SELECT l.id FROM lane l INDEXED BY {index} WHERE l.aisle_id = a.id AND l.head_key IS NOT NULL"
    " AND l.shut_by IS {shut} ORDER BY l.head_key LIMIT 1"
)
OPEN, SHUT = {"index": "lane_head", "shut": "NULL"}, {"index": "lane_shut", "shut": "NOT NULL"}
_HEADS = text(
    "SELECT queue, id, min(head_key) FROM ("
    + " UNION ALL ".join(
        f"SELECT a.queue, x.id, x.head_key FROM aisle a JOIN lane x ON x.id = ({FIRST_LANE.format(**which)})"
        for which in (OPEN, SHUT)
    )
    + ") GROUP BY queue"
)
_OLDEST = text(
    "SELECT l.id AS lane, t.queued_at AS at FROM json_each(:lanes) j JOIN lane l ON l.id = j.value"
    " JOIN task t ON t.id = l.head_id"
)
_ENDED = text(
    f"SELECT queue, (at - :first) * {STEPS} / {RATE_BUCKETS * BUCKET} AS step, sum(n) AS n FROM ended"
    " WHERE at >= :first AND at <= :now GROUP BY queue, step"
)
_WAITED = text(
    "SELECT t.queue, avg(t.started_at - t.queued_at) AS ms FROM attempt a INDEXED BY attempt_open"
    " JOIN task t ON t.id = a.task_id AND t.queued_at IS NOT NULL WHERE a.status = 'running' GROUP BY t.queue"
)
_COUNTS = select(counter.c.ref, counter.c.status, counter.c.n).where(
    counter.c.scope == "queue", counter.c.n > 0
)


class QueueReports:
    """The list of queues, which is never paged."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def all(self, where: Filter | None = None) -> tuple[QueueView, ...]:
        """Return the queues that match a filter, by name.

        The oldest task of a queue is the one whose turn is next: with tasks of several priorities, lower
        ones may wait longer.
        """
        async with self._source.snapshot() as db:
            return await read_queues(db, where, now=self._source.now())


async def read_queues(db: AsyncConnection, where: Filter | None, *, now: int) -> tuple[QueueView, ...]:
    """Return the queues that match a filter, by name; ages are judged at `now` (ms UTC)."""
    counts = counts_of((await db.execute(_COUNTS)).all())
    oldest, ends = await _oldest(db), await _ends(db, now=now)
    rates, waited = _rates(ends, now=now + await engine_offset(db)), await _waited(db)
    rows = (await db.execute(QUEUES.order_by(queue.c.name))).all()
    pools, paused = await read_drains(db), await read_paused(db)
    drained = {row.name: pools_of(row.name, pools) for row in rows}
    views = [
        queue_view(
            row,
            counts,
            Throughput(
                oldest_at=oldest.get(row.name),
                rate=rates.get(row.name, 0.0),
                ends=ends.get(row.name, (0,) * STEPS),
                waited_ms=waited.get(row.name),
            ),
            pools=drained[row.name],
            paused_pools=tuple(pool for pool in drained[row.name] if pool in paused),
        )
        for row in rows
    ]
    return tuple(select_views(where or Filter(noun=Noun.QUEUES), views, now=now))


async def oldest_queued(db: AsyncConnection, lanes: Iterable[int]) -> dict[int, int | None]:
    """Return since when the first queued task of each lane waits; empty lanes are missing."""
    return {row.lane: row.at for row in (await db.execute(_OLDEST, {"lanes": ids(lanes)})).all()}


async def read_paces(db: AsyncConnection, *, now: int) -> dict[str, float]:
    """Return how many tasks of each queue ended per minute over the last minutes, at `now` (ms UTC)."""
    ends = await _ends(db, now=now)
    return _rates(ends, now=now + await engine_offset(db))


async def _oldest(db: AsyncConnection) -> dict[str, int | None]:
    lanes = {row.queue: row.id for row in (await db.execute(_HEADS)).all()}
    queued_at = await oldest_queued(db, lanes.values())
    return {name: queued_at.get(lane) for name, lane in lanes.items()}


async def _ends(db: AsyncConnection, *, now: int) -> dict[str, tuple[int, ...]]:
    """Return how many tasks of each queue ended in each step of the last minutes, oldest first."""
    now += await engine_offset(db)
    first = _first_bucket(now)
    found: dict[str, list[int]] = {}
    for row in (await db.execute(_ENDED, {"first": first, "now": now})).all():
        found.setdefault(row.queue, [0] * STEPS)[row.step] += row.n
    return {name: tuple(steps) for name, steps in found.items()}


def _rates(ends: Mapping[str, tuple[int, ...]], *, now: int) -> dict[str, float]:
    # The current bucket has not had its ten seconds yet.
    length = now + 1 - _first_bucket(now)
    return {name: round(sum(steps) * _MINUTE / length, 2) for name, steps in ends.items()}


def _first_bucket(now: int) -> int:
    return now - now % BUCKET - (RATE_BUCKETS - 1) * BUCKET


async def _waited(db: AsyncConnection) -> dict[str, int]:
    return {row.queue: max(0, int(row.ms)) for row in (await db.execute(_WAITED)).all()}
