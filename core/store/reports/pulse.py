"""Pulse: how many tasks ended lately, what fails, what waits.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.pulse import Failing, PulseView, Rate
from core.model.status import TaskStatus
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source, engine_offset
from core.store.reports.wait_reasons import REASONS_MAX, QueueCount, read_wait_reasons
from core.store.schema import BUCKET, KEPT
from core.store.sql import ids

TROUBLED_MAX = 2_000
"""Tasks, the newest, that are scanned for what fails."""
KEYS_MAX = 3
"""Keys that are named of tasks with the same error, those of the newest."""
MESSAGE_MAX = 1_000
"""Characters of a message at the most."""

_MINUTE = 60_000
_TROUBLE = "status IN ('failed', 'held', 'retrying', 'waiting')"

_RATES = text(
    "SELECT at, status, sum(n) AS n FROM ended WHERE at >= :first AND at <= :last GROUP BY at, status"
)
_NEWEST = (
    "SELECT id FROM (SELECT id FROM task INDEXED BY task_trouble"
    f" WHERE status = '{{}}' AND {_TROUBLE} ORDER BY id DESC LIMIT :most)"
)
_CODES = text(
    f"SELECT coalesce(json_extract(t.error, '$.code'), '') AS code, count(*) AS tasks,"
    f" group_concat(t.id) AS numbers FROM ({_NEWEST.format('failed')}"
    f" UNION ALL {_NEWEST.format('retrying')} ORDER BY id DESC LIMIT :most) n"
    f" JOIN task t ON t.id = n.id GROUP BY 1 ORDER BY 2 DESC, max(t.id) DESC LIMIT {REASONS_MAX}"
)
_TASKS = text(
    "SELECT t.id, t.job_id, t.key, coalesce(t.finished_at, a.finished_at, t.created_at) AS at,"
    f" coalesce(substr(json_extract(t.error, '$.message'), 1, {MESSAGE_MAX}), '') AS message"
    " FROM json_each(:ids) j JOIN task t ON t.id = j.value"
    " LEFT JOIN attempt a ON a.task_id = t.id AND a.epoch = t.epoch"
)
_COUNTS = text(
    "SELECT c.ref, c.status, c.n, q.paused_at IS NOT NULL FROM counter c"
    " JOIN queue q ON q.name = c.ref WHERE c.scope = 'queue' AND c.n > 0"
)


class PulseReports:
    """What the dashboard shows."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def last(self, *, minutes: int = 10) -> PulseView:
        """Return the pulse of the last minutes, at most a day."""
        async with self._source.snapshot() as db:
            counts = [QueueCount(*row) for row in await db.execute(_COUNTS)]
            troubled = sum(
                count.tasks for count in counts if count.status in (TaskStatus.FAILED, TaskStatus.RETRYING)
            )
            return PulseView(
                rates=await _rates(db, minutes=minutes, now=self._source.now()),
                failing=await _failing(db) if troubled else (),
                failing_searched=TROUBLED_MAX if troubled > TROUBLED_MAX else None,
                waiting=await read_wait_reasons(db, counts),
            )


async def _rates(db: AsyncConnection, *, minutes: int, now: int) -> tuple[Rate, ...]:
    offset = await engine_offset(db)
    now += offset
    last = now - now % BUCKET
    length = max(1, min(minutes, KEPT // _MINUTE)) * _MINUTE
    moments = range(last - length + BUCKET, last + 1, BUCKET)
    ended: dict[int, dict[str, int]] = {}
    for row in (await db.execute(_RATES, {"first": moments[0], "last": last})).all():
        ended.setdefault(row.at, {})[row.status] = row.n
    return tuple(Rate(at=at - offset, seconds=BUCKET // 1_000, ended=ended.get(at, {})) for at in moments)


async def _failing(db: AsyncConnection) -> tuple[Failing, ...]:
    codes = (await db.execute(_CODES, {"most": TROUBLED_MAX})).all()
    newest = [sorted(map(int, row.numbers.split(",")), reverse=True)[:KEYS_MAX] for row in codes]
    rows = (await db.execute(_TASKS, {"ids": ids(chain.from_iterable(newest))})).all()
    tasks = {row.id: row for row in rows}
    return tuple(
        _group(row.code, row.tasks, [tasks[task_id] for task_id in task_ids])
        for row, task_ids in zip(codes, newest, strict=True)
    )


def _group(code: str, number: int, newest: Sequence[AnyRow]) -> Failing:
    return Failing(
        code=code,
        message=newest[0].message,
        tasks=number,
        newest_task=newest[0].id,
        newest_job=newest[0].job_id,
        at=newest[0].at,
        keys=tuple(dict.fromkeys(row.key for row in newest)),
    )
