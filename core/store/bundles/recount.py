"""Statements that count again what follows from the rows of a bundle.

Run by `rebuild`, in order, within one transaction.
"""

from __future__ import annotations

from core.model.failures import HOUR, HOURS
from core.model.values import INBOX, INBOX_STAGE
from core.store.derived import (
    ENDED_EVENTS,
    FAMILY_EVENTS,
    NEWEST_EVENT,
    REAL_COUNTERS,
    REAL_FAMILIES,
    REAL_FAMILY_HOURS,
    REAL_FAMILY_JOBS,
    REAL_FAMILY_TASKS,
    REAL_GAUGES,
    REAL_ONCE_KEYS,
)
from core.store.families import MESSAGE_CHARS
from core.store.tables.schema import BUCKET, KEPT

RECOUNTS = (
    "DELETE FROM counter",
    f"INSERT INTO counter (scope, ref, status, n) {REAL_COUNTERS}",
    """
    UPDATE aisle SET head_key = (
      SELECT min(head_key) FROM lane WHERE aisle_id = aisle.id AND shut_by IS NULL)""",
    # The inbox is made again where it is not one of the jobs.
    f"""
    UPDATE job SET created_at = first, started_at = first FROM (SELECT min(created_at) AS first FROM job
    WHERE id != {INBOX}) WHERE id = {INBOX} AND created_at = 0 AND first IS NOT NULL""",
    f"""
    UPDATE stage SET first_task = coalesce((SELECT min(id) FROM task WHERE stage_id = stage.id), 0),
      last_task = coalesce((SELECT max(id) FROM task WHERE stage_id = stage.id), 0)
    WHERE id = {INBOX_STAGE}""",
    # What tasks of other jobs hold and spent is not in it.
    f"""
    UPDATE gauge SET used = real.used, reserved = real.reserved, unknown = real.unknown, recent = real.recent
    FROM ({REAL_GAUGES}) real WHERE real.id = gauge.id""",
    "DELETE FROM once_key",
    f"INSERT INTO once_key (key, task_id, lasts, free_at, taken_at) {REAL_ONCE_KEYS}",
    "DELETE FROM ended",
    f"""
    INSERT INTO ended (at, queue, status, n)
    SELECT ends.at - ends.at % {BUCKET} AS bucket, task.queue, ends.status, count(*)
    FROM ({ENDED_EVENTS}) ends JOIN task ON task.id = ends.task_id, {NEWEST_EVENT}
    WHERE bucket > newest.at - {KEPT} GROUP BY 1, 2, 3""",
    "DELETE FROM family_job",
    "DELETE FROM family_hour",
    f"DELETE FROM family WHERE id NOT IN (SELECT family FROM ({REAL_FAMILIES}))",
    f"""
    UPDATE family SET failures = n, purged = 0, first_at = real.first_at, last_at = real.last_at,
      task_id = coalesce(error.task_id, 0),
      message = substr(coalesce(error.data->'error'->>'message', ''), 1, {MESSAGE_CHARS}),
      failed = 0, retrying = 0, jobs = 0
    FROM ({REAL_FAMILIES}) real JOIN {FAMILY_EVENTS} error ON error.id = real.newest
    WHERE family.id = real.family""",
    f"""
    UPDATE family SET failed = real.failed, retrying = real.retrying, jobs = real.jobs
    FROM ({REAL_FAMILY_TASKS}) real WHERE real.family = family.id""",
    f"""
    INSERT INTO family_job (family, job_id, n) SELECT * FROM ({REAL_FAMILY_JOBS})
    WHERE family IN (SELECT id FROM family)""",
    f"""
    INSERT INTO family_hour (family, at, n) SELECT family, at, n FROM ({REAL_FAMILY_HOURS}) real
    WHERE family IN (SELECT id FROM family)
    AND at > (SELECT last_at FROM family WHERE id = real.family) - {HOURS * HOUR}""",
)
"""Each keeps to its table; what is counted twice agrees, as `doctor` checks."""
