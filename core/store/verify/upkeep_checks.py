"""Invariants of what is purged and of what is pinned.

Used by `checks`.
"""

from __future__ import annotations

from core.store.verify.check import check

UPKEEP_CHECKS = (
    check(
        "purged.alive",
        "a job or task that was purged is there",
        """
        SELECT t.id AS task, NULL AS job, p.event FROM purged p
        JOIN task t ON t.id BETWEEN p.first AND p.last WHERE p.noun = 'task'
        UNION ALL
        SELECT NULL, j.id, p.event FROM purged p
        JOIN job j ON j.id BETWEEN p.first AND p.last WHERE p.noun = 'job'""",
    ),
    check(
        "purged.untold",
        "ids are kept as purged, but no event tells of it",
        """
        SELECT p.noun, p.first, p.last, p.event FROM purged p LEFT JOIN event e ON e.id = p.event
        WHERE coalesce(e.kind, '')
          NOT IN ('job.purged', 'task.purged', 'outputs.removed', 'history.forgotten')""",
    ),
    check(
        "purged.overlap",
        "two ranges of purged ids overlap",
        """
        SELECT a.noun, a.first, a.last, b.first AS second FROM purged a
        JOIN purged b ON b.noun = a.noun AND b.first > a.first AND b.first <= a.last""",
    ),
    check(
        "purge.unfit",
        "a job is being purged that does not exist, has not ended or is pinned",
        """
        SELECT p.job_id AS job, j.status, j.pinned_at FROM purge p LEFT JOIN job j ON j.id = p.job_id
        WHERE j.finished_at IS NULL OR j.pinned_at IS NOT NULL""",
    ),
    check(
        "retention.missing",
        "the row of retention is not there",
        "SELECT count(*) AS rows FROM retention HAVING count(*) != 1",
    ),
    check(
        "purge.full",
        "a job counts as emptied, but has tasks",
        """
        SELECT p.job_id AS job FROM purge p WHERE p.is_empty
        AND EXISTS (SELECT 1 FROM task t INDEXED BY task_list WHERE t.job_id = p.job_id)""",
    ),
)
