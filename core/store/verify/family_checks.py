"""Recounts of failure families, from tasks and events.

Used by `checks`.
"""

from __future__ import annotations

from core.store.derived import REAL_FAMILIES, REAL_FAMILY_HOURS, REAL_FAMILY_JOBS, REAL_FAMILY_TASKS
from core.store.verify.check import check

FAMILY_CHECKS = (
    check(
        "family.tasks",
        "the tasks or jobs that are counted for a failure family differ from the tasks",
        f"""
        WITH real AS ({REAL_FAMILY_TASKS})
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
        WITH real AS ({REAL_FAMILY_JOBS})
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
        WITH real AS ({REAL_FAMILIES})
        SELECT f.id AS family, r.n AS events, f.failures AS kept, r.first_at, r.last_at
        FROM family f LEFT JOIN real r ON r.family = f.id
        WHERE f.failures IS NOT f.purged + coalesce(r.n, 0) OR f.failures = 0
        OR (f.purged = 0 AND (f.first_at, f.last_at) IS NOT (r.first_at, r.last_at))
        OR f.first_at > r.first_at OR f.last_at < r.last_at
        UNION ALL
        SELECT family, n, NULL, first_at, last_at FROM real WHERE family NOT IN (SELECT id FROM family)""",
    ),
    # Older hours may have been deleted; one that the clock was set back to afterwards counts from there.
    check(
        "family.hour",
        "the failures that are counted for an hour differ from the events",
        f"""
        WITH real AS ({REAL_FAMILY_HOURS})
        SELECT k.at, k.family, k.n AS kept, coalesce(r.n, 0) AS events FROM family_hour k
        LEFT JOIN real r ON r.at = k.at AND r.family = k.family WHERE k.n > coalesce(r.n, 0)""",
    ),
)
