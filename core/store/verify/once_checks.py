"""Invariants of the keys under which tasks are created once.

Used by `checks`.
"""

from __future__ import annotations

from core.model.status import TASK_FINAL
from core.store.derived import REAL_ONCE_KEYS
from core.store.sql import among
from core.store.verify.check import check

ONCE_CHECKS = (
    check(
        "once_key.missing",
        "no task has a key that a task was created with, and that is not free",
        f"""
        SELECT r.task_id AS task, r.key FROM ({REAL_ONCE_KEYS}) r
        JOIN task t ON t.id = r.task_id
        WHERE r.key NOT IN (SELECT key FROM once_key)
        AND (r.lasts = 'ever' OR r.free_at > (SELECT time_at FROM engine)
          OR NOT {among(TASK_FINAL, "t.status")})""",
    ),
    check(
        "once_key.foreign",
        "a key names a task that does not have it",
        """
        SELECT k.key, k.task_id AS task FROM once_key k JOIN task t ON t.id = k.task_id
        WHERE json_valid(t.spec) AND (k.key IS NOT t.spec->'$.once.key' OR k.lasts IS NOT
          CASE WHEN t.spec->>'$.once.ms' IS NULL THEN t.spec->>'$.once.for' ELSE 'timed' END)""",
    ),
    check(
        "once_key.lost",
        "a task that has not ended does not have its key",
        f"""
        SELECT k.key, t.id AS task, k.task_id AS holder FROM task t
        JOIN once_key k ON k.key = CASE WHEN json_valid(t.spec) THEN t.spec->'$.once.key' END
        WHERE t.spec LIKE '%"once":%' AND NOT {among(TASK_FINAL, "t.status")}
        AND json_valid(t.spec) AND t.spec->>'$.once.ms' IS NULL AND k.task_id != t.id""",
    ),
)
