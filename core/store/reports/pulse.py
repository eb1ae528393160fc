"""Pulse: how many tasks ended lately, what fails, what waits.

Read by the control.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.failures import FamilyScope, FamilyState, FamilyView
from core.model.pulse import PulseView, Rate
from core.model.status import TaskStatus
from core.model.values import INBOX
from core.store.reports.failures import read_families
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source, engine_offset
from core.store.reports.wait_reasons import REASONS_MAX, QueueCount, read_wait_reasons
from core.store.sql import ids, member
from core.store.tables.schema import BUCKET, KEPT

TROUBLED_MAX = 2_000
"""Tasks, the newest, that are scanned for failures without a family."""
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
    f"SELECT coalesce({member('t.error', '$.code')}, '') AS code, count(*) AS tasks,"
    f" sum(t.status = 'failed') AS failed, max(t.id) AS newest,"
    f" count(DISTINCT CASE WHEN t.job_id != {INBOX} THEN t.job_id END) AS jobs"
    f" FROM ({_NEWEST.format('failed')}"
    f" UNION ALL {_NEWEST.format('retrying')} ORDER BY id DESC LIMIT :most) n"
    f" JOIN task t ON t.id = n.id WHERE t.family IS NULL"
    f" GROUP BY 1 ORDER BY 2 DESC, max(t.id) DESC LIMIT {REASONS_MAX}"
)
_TASKS = text(
    "SELECT t.id, coalesce(t.finished_at, a.finished_at, t.created_at) AS at,"
    f" coalesce(substr({member('t.error', '$.message')}, 1, {MESSAGE_MAX}), '') AS message"
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
            known = await read_families(db, FamilyScope.FAILING, limit=REASONS_MAX, now=self._source.now())
            is_more = known.searched is None and troubled > known.tasks
            others = await _without_family(db) if is_more else ()
            return PulseView(
                rates=await _rates(db, minutes=minutes, now=self._source.now()),
                failing=(*known.families, *others)[:REASONS_MAX],
                failing_searched=TROUBLED_MAX if others and troubled > TROUBLED_MAX else known.searched,
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


async def _without_family(db: AsyncConnection) -> tuple[FamilyView, ...]:
    """Put tasks that failed before families were counted together by code."""
    codes = (await db.execute(_CODES, {"most": TROUBLED_MAX})).all()
    rows = (await db.execute(_TASKS, {"ids": ids(row.newest for row in codes)})).all()
    newest = {row.id: row for row in rows}
    return tuple(_by_code(row, newest[row.newest]) for row in codes)


def _by_code(row: AnyRow, newest: AnyRow) -> FamilyView:
    return FamilyView(
        id="",
        state=FamilyState.FAILING,
        code=row.code,
        pattern="",
        message=newest.message,
        failed=row.failed,
        retrying=row.tasks - row.failed,
        jobs=row.jobs,
        failures=row.tasks,
        first_at=newest.at,
        last_at=newest.at,
        newest_task=row.newest,
        trend=(),
    )
