"""The file of an empty store, made once by each process."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from core.store import database
from core.store.database import open_writer


@cache
def empty_store() -> bytes:
    """Return the file of a new store; made once, because compiling its schema takes its time."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        open_writer(path, synchronous="NORMAL", now=1_000).close()
        return path.read_bytes()


def open_copy(path: Path) -> sqlite3.Connection:
    """Return the writer of a copy that was just made: its pages are known to be sound."""
    connection = database._connect(path, "NORMAL")
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


def renew(connection: sqlite3.Connection, *, now: int) -> None:
    """Make a copy of it a store of its own, made at this moment."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE engine SET store_id = lower(hex(randomblob(8)))")
    connection.execute("UPDATE job SET created_at = ?1, started_at = ?1", (now,))
    connection.execute("UPDATE retention SET noticed_at = ?1, applied_at = ?1", (now,))
    connection.execute("COMMIT")
