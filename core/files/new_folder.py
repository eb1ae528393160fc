"""Write folders whole, or not at all.

Used by backups.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.files.identity import FileIdentity, file_identity
from core.files.kinds import is_dir
from core.files.writing import sync_path

_ENDING = ".taskdeck-part"
_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)


def unfinished_path(path: Path) -> Path:
    """Return where a folder is while it is written."""
    return path.with_name(f".{path.name}{_ENDING}")


def unfinished_in(parent: Path) -> Iterator[Path]:
    """Yield folders that are being written, or that a process which was killed has left; raise `OSError`."""
    yield from sorted(path for path in parent.glob(f".*{_ENDING}") if is_dir(path))


def is_left(unfinished: Path) -> bool:
    """Return whether the process that wrote a folder is gone."""
    descriptor = os.open(unfinished, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


class NewFolder:
    """A folder that has a temporary name beside its path until all in it is written and synced.

    Blocks, and raises `OSError`; after `open` always call `discard`, which removes what was not placed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unfinished = unfinished_path(path)
        self._lock: int | None = None

    def open(self) -> bool:
        """Make the temporary folder, 0700 whatever the umask; return whether one that was left is gone.

        Raises `BlockingIOError` while another process writes a folder of this path.
        """
        was_left = False
        with suppress(FileNotFoundError):
            if not is_left(self.unfinished):
                raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), str(self.unfinished))
            shutil.rmtree(self.unfinished)
            was_left = True
        try:
            self.unfinished.mkdir(mode=0o700)
        except FileExistsError as error:
            raise BlockingIOError(errno.EWOULDBLOCK, str(error), str(self.unfinished)) from error
        self._lock = os.open(self.unfinished, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(self._lock)
        # Another process may have taken it for a leftover before it was locked.
        if file_identity(self.unfinished) != FileIdentity(device=status.st_dev, inode=status.st_ino):
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), str(self.unfinished))
        self.unfinished.chmod(0o700)
        return was_left

    def place(self) -> None:
        """Give the folder its path; raise `FileExistsError` if anything but an empty folder is there."""
        try:
            self.unfinished.rename(self.path)
        except OSError as error:
            if error.errno in (*_EMPTY, errno.ENOTDIR):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.path)) from error
            raise
        sync_path(self.path.parent)

    def discard(self) -> None:
        """Remove the temporary folder, if it is still there."""
        if self._lock is None:
            return
        # Before it is unlocked: then another process may write there.
        with suppress(OSError):
            shutil.rmtree(self.unfinished)
        os.close(self._lock)
        self._lock = None
