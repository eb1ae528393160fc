"""Recounts of failure families, from tasks and events.

Used by `checks`.
"""

from __future__ import annotations

from core.model.failures import HOUR
from core.model.values import INBOX
from core.store.verify.check import check

_FAILURES = "kind IN ('attempt.failed', 'attempt.timed_out', 'attempt.lost', 'task.failed')"
_FAMILY_EVENTS = f"""(
SELECT data->>'family' AS family, at FROM event
WHERE {_FAILURES} AND data LIKE '%"family":%' AND data->>'family' IS NOT NULL)"""

FAMILY_CHECKS = (
    check(
        "family.tasks",
        "the tasks or jobs that are counted for a failure family differ from the tasks",
        f"""
        WITH real AS (
          SELECT family, sum(status = 'failed') AS failed, sum(status = 'retrying') AS retrying,
            count(DISTINCT CASE WHEN job_id != {INBOX} THEN job_id END) AS jobs
          FROM task WHERE family IS NOT NULL AND status IN ('failed', 'retrying') GROUP BY family)
        SELECT f.id AS family, coalesce(r.failed, 0) AS failed, f.failed AS kept_failed,
          coalesce(r.retrying, 0) AS retrying, f.retrying AS kept_retrying,
          coalesce(r.jobs, 0) AS jobs, f.jobs AS kept_jobs
        FROM family f LEFT JOIN real r ON r.family = f.id
        WHERE (f.failed, f.retrying, f.jobs)
          IS NOT (coalesce(r.failed, 0), coalesce(r.retrying, 0), coalesce(r.jobs, 0))
        UNION ALL
        SELECT family, failed, NULL, retrying, NULL, jobs, NULL FROM real
        WHERE family NOT IN (SELECT id FROM family)""",
    ),
    check(
        "family.job",
        "the tasks that a job is counted with for a failure family differ from its tasks",
        f"""
        WITH real AS (
          SELECT family, job_id, count(*) AS n FROM task
          WHERE family IS NOT NULL AND status IN ('failed', 'retrying') AND job_id != {INBOX} GROUP BY 1, 2)
        SELECT r.family, r.job_id AS job, r.n AS tasks, coalesce(k.n, 0) AS kept FROM real r
        LEFT JOIN family_job k ON k.family = r.family AND k.job_id = r.job_id WHERE k.n IS NOT r.n
        UNION ALL
        SELECT family, job_id, 0, n FROM family_job
        WHERE (family, job_id) NOT IN (SELECT family, job_id FROM real)""",
    ),
    check(
        "family.failures",
        "the failures of a family, or when it was seen, differ from the events",
        f"""
        WITH real AS (
          SELECT family, count(*) AS n, min(at) AS first_at, max(at) AS last_at
          FROM {_FAMILY_EVENTS} GROUP BY 1)
        SELECT f.id AS family, r.n AS events, f.failures AS kept, r.first_at, r.last_at
        FROM family f LEFT JOIN real r ON r.family = f.id
        WHERE (f.failures, f.first_at, f.last_at) IS NOT (r.n, r.first_at, r.last_at)""",
    ),
    # Older hours may have been deleted; one that the clock was set back to afterwards counts from there.
    check(
        "family.hour",
        "the failures that are counted for an hour differ from the events",
        f"""
        WITH real AS (
          SELECT at - (at % {HOUR} + {HOUR}) % {HOUR} AS at, family, count(*) AS n
          FROM {_FAMILY_EVENTS} GROUP BY 1, 2)
        SELECT k.at, k.family, k.n AS kept, coalesce(r.n, 0) AS events FROM family_hour k
        LEFT JOIN real r ON r.at = k.at AND r.family = k.family WHERE k.n > coalesce(r.n, 0)""",
    ),
)
