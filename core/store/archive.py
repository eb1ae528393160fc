"""Rows that go as lines of JSON.

Called by the engine's retention, in a thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.model.values import JsonValue
from core.store.readers import open_readonly, refuse_reading
from core.store.sql import ids, pack

_JOBS = "(SELECT value FROM json_each(:jobs))"
_TASKS = f"(SELECT id FROM task WHERE job_id IN {_JOBS} UNION SELECT value FROM json_each(:tasks))"
_OF = {
    "definition": f"hash IN (SELECT definition_hash FROM job WHERE id IN {_JOBS})",
    "job": f"id IN {_JOBS}",
    "stage": f"job_id IN {_JOBS}",
    "task": f"id IN {_TASKS}",
    "edge": f"task_id IN {_TASKS}",
    "attempt": f"task_id IN {_TASKS}",
    "payload": f"hash IN (SELECT output->>'$.\"$payload\"' FROM task WHERE id IN {_TASKS})",
    "event": f"task_id IN {_TASKS} OR (job_id > 1 AND job_id IN {_JOBS})"
    " OR id IN (SELECT value FROM json_each(:events))",
    "entry": "id IN (SELECT value FROM json_each(:entries))",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedRows:
    """What goes, by ids: jobs and loose tasks with all that is theirs, single events and entries."""

    jobs: Sequence[int] = ()
    tasks: Sequence[int] = ()
    events: Sequence[int] = ()
    entries: Sequence[int] = ()

    def __bool__(self) -> bool:
        """Whether anything is named."""
        return bool(self.jobs or self.tasks or self.events or self.entries)


def archive_lines(path: Path, chosen: ArchivedRows) -> Iterator[bytes]:
    """Yield what these have in each table, as it is at one moment; raises as readers do."""
    names = {
        "jobs": ids(chosen.jobs),
        "tasks": ids(chosen.tasks),
        "events": ids(chosen.events),
        "entries": ids(chosen.entries),
    }
    with closing(open_readonly(path)) as db:
        try:
            db.execute("BEGIN")
            for table, condition in _OF.items():
                cursor = db.execute(f"SELECT * FROM {table} WHERE {condition}", names)
                columns = [column[0] for column in cursor.description]
                for row in cursor:
                    values: dict[str, JsonValue] = dict(zip(columns, row, strict=True))
                    yield f"{pack({'table': table, **values})}\n".encode("ascii")
        except sqlite3.DatabaseError as error:
            raise refuse_reading(path, error) from error
