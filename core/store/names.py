"""Names and ids in a store, read by the standard library alone.

Used by the completion of command lines.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

# The standard library alone: the shell of an operator waits for the answer.

_QUESTIONS = {
    "jobs": "SELECT id, name || ' (' || status || ')' FROM job WHERE id > 1 ORDER BY id DESC LIMIT :limit",
    "tasks": "SELECT id, key || ' (' || status || ')' FROM task ORDER BY id DESC LIMIT :limit",
    "keys": "SELECT job_id || '/' || key, status FROM task WHERE job_id = :of ORDER BY id LIMIT :limit",
    "items": "SELECT id, title FROM work_item WHERE outcome IS NULL ORDER BY id DESC LIMIT :limit",
    "fields": (
        "SELECT f.value->>'name' || '=', f.value->>'type' FROM work_item w, json_each(w.form) f"
        " WHERE w.id = :of AND w.outcome IS NULL LIMIT :limit"
    ),
    "signals": (
        "SELECT name, count(*) || ' waiting' FROM awaited WHERE name IS NOT NULL"
        " GROUP BY name ORDER BY name LIMIT :limit"
    ),
    "signal_keys": (
        "SELECT a.key, t.job_id || '/' || t.key FROM awaited a JOIN task t ON t.id = a.task_id"
        " WHERE a.name = :of AND a.key <> '' GROUP BY a.key ORDER BY a.key LIMIT :limit"
    ),
    # Of the newest files alone: there may be millions.
    "artifact_jobs": (
        "SELECT j.id, j.name FROM (SELECT task_id FROM artifact"
        " ORDER BY task_id DESC LIMIT 2000) a JOIN task t ON t.id = a.task_id JOIN job j ON j.id = t.job_id"
        " GROUP BY j.id ORDER BY j.id DESC LIMIT :limit"
    ),
    "workflows": "SELECT name, '' FROM workflow WHERE is_current = 1 ORDER BY name LIMIT :limit",
    "queues": "SELECT name, '' FROM queue ORDER BY name LIMIT :limit",
    "pools": "SELECT name, '' FROM pool WHERE removed_at IS NULL ORDER BY position, name LIMIT :limit",
    "schedules": "SELECT name, '' FROM schedule WHERE removed_at IS NULL ORDER BY name LIMIT :limit",
    "limits": (
        "SELECT name, '' FROM limit_rule WHERE removed_at IS NULL AND body->>'kind' <> 'budget'"
        " AND instr(name, ':') = 0 ORDER BY name LIMIT :limit"
    ),
    "backends": (
        "SELECT substr(name, 9) AS name, '' FROM limit_rule WHERE removed_at IS NULL"
        " AND name LIKE 'backend:%' UNION SELECT key, '' FROM gauge WHERE name = 'http:host'"
        " ORDER BY name LIMIT :limit"
    ),
    "budgets": (
        "SELECT name, '' FROM limit_rule WHERE removed_at IS NULL AND body->>'kind' = 'budget'"
        " ORDER BY name LIMIT :limit"
    ),
}


class StoredName(NamedTuple):
    """A name, and a remark on it."""

    name: str
    remark: str


def stored_names(path: Path, what: str, *, of: int | str = 0, limit: int = 500) -> list[StoredName]:
    """Return `jobs`, `tasks`, `keys` (of a job) or the names of another list, with remarks.

    Jobs and tasks are newest first. `of` = the job, item or signal whose names are asked for.

    Nothing where nothing can be read at once.
    """
    uri = f"file:{quote(os.fsencode(path), safe='/')}?mode=ro"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=0.2)
        try:
            rows = connection.execute(_QUESTIONS[what], {"of": of, "limit": limit}).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return []
    return [StoredName(str(name), str(remark)) for name, remark in rows]
