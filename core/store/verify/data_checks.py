"""Invariants of the artifacts of attempts.

Used by `checks`.
"""

from __future__ import annotations

from core.store.verify.check import check

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
          AND e.kind = 'artifact.kept' AND e.data->>'$.artifact' = a.name
          AND e.data->>'$.files' = a.files AND e.data->>'$.size' = a.size
          AND (a.files > 1 OR e.data->>'$.hash' = a.hash))""",
    ),
)
