"""Fold the events of jobs into their variables.

Used by `findings`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from core.model.redaction import redacted
from core.model.stored_text import json_or_note
from core.model.values import JsonObject, JsonValue

# The events of the tasks of a job go before the job, where that is purged.
_OF = "SELECT job_id FROM variable WHERE job_id NOT IN (SELECT job_id FROM purge)"
_ROWS = f"SELECT job_id, name, value, task_id, changed_at FROM variable WHERE job_id IN ({_OF})"
_EVENTS = (
    "SELECT job_id, task_id, at, kind, data FROM event"
    f" WHERE job_id IN ({_OF}) AND kind IN ('job.created', 'variable.set') ORDER BY id"
)
_UNKNOWN = object()
"""What the first event of a job had no room for."""


@dataclass(slots=True, kw_only=True)
class _Told:
    """A variable as events tell it, without secrets."""

    value: object = _UNKNOWN
    task_id: int | None = None
    changed_at: int | None = None


def variables_at_fault(db: sqlite3.Connection) -> Iterator[JsonObject]:
    """Yield the facts of each variable that differs from its events, or whose events are in no line."""
    told: dict[tuple[int, str], _Told] = {}
    for job_id, task_id, at, kind, data in db.execute(_EVENTS):
        values = json_or_note(data)
        if not isinstance(values, dict):
            continue
        if kind == "job.created":
            first = values.get("variables")
            for name, value in first.items() if isinstance(first, dict) else ():
                told[job_id, name] = _Told(value=value)
            continue
        name = str(values.get("variable"))
        before = told.get((job_id, name), _Told()).value
        if before is not _UNKNOWN and before != values.get("was"):
            yield {"job": job_id, "variable": name, "at": at, "events": values.get("was")}
        told[job_id, name] = _Told(value=values.get("value"), task_id=task_id, changed_at=at)
    for job_id, name, stored, task_id, changed_at in db.execute(_ROWS):
        one = told.get((job_id, name), _Told())
        kept: JsonValue = redacted(name, json_or_note(stored))
        if (task_id, changed_at) != (one.task_id, one.changed_at) or one.value not in (_UNKNOWN, kept):
            yield {"job": job_id, "variable": name, "row": kept}
