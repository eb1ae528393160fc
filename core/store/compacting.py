"""Rewrite a store without its free pages, whole or not at all.

Called by `core.app.backups.compacting`, under the engine lock.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from core.files.writing import sync_path
from core.host import free_bytes
from core.model.crash_points import crash_point
from core.model.errors import Unavailable
from core.store.backups.reading import judge_copy
from core.store.database import UNFINISHED, version_of
from core.store.readers import check_there, refuse_reading
from core.store.sql import decode
from core.store.version import SCHEMA_VERSION, refuse_version

MARGIN = 16 * 2**20
BUSY_MS = 5_000
"""How long readers are waited for."""
_STEPS = 100_000
"""Instructions of SQLite between two looks at whether to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """The size of a store before and after it was rewritten, in bytes."""

    before: int
    after: int


def compact_store(path: Path, stop: Event, tell: Callable[[str], None]) -> Compacted:
    """Write what is in a store into a new file, check that, and put it in the place of the old one.

    Killed at any moment, it leaves the store as it was, or the new one. The new one gives free pages back
    (`Shrink`). Raises `Unavailable`: `compact.room`, `compact.busy`, `compact.stopped`, `compact.unsound`,
    and as readers do.
    """
    check_there(path)
    unfinished = path.with_name(path.name + UNFINISHED)
    unfinished.unlink(missing_ok=True)
    before = path.stat().st_size
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.text_factory = decode
            db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            version = version_of(db)
            if version != SCHEMA_VERSION:
                raise refuse_version(path, version)
            _check_room(db, path)
            _fold_log(db, path)
            try:
                _write(db, unfinished, stop, tell)
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("PRAGMA journal_mode = WAL")
                raise
        # Its readers have the old file open, and read on in it.
        unfinished.replace(path)
        sync_path(path.parent)
    except sqlite3.Error as error:
        if stop.is_set():
            raise _stopped() from error
        raise refuse_reading(path, error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    crash_point("compact.placed")
    return Compacted(before=before, after=path.stat().st_size)


def _check_room(db: sqlite3.Connection, path: Path) -> None:
    (pages,), (unused,), (size,) = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
    )
    needed, free = (pages - unused) * size + MARGIN, free_bytes(path.parent)
    if free < needed:
        raise Unavailable(
            "compact.room",
            f"rewriting {path} needs {needed // 2**20} MiB beside it; {free // 2**20} MiB are free",
            hint="free space there; the store is untouched",
            facts={"needed": needed, "free": free},
        )


def _fold_log(db: sqlite3.Connection, path: Path) -> None:
    """Write the whole log back, and do without it: no log of the old file may lie beside the new one."""
    try:
        (mode,) = db.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise _busy(path) from error
    if mode != "delete":
        raise _busy(path)


def _write(db: sqlite3.Connection, unfinished: Path, stop: Event, tell: Callable[[str], None]) -> None:
    crash_point("compact.begun")
    tell("rewriting the store")
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    db.set_progress_handler(stop.is_set, _STEPS)
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("VACUUM INTO ?", (os.fsencode(unfinished).decode(),))
    crash_point("compact.written")
    tell("checking it")
    findings = judge_copy(unfinished, stop)
    if findings:
        raise Unavailable(
            "compact.unsound",
            f"the store has faults: {findings[0].message}",
            hint="it is as it was; see: taskdeck doctor",
            facts={"code": findings[0].code},
        )
    sync_path(unfinished)
    crash_point("compact.checked")


def _busy(path: Path) -> Unavailable:
    return Unavailable(
        "compact.busy",
        f"another process reads {path}",
        hint="end it, such as a console or a command that reads without an engine; then run this again",
        facts={"store": str(path)},
    )


def _stopped() -> Unavailable:
    return Unavailable(
        "compact.stopped", "rewriting the store was stopped", hint="the store is as it was; run it again"
    )
