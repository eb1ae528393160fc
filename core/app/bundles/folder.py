"""A private folder for what a bundle holds.

Used by `opening`. What a process that was killed left behind is removed by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.files.kinds import exists
from core.files.writing import changing
from core.host import runtime_dir

_LOCK = "lock"


@contextmanager
def private_folder() -> Iterator[Path]:
    """Lend a new folder that is readable by this user alone; raise `OSError`."""
    with _alone():
        _remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=_prefix()))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _prefix() -> str:
    return f"taskdeck-bundle-{os.getuid()}-"


@contextmanager
def _alone() -> Iterator[None]:
    """Keep out other processes: a folder that has no lock yet must not look like a leftover."""
    shared = runtime_dir()
    if shared is None:
        yield
        return
    with changing(shared / "bundles"):
        yield


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        with suppress(OSError):
            status = folder.lstat()
            if status.st_uid == os.getuid() and stat.S_ISDIR(status.st_mode) and _is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Tell whether no process holds the lock of a folder."""
    if not exists(folder / _LOCK):
        return True
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
