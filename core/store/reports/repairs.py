"""Sweep: jobs whose rows do not agree, by cheap questions.

Read by the engine's janitor; `verify` asks everything, and takes its time.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from core.model.status import JOB_FINAL, STAGE_FINAL, TASK_FINAL, JobStatus, TaskStatus
from core.model.values import INBOX, INBOX_STAGE, MOMENT_MAX
from core.store.reports.source import Source
from core.store.sql import among
from core.store.verify.checks import COUNTERS, DERIVED_CHECKS

MOST = 1_000
"""Jobs that one question returns at the most; the next sweep finds the rest."""
EDGES_MAX = 100_000
"""Open needs of a job that are looked at for a circle."""

_OPEN = set(TaskStatus) - TASK_FINAL
_LIVE = among(set(JobStatus) - JOB_FINAL, "j.status")
_MOVING = among(_OPEN - {TaskStatus.BLOCKED}, "t.status")
_OF_STAGE = "t.job_id = s.job_id AND t.id BETWEEN s.first_task AND s.last_task"
_LEFT_OVER = (
    "EXISTS (SELECT 1 FROM followup f WHERE (f.kind = 'job' AND f.id = j.id)"
    " OR (f.kind = 'stage' AND f.id IN (SELECT id FROM stage WHERE job_id = j.id))"
    " OR (f.kind = 'task' AND f.id IN (SELECT id FROM task WHERE job_id = j.id))"
    " OR (f.kind = 'set' AND f.id IN (SELECT id FROM instance_set WHERE job_id = j.id)))"
)
# Nothing of the job can move, nothing of it waits to be judged, and nothing was left over to be done.
_QUIET = (
    f"SELECT j.id FROM job j INDEXED BY job_live WHERE {_LIVE} AND j.id != {INBOX} AND NOT EXISTS ("
    f"SELECT 1 FROM task t INDEXED BY task_list WHERE t.job_id = j.id AND {_MOVING})"
    " AND NOT EXISTS (SELECT 1 FROM task t INDEXED BY task_list WHERE t.job_id = j.id"
    f" AND t.status = 'blocked' AND t.wait_reason = 'condition') AND NOT {_LEFT_OVER}"
)
_COUNTED = (
    "SELECT s.job_id FROM stage s JOIN job j ON j.id = s.job_id WHERE"
    f" {_LIVE} AND s.id != {INBOX_STAGE}"
    " AND s.open_tasks != (SELECT count(*) FROM task t INDEXED BY task_list"
    f" WHERE {_OF_STAGE} AND {among(_OPEN, 't.status')}) + (SELECT coalesce(sum(c.n), 0) FROM instance_set i"
    " INDEXED BY instance_set_job JOIN task g ON g.id = i.task_id AND g.stage_id = s.id JOIN counter c"
    f" ON c.scope = 'set' AND c.ref = CAST(i.id AS TEXT) AND {among(_OPEN, 'c.status')}"
    " WHERE i.job_id = s.job_id)"
)
_COUNTERS = (
    "SELECT j.id FROM job j INDEXED BY job_live JOIN task t INDEXED BY task_list ON t.job_id = j.id"
    f" WHERE {_LIVE} GROUP BY j.id, t.status HAVING count(*) != coalesce((SELECT n FROM counter c"
    " WHERE c.scope = 'job' AND c.ref = CAST(j.id AS TEXT) AND c.status = t.status), 0)"
    " + (SELECT coalesce(sum(c.n), 0) FROM instance_set i INDEXED BY instance_set_job JOIN counter c"
    " ON c.scope = 'set' AND c.ref = CAST(i.id AS TEXT) AND c.status = t.status WHERE i.job_id = j.id)"
)
_COUNTED_NOTHING = (
    "SELECT j.id FROM job j INDEXED BY job_live JOIN counter c ON c.scope = 'job'"
    f" AND c.ref = CAST(j.id AS TEXT) AND c.n != 0 WHERE {_LIVE} AND NOT EXISTS ("
    "SELECT 1 FROM task t INDEXED BY task_list WHERE t.job_id = j.id AND t.status = c.status)"
)
_HEADLESS = (
    "SELECT l.job_id FROM lane l WHERE (l.head_key IS NULL OR l.head_key >= '') AND EXISTS ("
    "SELECT 1 FROM task t INDEXED BY task_claim WHERE t.lane_id = l.id AND t.status = 'queued')"
)
# The counts of queues stand for all tasks, as those of jobs do; the inbox stands for the queues.
_QUEUES = (
    f"SELECT {INBOX} FROM (SELECT status, sum(CASE scope WHEN 'queue' THEN n WHEN 'job' THEN -n END) AS n"
    " FROM counter GROUP BY status) WHERE n != 0"
)
_UNCLOSED = (
    "SELECT s.job_id FROM stage s JOIN job j ON j.id = s.job_id"
    f" WHERE {among(JOB_FINAL, 'j.status')} AND NOT {among(STAGE_FINAL, 's.status')}"
)
_RUNS_NOTHING = (
    "SELECT t.job_id FROM job j INDEXED BY job_live JOIN task t INDEXED BY task_list"
    f" ON t.job_id = j.id AND t.status = 'running' WHERE {_LIVE} AND NOT EXISTS (SELECT 1 FROM attempt a"
    " WHERE a.task_id = t.id AND a.epoch = t.epoch AND a.status = 'running')"
)
_STRAY = (
    "SELECT t.job_id FROM attempt a INDEXED BY attempt_open JOIN task t ON t.id = a.task_id"
    " WHERE a.status = 'running' AND NOT (t.status = 'running' AND t.epoch = a.epoch)"
)
_WAITS = (
    "FROM awaited w INDEXED BY {} JOIN task t ON t.id = w.task_id"
    " WHERE w.is_held = 0 AND t.status = 'waiting'"
)
# One statement: an engine asks at its start, and each statement is a call of another thread.
_BROKEN = text(
    " UNION ALL ".join(
        f"SELECT * FROM (SELECT DISTINCT * FROM ({sql}) LIMIT {MOST})"
        for sql in (
            _QUIET,
            _COUNTED,
            _COUNTERS,
            _COUNTED_NOTHING,
            _HEADLESS,
            _QUEUES,
            _UNCLOSED,
            _RUNS_NOTHING,
            _STRAY,
        )
    )
)
# The inbox stands for the queues.
_MISCOUNTED = (
    "SELECT id FROM job WHERE id IN (SELECT CASE scope WHEN 'job' THEN CAST(ref AS INTEGER) WHEN 'stage'"
    f" THEN (SELECT job_id FROM stage WHERE id = CAST(ref AS INTEGER)) ELSE {INBOX} END"
    f" FROM ({COUNTERS.sql})) ORDER BY id LIMIT {MOST}"
)
_NEEDS = text(
    "SELECT t.key AS task, n.key AS need FROM task t INDEXED BY task_list"
    " JOIN edge e ON e.task_id = t.id AND e.met = 0 JOIN task n ON n.id = e.need_id"
    f" WHERE t.job_id = :job AND t.status = 'blocked' ORDER BY t.id, n.id LIMIT {EDGES_MAX}"
)


_TASK = "SELECT t.job_id AS job_id, t.id AS task_id, t.key AS key"
# Texts and blobs are larger than any number: each is the end of an index.
_HOPELESS = text(
    f"{_TASK}, 'waits for job ' || w.child_id || ', which is not found' AS why"
    f" {_WAITS.format('awaited_child')} AND w.child_id IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM job WHERE id = w.child_id) UNION ALL "
    + " UNION ALL ".join(
        f"{_TASK}, 'waits for what is not a moment: its `{column[2:]}` is ' || substr(quote({column}), 1, 40)"
        f" {rows} AND {column} > {MOMENT_MAX}"
        for column, rows in (
            ("w.due_at", _WAITS.format("awaited_due")),
            ("w.until", _WAITS.format("awaited_until")),
            ("w.fails_at", _WAITS.format("awaited_fails")),
            ("t.retry_at", "FROM task t INDEXED BY task_due WHERE t.status = 'retrying'"),
        )
    )
    + f" ORDER BY task_id LIMIT {MOST}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HopelessWait:
    """A task that waits for what never comes: a moment that is not one, a job that is gone."""

    job_id: int
    task_id: int
    key: str
    why: str
    """What goes behind its name in a sentence."""


_MISSING = text(
    "SELECT t.id AS task_id, t.key AS task, e.need_id AS need_id FROM task t INDEXED BY task_list"
    " JOIN edge e ON e.task_id = t.id AND e.met = 0 WHERE t.job_id = :job AND t.status = 'blocked'"
    " AND NOT EXISTS (SELECT 1 FROM task n WHERE n.id = e.need_id) ORDER BY t.id, e.need_id LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingNeed:
    """A blocked task and the id of one that it waits for, which is not there."""

    task_id: int
    task: str
    need_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNeed:
    """A blocked task and one that it still waits for, by their keys."""

    task: str
    need: str


class RepairReports:
    """What a janitor has to repair."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def broken_jobs(self) -> tuple[int, ...]:
        """Return the ids of jobs that may need repair, sorted; a healthy store has none."""
        async with self._source.snapshot() as db:
            return tuple(sorted({*(await db.execute(_BROKEN)).scalars()}))

    async def hopeless_waits(self) -> list[HopelessWait]:
        """Return the tasks that wait for what never comes, in order of their ids."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_HOPELESS)
            return [HopelessWait(**row) for row in rows.mappings()]

    async def miscounted_jobs(self) -> tuple[int, ...]:
        """Return the ids of jobs, ended ones too, whose counts differ from their tasks; reads all tasks."""
        async with self._source.snapshot() as db:
            return tuple((await db.exec_driver_sql(_MISCOUNTED)).scalars())

    async def wrong_counts(self) -> tuple[str, ...]:
        """Return the codes of what is counted wrong beside tasks, attempts and events.

        Reads all of them: two or three seconds for a million tasks.
        """
        async with self._source.snapshot() as db:
            return tuple(
                [
                    check.code
                    for check in DERIVED_CHECKS
                    if (await db.exec_driver_sql(f"SELECT 1 FROM ({check.sql}) LIMIT 1")).first()
                ]
            )

    async def missing_need(self, job_id: int) -> MissingNeed | None:
        """Return the first blocked task of a job that waits for one which is not there."""
        async with self._source.snapshot() as db:
            row = (await db.execute(_MISSING, {"job": job_id})).mappings().first()
            return None if row is None else MissingNeed(**row)

    async def open_needs(self, job_id: int) -> list[OpenNeed]:
        """Return for what the blocked tasks of a job wait, in order of the tasks; at most `EDGES_MAX`."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_NEEDS, {"job": job_id})
            return [OpenNeed(**row) for row in rows.mappings()]
