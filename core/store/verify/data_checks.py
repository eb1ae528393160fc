"""Invariants of the artifacts of attempts.

Used by `checks`.
"""

from __future__ import annotations

from core.store.verify.check import check

LEFT_BEHIND_CHECKS = (
    check(
        "variable.dangling",
        "a variable is of a job that is gone",
        "SELECT v.job_id AS job, v.name FROM variable v WHERE v.job_id NOT IN (SELECT id FROM job)",
    ),
    check(
        "instance_page.dangling",
        "items are of a set that is gone",
        """
        SELECT p.set_id AS "set", p.first FROM instance_page p
        WHERE p.set_id NOT IN (SELECT id FROM instance_set)""",
    ),
)
"""What purges left behind for a while."""
DATA_CHECKS = (
    check(
        "artifact.foreign",
        "an artifact is of an attempt that did not succeed",
        """
        SELECT a.task_id AS task, a.epoch, a.name FROM artifact a
        LEFT JOIN attempt t ON t.task_id = a.task_id AND t.epoch = a.epoch
        WHERE coalesce(t.status NOT IN ('succeeded', 'parked'), 1)""",
    ),
    check(
        "artifact.wrong",
        "the files of an artifact differ from its event",
        """
        SELECT a.task_id AS task, a.epoch, a.name, a.files, a.size FROM (
          SELECT task_id, epoch, name, count(*) AS files, sum(size) AS size, min(hash) AS hash,
            max(position) AS last FROM artifact GROUP BY task_id, epoch, name) a
        WHERE a.last != a.files - 1 OR NOT EXISTS (
          SELECT 1 FROM event e WHERE e.task_id = a.task_id AND e.attempt = a.epoch
          AND e.kind = 'artifact.kept' AND json_valid(e.data) AND e.data->>'$.artifact' = a.name
          AND e.data->>'$.files' = a.files AND e.data->>'$.size' = a.size
          AND (a.files > 1 OR e.data->>'$.hash' = a.hash))""",
    ),
)
