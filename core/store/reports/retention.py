"""Retention: its state, and what has ended.

Read by the engine's retention; each window is a bounded number of rows.
"""

from __future__ import annotations

from sqlalchemy import text

from core.model.retention import EndedJob, EndedTask, RetentionState
from core.model.status import JOB_FINAL, TASK_FINAL
from core.model.values import INBOX
from core.store.purge_facts import LIVE_ROOT
from core.store.reports.source import Source
from core.store.sql import among
from core.store.upkeep_facts import STATE, state_of

WINDOW = 2_000
"""Rows that one question reads at the most."""
_STATE = text(STATE)
_JOBS = text(
    "SELECT id, name, status, finished_at FROM job WHERE id > :after AND id != 1 AND id <= :to"
    f" AND {among(JOB_FINAL)} AND pinned_at IS NULL AND {LIVE_ROOT.format('job')} IS NULL ORDER BY id"
)
_TASKS = text(
    "SELECT t.id, CASE WHEN t.job_id != 1 THEN j.name END AS workflow, t.status, t.finished_at"
    " FROM task t JOIN job j ON j.id = t.job_id WHERE t.id > :after AND t.id <= :to"
    f" AND {among(TASK_FINAL, 't.status')} AND t.pinned_at IS NULL AND j.pinned_at IS NULL"
    f" AND (t.job_id = {INBOX} OR {among(JOB_FINAL, 'j.status')}) ORDER BY t.id"
)
_LAST = {noun: text(f"SELECT coalesce(max(id), 0) FROM {noun}") for noun in ("job", "task")}
_BEYOND = text(
    "SELECT id, name, status, finished_at, place FROM ("
    "SELECT id, name, status, finished_at, pinned_at, root_id,"
    " row_number() OVER (PARTITION BY name, status IN ('failed', 'cancelled') ORDER BY id DESC) AS place"
    f" FROM job WHERE id != 1 AND {among(JOB_FINAL)}) ended WHERE place > :least AND pinned_at IS NULL"
    f" AND {LIVE_ROOT.format('ended')} IS NULL ORDER BY id"
)


_UNUSED = text(
    "SELECT hash FROM payload WHERE used_at < :before AND hash NOT IN ("
    "SELECT CASE WHEN json_valid(output) THEN output->>'$.\"$payload\"' END FROM task"
    " WHERE output LIKE '{\"$payload\"%' AND json_valid(output)"
    " UNION SELECT at FROM (SELECT CASE WHEN json_valid(spec) THEN spec->>'$.context.at' END AS at FROM task"
    " WHERE spec LIKE '%\"at\":%') WHERE at IS NOT NULL) LIMIT 500"
)


class RetentionReports:
    """What retention asks of the store."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def state(self) -> RetentionState:
        """Return where it stands."""
        async with self._source.snapshot() as db:
            row = (await db.execute(_STATE)).first()
        return RetentionState() if row is None else state_of(row)

    async def last(self, noun: str) -> int:
        """Return the highest id of a `job` or `task`."""
        async with self._source.snapshot() as db:
            return int((await db.execute(_LAST[noun])).scalar_one())

    async def jobs(self, *, after: int) -> list[EndedJob]:
        """Return the ended jobs without a pin among the `WINDOW` ids above `after`."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_JOBS, {"after": after, "to": after + WINDOW})).all()
        return [EndedJob(id=r.id, name=r.name, status=r.status, finished_at=r.finished_at) for r in rows]

    async def tasks(self, *, after: int) -> list[EndedTask]:
        """Return the ended tasks without a pin, of ended jobs or loose, among the next `WINDOW` ids."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_TASKS, {"after": after, "to": after + WINDOW})).all()
        return [
            EndedTask(id=r.id, workflow=r.workflow, status=r.status, finished_at=r.finished_at) for r in rows
        ]

    async def beyond(self, least: int) -> list[EndedJob]:
        """Return jobs whose place among those of their name and kind of end is above `least`."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_BEYOND, {"least": least})).mappings().all()
        return [EndedJob(**row) for row in rows]

    async def unused_payloads(self, before: int) -> list[str]:
        """Return the hashes of texts that no task names, nor was made to name since then; reads all tasks."""
        async with self._source.snapshot() as db:
            return [*(await db.execute(_UNUSED, {"before": before})).scalars()]
