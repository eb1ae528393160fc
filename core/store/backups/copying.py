"""Copy a store into a file, with its engine or without.

Called by the engine, in the writer's thread, and by `core.app.backups` under the engine lock.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event

from core.files.kinds import is_file
from core.model.backups import StoreCopied
from core.model.crash_points import crash_point
from core.model.errors import Invalid, TaskdeckError, Unavailable
from core.store.database import is_full, limited_file, version_of
from core.store.readers import refuse_reading, store_uri
from core.store.sql import decode
from core.store.store_copy import fill_copy
from core.store.version import SCHEMA_VERSION, refuse_version

PAGES = 32
"""Pages (128 KiB) of a step beside the writer's commits: a fifth of a millisecond of the processor."""
_ALL = -1
"""All pages in one step: one moment, also where others write."""


def copy_beside(
    connection: sqlite3.Connection, file: Path, carry_out: Callable[[], None], stop: Event
) -> StoreCopied:
    """Copy the writer's store into an empty file of this user; `carry_out` is called between the steps.

    What is committed meanwhile is in the copy. Raises `Invalid` (`backup.file`), `Unavailable`
    (`backup.stopped` once `stop` is set, `backup.full`, `backup.unwritable`) and what `carry_out` raises.
    """
    _check_ours(file)

    def between(_done: int, _total: int) -> None:
        crash_point("backup.copying")
        if stop.is_set():
            raise stopped()
        carry_out()

    return _timed(connection, file, pages=PAGES, between=between)


def copy_locked(path: Path, file: Path, tell: Callable[[int, int], None]) -> StoreCopied:
    """Copy the store at a path into an empty file; the caller owns the engine lock.

    What a killed engine left in the write-ahead log is taken up. `tell` gets pages copied and all pages.
    Raises `Unavailable` as readers do, but for an older schema version, and as `copy_beside`.
    """

    def between(done: int, total: int) -> None:
        crash_point("backup.copying")
        tell(done, total)

    return _copy(path, file, mode="rw", pages=16 * PAGES, between=between)


def copy_foreign(path: Path, file: Path) -> StoreCopied:
    """Copy a store in whose folder nothing can be written, in one step: all of it is of one moment.

    Raises as `copy_locked`.
    """
    wal = path.with_name(f"{path.name}-wal")
    # Nothing can hold the index of its log: without a log none is needed.
    mode = "ro" if is_file(wal) and wal.stat().st_size else "ro&immutable=1"
    return _copy(path, file, mode=mode, pages=_ALL, between=lambda _done, _total: None)


def _copy(
    path: Path, file: Path, *, mode: str, pages: int, between: Callable[[int, int], None]
) -> StoreCopied:
    _check_ours(file)
    uri = f"{store_uri(path)}?mode={mode}"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            db.execute("PRAGMA busy_timeout = 5000")
            version = version_of(db)
            if version == 0 or version > SCHEMA_VERSION:
                raise refuse_version(path, version)
            return _timed(db, file, pages=pages, between=between)
    except sqlite3.Error as error:
        raise refuse_reading(path, error) from error


def stopped() -> Unavailable:
    """Say that who asked for a copy of the store is gone."""
    return Unavailable("backup.stopped", "copying the store was stopped", hint="run it again")


def _timed(
    connection: sqlite3.Connection, file: Path, *, pages: int, between: Callable[[int, int], None]
) -> StoreCopied:
    began = step = time.monotonic()
    cpu = time.thread_time()
    steps, longest, longest_cpu = 0, 0.0, 0.0

    def timed(done: int, total: int) -> None:
        nonlocal step, cpu, steps, longest, longest_cpu
        longest, steps = max(longest, time.monotonic() - step), steps + 1
        longest_cpu = max(longest_cpu, time.thread_time() - cpu)
        between(done, total)
        step, cpu = time.monotonic(), time.thread_time()

    try:
        fill_copy(connection, file, pages=pages, between=timed)
        size = file.stat().st_size
    except sqlite3.Error as error:
        raise _refusal(file, error, full=is_full(error)) from error
    except OSError as error:
        raise _refusal(file, error, full=False) from error
    milliseconds = round(1000 * (time.monotonic() - began))
    return StoreCopied(
        size=size,
        ms=milliseconds,
        steps=steps,
        longest_us=round(1e6 * longest),
        longest_cpu_us=round(1e6 * longest_cpu),
    )


def _refusal(file: Path, error: Exception, *, full: bool) -> TaskdeckError:
    limited = limited_file(file, error)
    if limited is not None:
        return Unavailable("backup.unwritable", limited.message, hint=limited.hint, facts=limited.facts)
    if full:
        return Unavailable(
            "backup.full",
            f"the disk of {file.parent} is full: the copy of the store did not get whole",
            hint="free space there, or name a folder on another disk; the store is untouched",
            facts={"file": str(file)},
        )
    return Unavailable(
        "backup.unwritable",
        f"the store could not be copied into {file}: {error}",
        hint="check the disks of both; 'taskdeck doctor' checks the store",
        facts={"file": str(file), "reason": str(error)},
    )


def _check_ours(file: Path) -> None:
    """Refuse to write into anything but an empty file that this user has made for it."""
    try:
        status = file.lstat()
    except OSError as error:
        raise _unfit(file, error.strerror or type(error).__name__) from error
    if not stat.S_ISREG(status.st_mode) or status.st_size or status.st_uid != os.geteuid():
        raise _unfit(file, "it is not an empty file of this user")


def _unfit(file: Path, reason: str) -> Invalid:
    return Invalid(
        "backup.file",
        f"cannot copy the store into {file}: {reason}",
        hint="the engine writes into a file that the command makes: is the folder seen by both?",
        facts={"file": str(file), "reason": reason},
    )


def settle(file: Path) -> None:
    """Make a whole copy one file that can be read where nothing can be written beside it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.text_factory = decode
        db.execute("PRAGMA journal_mode = DELETE")
