"""The findings of `verify`, asked of many stores over one connection.

Most of what it costs on a small store is that its statements are compiled on each new connection. They stay
compiled here: stores of the current schema are copied, one after another, to one place that is kept open.
What is found wrong there is asked of the store itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from core.store.sql import decode
from core.store.verify import verify, verify_path
from core.store.verify.findings import Findings
from tests.support.empty_store import empty_store

_VERSIONS = slice(18, 20)
"""Where the file says that it has a log beside it."""
_CHANGES, _SIZED_AT = slice(24, 28), slice(92, 96)
"""Where it counts its changes: by that SQLite knows that what it has read is out of date."""
_SCHEMA = slice(40, 44)
"""Where it counts the changes of its schema: by that, that what it has compiled is."""


def findings(db: sqlite3.Connection) -> Findings:
    """Return what `verify` finds in an open store."""
    if not db.in_transaction and (path := _whole_file(db)) is not None and _is_sound(path):
        return ()
    return verify(db)


def findings_of(path: Path) -> Findings:
    """Return what `verify_path` finds in a store that no connection has open."""
    log = path.with_name(f"{path.name}-wal")
    # A connection for reading that is closed last leaves an empty one.
    logged = log.stat().st_size if log.exists() else 0
    if _is_sound_with(path, log) if logged else _is_sound(path):
        return ()
    return verify_path(path)


def _whole_file(db: sqlite3.Connection) -> Path | None:
    """Return the file of a store when all that is committed is in it; None = a reader keeps it from there."""
    with suppress(sqlite3.Error):
        busy, logged, written = db.execute("PRAGMA wal_checkpoint").fetchone()
        file = db.execute("PRAGMA database_list").fetchone()[2]
        if not busy and logged == written >= 0 and file:
            return Path(file)
    return None


def _is_sound(path: Path) -> bool:
    with suppress(OSError, sqlite3.Error):
        return _place().is_sound(path.read_bytes())
    return False


def _is_sound_with(path: Path, log: Path) -> bool:
    """Return the same of a store whose engine was killed, from a copy into which its log is written back."""
    with suppress(OSError, sqlite3.Error), TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        copy.with_name(log.name).write_bytes(log.read_bytes())
        with closing(sqlite3.connect(copy, isolation_level=None)) as db:
            (busy, *_) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy and _is_sound(copy)
    return False


class _Place:
    """A file whose content is changed below the connection that reads it."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "copy.db"
        self._numbers = count(1)
        self._put(empty_store())
        self._db = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        self._db.text_factory = decode
        self._db.execute("PRAGMA query_only = ON")

    def is_sound(self, store: bytes) -> bool:
        """Return whether nothing is wrong with a store of the same schema; False = it may be of another."""
        if store[_SCHEMA] != empty_store()[_SCHEMA]:
            return False
        self._put(store)
        return verify(self._db) == ()

    def _put(self, store: bytes) -> None:
        file = bytearray(store)
        file[_VERSIONS] = b"\1\1"
        file[_CHANGES] = file[_SIZED_AT] = next(self._numbers).to_bytes(4)
        self._path.write_bytes(file)


_place = cache(_Place)
