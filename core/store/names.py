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
    "keys": "SELECT job_id || '/' || key, status FROM task WHERE job_id = :job ORDER BY id LIMIT :limit",
    "items": "SELECT id, title FROM work_item WHERE outcome IS NULL ORDER BY id DESC LIMIT :limit",
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


def stored_names(path: Path, what: str, *, job: int = 0, limit: int = 500) -> list[StoredName]:
    """Return `jobs`, `tasks`, `keys` (of a job) or the names of another list, with remarks.

    Jobs and tasks are newest first.

    Nothing where nothing can be read at once.
    """
    uri = f"file:{quote(os.fsencode(path), safe='/')}?mode=ro"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=0.2)
        try:
            rows = connection.execute(_QUESTIONS[what], {"job": job, "limit": limit}).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return []
    return [StoredName(str(name), str(remark)) for name, remark in rows]
