"""What a copy of a store is of, and its faults.

Called by `core.app.backups`; reads files that no engine has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from core.model.errors import Unavailable
from core.model.ports import AttemptRef
from core.store.database import refuse_file, version_of
from core.store.readers import store_uri
from core.store.sql import decode
from core.store.verify.findings import Finding, verify_read_only
from core.store.version import SCHEMA_VERSION, refuse_version

_STEPS = 100_000
"""Instructions of SQLite between two looks at whether to stop."""
_FACTS = """
SELECT store_id, (SELECT coalesce(max(id), 0) FROM event),
  (SELECT at FROM event ORDER BY id DESC LIMIT 1),
  (SELECT count(*) FROM attempt WHERE status = 'running')
FROM engine WHERE id = 1"""
_ATTEMPTS = "SELECT task_id, epoch FROM attempt ORDER BY task_id, epoch"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What a copy is of: the name of the store, its schema version, and the last event that is in it."""

    store_id: str
    schema: int
    event: int
    event_at: int | None
    """ms UTC; None = without events."""
    running: int
    """Attempts that were open."""


def read_facts(file: Path) -> StoreFacts:
    """Return what a copy is of; raise `Unavailable` (`store.newer`, `store.broken`)."""
    with _opened(file) as db:
        version = version_of(db)
        if version == 0 or version > SCHEMA_VERSION:
            raise refuse_version(file, version)
        ((store_id, event, at, running),) = db.execute(_FACTS)
    return StoreFacts(store_id=store_id, schema=version, event=event, event_at=at, running=running)


def attempts_of(file: Path) -> Iterator[AttemptRef]:
    """Yield the attempts of a copy, in order of task."""
    with _opened(file) as db:
        for task_id, epoch in db.execute(_ATTEMPTS):
            yield AttemptRef(task_id=task_id, epoch=epoch)


def judge_copy(file: Path, stop: Event) -> tuple[Finding, ...]:
    """Return what is wrong with a copy: integrity, counts, and events against rows.

    One of an older schema version is held to its integrity alone: what its counts mean is known after its
    upgrade. Raises `Unavailable` (`backup.stopped`) once `stop` is set, else as `read_facts`.
    """
    with _opened(file) as db:
        db.set_progress_handler(stop.is_set, _STEPS)
        found = verify_read_only(db) if version_of(db) == SCHEMA_VERSION else _check_pages(db)
    if stop.is_set():
        raise Unavailable("backup.stopped", "checking the copy was stopped", hint="run it again")
    return found


def _check_pages(db: sqlite3.Connection) -> tuple[Finding, ...]:
    return tuple(
        Finding(code="store.corrupt", message=str(verdict))
        for (verdict,) in db.execute("PRAGMA integrity_check(20)")
        if verdict != "ok"
    )


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    # No process writes it, and the folder may take no other file.
    uri = f"{store_uri(file)}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            db.text_factory = decode
            yield db
    except sqlite3.Error as error:
        raise refuse_file(file, error) from error
