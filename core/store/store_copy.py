"""Copies of a store, made in steps; the one before an upgrade.

Used by `upgrade` and for backups; the kept ones are named by `doctor`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Event

from core.files.kinds import exists
from core.host import free_bytes
from core.model.crash_points import crash_point
from core.model.errors import Unavailable

_PAGES = 4_096
"""Pages that are copied between two looks at whether to stop."""
_MARGIN = 16 * 2**20
_UNFINISHED = ".part"


def copy_path(path: Path, version: int) -> Path:
    """Return where the copy of a store of this version is kept."""
    return path.with_name(f"{path.name}.version-{version}")


def kept_copies(path: Path) -> Iterator[Path]:
    """Yield the copies that upgrades of this store have kept, in order of version."""
    start = f"{path.name}.version-"
    # Not the files that SQLite keeps beside one of them, or beside one that is not finished.
    found = {
        int(number): copy
        for copy in path.parent.glob(f"{start}*")
        if (number := copy.name.removeprefix(start)).isdecimal()
    }
    yield from (found[number] for number in sorted(found))


def check_room(path: Path) -> None:
    """Refuse with `Unavailable` (`store.upgrade_room`) unless there is room for twice the store."""
    size = sum(file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if exists(file))
    # The copy, and at the worst every table made over in the write-ahead log.
    needed, free = 2 * size + _MARGIN, free_bytes(path.parent)
    if free < needed:
        raise Unavailable(
            "store.upgrade_room",
            f"bringing {path} up keeps a copy and needs {_mib(needed)} MiB free; {_mib(free)} are",
            hint="free space there, or move the data directory; the store is untouched",
            facts={"needed": needed, "free": free},
        )


def copy_store(
    connection: sqlite3.Connection, path: Path, *, version: int, progress: Callable[[str], None], stop: Event
) -> Path:
    """Copy an open store under its final name once it is whole and on the disk; return that path.

    An older copy of the same version is replaced: the store has lived on since. Stops with an
    `sqlite3.OperationalError` when `stop` is set.
    """
    target = copy_path(path, version)
    unfinished = target.with_name(target.name + _UNFINISHED)
    for leftover in (
        unfinished,
        *(unfinished.with_name(unfinished.name + end) for end in ("-wal", "-journal")),
    ):
        leftover.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    told = 0

    def advance(done: int, total: int) -> None:
        nonlocal told
        crash_point("upgrade.copying")
        if stop.is_set():
            raise sqlite3.OperationalError("interrupted")
        tenth = 10 * done // max(total, 1)
        if tenth > told and total > 10 * _PAGES:
            told = tenth
            progress(f"copying the store: {10 * tenth} %")

    try:
        fill_copy(connection, unfinished, pages=_PAGES, between=advance)
        _sync(unfinished)
        unfinished.replace(target)
        _sync(target.parent)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    return target


def fill_copy(
    connection: sqlite3.Connection, file: Path, *, pages: int, between: Callable[[int, int], None]
) -> None:
    """Copy an open store into an empty file, so many pages at a time; it is not synced.

    `between` is called after each step with the pages copied and all pages. It may write through the same
    connection: what it commits is in the copy. What it raises ends the copy.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as copy:
        # A copy that did not get whole is thrown away, and who makes it syncs the file: in the last step
        # a sync would keep the writer for as long as the disk takes for all of it.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        connection.backup(
            copy, pages=pages, progress=lambda _, remaining, total: between(total - remaining, total)
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mib(size: int) -> int:
    return -(-size // 2**20)
