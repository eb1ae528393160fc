"""Lines: what decides the turn of one queued task.

Read within a snapshot by the reports of waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.lanes import Head
from core.model.limits.capacity_facts import LineFacts, OpenAttempt
from core.model.limits.limit_forms import held_by
from core.model.limits.limits import DEFAULT_POOL
from core.model.patterns.instances import group_key
from core.model.records import replace
from core.model.status import JobStatus
from core.model.values import INBOX
from core.model.waits import Holder
from core.store.reports.queues import read_paces
from core.store.reports.rows import AnyRow
from core.store.reports.run_times import Named, read_usual_times
from core.store.sql import among, ids

LANES_MAX = 64
"""Lanes that are read for the place of a task; if there are more, only its own counts."""
ORDER_MAX = 2_000
"""Queued tasks of these lanes that are read."""
PLACE_MAX = 10_000
"""Places are counted so far."""
OPEN_MAX = 1_000
"""Open attempts that are read, the longest first."""
USUAL_MAX = 200
"""Tasks of workflows whose run times are read; others count as the mean of these."""

_CLAIMABLE = among({JobStatus.PENDING, JobStatus.RUNNING}, "j.status")
_LANE = "SELECT l.id, l.job_id, j.name, a.queue, a.gset_id, q.gset_id AS queue_set, j.vtime"
_JOINED = (
    f" CROSS JOIN job j ON j.id = l.job_id AND {_CLAIMABLE}"
    " CROSS JOIN queue q ON q.name = a.queue AND q.paused_at IS NULL"
)
_IN_AISLE = (
    " CROSS JOIN lane l INDEXED BY lane_head ON l.aisle_id = a.id AND l.head_key IS NOT NULL"
    f" AND l.shut_by IS NULL{_JOINED} WHERE a.head_key IS NOT NULL"
)
_OPEN_LANES = f"{_LANE} FROM aisle a INDEXED BY aisle_open{_IN_AISLE} AND a.shut_by IS NULL"
# What waits for a gauge may come before: that may open in the meantime.
_IN_SHUT_AISLES = f"{_LANE} FROM aisle a INDEXED BY aisle_shut{_IN_AISLE} AND a.shut_by > 0"
_DEAR_LANES = (
    f"{_LANE} FROM lane l INDEXED BY lane_dear CROSS JOIN aisle a ON a.id = l.aisle_id"
    f" AND a.shut_by IS NOT 0{_JOINED} WHERE l.head_key IS NOT NULL AND l.shut_by > 0"
)
_LANES = text(f"{_OPEN_LANES} UNION ALL {_IN_SHUT_AISLES} UNION ALL {_DEAR_LANES} LIMIT {LANES_MAX + 1}")
_FIRST = text(
    "SELECT t.lane_id, t.id, t.sort_key, t.key, t.cost FROM json_each(:lanes) x CROSS JOIN task t ON t.id IN"
    " (SELECT id FROM task INDEXED BY task_claim WHERE lane_id = x.value AND status = 'queued'"
    " ORDER BY sort_key, id LIMIT :each) ORDER BY t.lane_id, t.sort_key, t.id"
)
_BEFORE = text(
    "SELECT count(*) FROM (SELECT 1 FROM task INDEXED BY task_claim WHERE lane_id = :lane"
    f" AND status = 'queued' AND (sort_key, id) < (:key, :id) LIMIT {PLACE_MAX})"
)
_KEY = text("SELECT lane_id, sort_key FROM task WHERE id = :id")
_OPEN = text(
    f"SELECT t.id, t.key, t.job_id, j.name, coalesce(a.pool, '{DEFAULT_POOL}') AS pool, a.started_at, a.held,"
    " a.gset_id FROM attempt a INDEXED BY attempt_open JOIN task t ON t.id = a.task_id"
    f" JOIN job j ON j.id = t.job_id WHERE a.status = 'running' ORDER BY a.started_at, t.id"
    f" LIMIT {OPEN_MAX + 1}"
)


class LineRows:
    """The rows of one task's line; the gauges of its sets are to be filled in."""

    def __init__(self, line: LineFacts, gsets: Mapping[int, int], held_sets: frozenset[int]) -> None:
        self._line = line
        self._gsets = gsets
        self.gsets = held_sets
        """The gauge sets of heads, queues and open attempts."""

    def placed(self, *, before: int, lane_limit: int) -> LineRows:
        """Return them for the task behind so many of its lane."""
        line = replace(self._line, before=before, before_max=PLACE_MAX, lane_limit=lane_limit)
        return LineRows(line, self._gsets, self.gsets)

    def partial(self) -> LineRows:
        """Return them where there are more lanes than were read."""
        return LineRows(replace(self._line, is_partial=True), self._gsets, self.gsets)

    def with_sets(self, sets: Mapping[int, tuple[int, ...]]) -> LineFacts:
        """Return the facts, with the gauges of these sets."""
        open_ = tuple(
            replace(one, gauges=sets.get(self._gsets.get(one.holder.task_id, 0), ()))
            for one in self._line.open
        )
        return replace(self._line, sets=sets, open=open_)


