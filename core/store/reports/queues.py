"""Queues: how many tasks each has, waiting causes, and pace.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import FIELDS, Noun
from core.filters.matching import matches
from core.filters.terms import Filter
from core.model.views import QueueView
from core.store.reports.rows import QUEUES, Throughput, counts_of, queue_view
from core.store.reports.source import Source, engine_offset
from core.store.schema import BUCKET, counter, queue
from core.store.sql import ids

RATE_BUCKETS = 30
"""Buckets over which a rate is taken, the current one included: five minutes."""
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
_ENDED = text("SELECT queue, sum(n) AS n FROM ended WHERE at >= :first AND at <= :now GROUP BY queue")
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
    oldest, rates = await _oldest(db), await _rates(db, now=now)
    rows = (await db.execute(QUEUES.order_by(queue.c.name))).all()
    views = [
        queue_view(row, counts, Throughput(oldest_at=oldest.get(row.name), rate=rates.get(row.name, 0.0)))
        for row in rows
    ]
    filter_ = where or Filter(noun=Noun.QUEUES)
    return tuple(view for view in views if matches(filter_, _columns(view), now=now))


async def oldest_queued(db: AsyncConnection, lanes: Iterable[int]) -> dict[int, int | None]:
    """Return since when the first queued task of each lane waits; empty lanes are missing."""
    return {row.lane: row.at for row in (await db.execute(_OLDEST, {"lanes": ids(lanes)})).all()}


async def read_pace(db: AsyncConnection, *, now: int) -> float:
    """Return how many tasks of all queues ended per minute over the last minutes, at `now` (ms UTC)."""
    return sum((await _rates(db, now=now)).values())


async def _oldest(db: AsyncConnection) -> dict[str, int | None]:
    lanes = {row.queue: row.id for row in (await db.execute(_HEADS)).all()}
    queued_at = await oldest_queued(db, lanes.values())
    return {name: queued_at.get(lane) for name, lane in lanes.items()}


async def _rates(db: AsyncConnection, *, now: int) -> dict[str, float]:
    now += await engine_offset(db)
    first = now - now % BUCKET - (RATE_BUCKETS - 1) * BUCKET
    rows = (await db.execute(_ENDED, {"first": first, "now": now})).all()
    # The current bucket has not had its ten seconds yet.
    return {row.queue: round(row.n * _MINUTE / (now + 1 - first), 2) for row in rows}


def _columns(view: QueueView) -> dict[str, object]:
    return {field.column: getattr(view, field.column) for field in FIELDS[Noun.QUEUES].fields}