async def read_line(db: AsyncConnection, task_id: int, *, wall: int) -> LineRows:
    """Return what decides the turn of a queued task at `wall` (ms UTC)."""
    lane, key = (await db.execute(_KEY, {"id": task_id})).one()
    rows = (await db.execute(_LANES)).all()
    before = int((await db.execute(_BEFORE, {"lane": lane, "key": key, "id": task_id})).scalar_one())
    limit = max(8, ORDER_MAX // max(1, len(rows)))
    is_read = len(rows) <= LANES_MAX and before < limit
    found = await _line(db, rows, limit if is_read else 0, wall=wall)
    return found.placed(before=before, lane_limit=limit)


async def read_lanes(db: AsyncConnection, *, wall: int, most: int) -> LineRows:
    """Return the first queued tasks of `LANES_MAX` open lanes, `most` of all together, and what runs."""
    rows = (await db.execute(_LANES)).all()
    found = await _line(db, rows[:LANES_MAX], most // max(1, len(rows[:LANES_MAX])), wall=wall)
    return found.partial() if len(rows) > LANES_MAX else found


async def _line(db: AsyncConnection, rows: Sequence[AnyRow], each: int, *, wall: int) -> LineRows:
    """Return these lanes with their first tasks; 0 = none of them."""
    found = (await db.execute(_OPEN)).all()
    open_ = found[:OPEN_MAX]
    lanes: tuple[tuple[Head, ...], ...] = ()
    names: dict[int, Named] = {}
    if each:
        lanes, names = await _first_of(db, rows, each)
    running = {row.id: (row.name, group_key(row.key)) for row in open_ if row.job_id != INBOX}
    named = {**running, **names}
    usual_ms = _usual(named, await _medians(db, named.values()))
    line = LineFacts(
        lanes=lanes,
        is_alone=len(rows) <= 1,
        is_partial=len(found) > OPEN_MAX,
        open=tuple(_open(row, usual_ms.get(row.id), wall) for row in open_),
        queue_sets={row.queue: row.queue_set for row in rows},
        usual_ms=usual_ms,
        ends_per_minute=await read_paces(db, now=wall),
    )
    held = {row.id: row.gset_id for row in open_}
    sets = {*held.values(), *(row.gset_id for row in rows), *(row.queue_set for row in rows)}
    return LineRows(line, held, frozenset(sets))


async def _first_of(
    db: AsyncConnection, rows: Sequence[AnyRow], limit: int
) -> tuple[tuple[tuple[Head, ...], ...], dict[int, Named]]:
    lanes: dict[int, tuple[AnyRow, list[Head]]] = {row.id: (row, []) for row in rows}
    names: dict[int, Named] = {}
    for task in await db.execute(_FIRST, {"lanes": ids(lanes), "each": limit}):
        lane, heads = lanes[task.lane_id]
        if lane.job_id != INBOX:
            names[task.id] = lane.name, group_key(task.key)
        heads.append(
            Head(
                lane_id=lane.id,
                task_id=task.id,
                job_id=lane.job_id,
                queue=lane.queue,
                sort_key=task.sort_key,
                vtime=lane.vtime,
                gset_id=lane.gset_id,
                cost=task.cost,
            )
        )
    return tuple(tuple(heads) for _, heads in lanes.values() if heads), names


async def _medians(db: AsyncConnection, named: Iterable[Named]) -> dict[Named, int | None]:
    """Return how long tasks usually take, of `USUAL_MAX` evenly chosen ones; None = that is not known."""
    distinct = list(dict.fromkeys(named))
    chosen = distinct[:: -(-len(distinct) // USUAL_MAX)] if distinct else []
    if not chosen:
        return {}
    known: dict[Named, int | None] = dict.fromkeys(chosen)
    return known | {one: usual.median_ms for one, usual in (await read_usual_times(db, chosen)).items()}


def _usual(names: Mapping[int, Named], medians: Mapping[Named, int | None]) -> dict[int, int]:
    known = [ms for ms in medians.values() if ms is not None]
    mean = sum(known) // len(known) if known else None
    found = {task_id: medians.get(named, mean) for task_id, named in names.items()}
    return {task_id: ms for task_id, ms in found.items() if ms is not None}


def _open(row: AnyRow, usual_ms: int | None, wall: int) -> OpenAttempt:
    return OpenAttempt(
        holder=Holder(task_id=row.id, key=row.key, job_id=row.job_id, since=row.started_at),
        pool=row.pool,
        held=held_by(row.held),
        ran_ms=max(0, wall - row.started_at),
        usual_ms=usual_ms,
    )
