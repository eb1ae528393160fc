"""Write files whole, or not at all.

Used by exports, saved views, the clipboard and the importer.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from core.files.kinds import exists, is_file

LOCK_SECONDS = 5.0
"""How long a change waits for that of another process."""
_POLL_SECONDS = 0.01
# What file systems without hard links answer.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)


_unfinished: set[Path] = set()
"""The temporary files of this process."""


def remove_unfinished() -> None:
    """Remove temporary files that will not be finished: the process is about to end."""
    for path in tuple(_unfinished):
        with suppress(OSError):
            path.unlink()


class NewFile:
    """A file that has a temporary name in the folder of its path until it is whole.

    Blocks, and raises `OSError`; after `open` always call `discard`, which removes what was not placed.
    """

    def __init__(self, path: Path, *, mode: int = 0o600) -> None:
        self.path = path
        self._mode = mode
        self._temporary: Path | None = None
        self._stream: BinaryIO | None = None

    def open(self) -> None:
        """Create the temporary file, with the mode less the umask."""
        temporary = self.path.with_name(f".taskdeck-{os.urandom(8).hex()}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        _unfinished.add(temporary)
        try:
            descriptor = os.open(temporary, flags, self._mode)
        except OSError:
            _unfinished.discard(temporary)
            raise
        self._temporary = temporary
        self._stream = os.fdopen(descriptor, "wb")

    def write(self, data: bytes) -> None:
        """Append to the temporary file."""
        self._opened().write(data)

    def replace(self) -> None:
        """Give the file its path; one that is there is replaced."""
        self._finish().replace(self.path)
        sync_path(self.path.parent)

    def place(self) -> None:
        """Give the file its path; raise `FileExistsError` if there is one."""
        temporary = self._finish()
        try:
            os.link(temporary, self.path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # No other call refuses a name that was taken meanwhile on these file systems.
            if os.path.lexists(self.path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
            temporary.rename(self.path)
        sync_path(self.path.parent)

    def discard(self) -> None:
        """Close and remove the temporary file, if it is still there."""
        if self._stream is not None:
            # Closing writes what is buffered once more: on a full disk that fails again.
            with suppress(OSError):
                self._stream.close()
        if self._temporary is not None:
            # The folder may be gone, or the file may have its path already.
            with suppress(OSError):
                self._temporary.unlink()
            _unfinished.discard(self._temporary)
            self._temporary = None

    def _finish(self) -> Path:
        stream = self._opened()
        stream.flush()
        # Before the rename: after a power cut the path must not name an empty file.
        os.fsync(stream.fileno())
        stream.close()
        return self._temporary or self.path

    def _opened(self) -> BinaryIO:
        if self._stream is None:
            raise OSError(errno.EBADF, "the file is not open")
        return self._stream


def write_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a whole file, or raise `OSError` and leave the old one as it was.

    A file that exists keeps its mode, and a link is followed; `mode` is that of a new one, less the
    umask. A device or a pipe is written as it is: nothing can take its place.
    """
    target = path.resolve()
    if exists(target) and not is_file(target):
        path.write_bytes(data)
        return
    file = NewFile(target, mode=stat.S_IMODE(target.stat().st_mode) if exists(target) else mode)
    try:
        file.open()
        file.write(data)
        file.replace()
    finally:
        file.discard()


def write_new(path: Path, data: bytes) -> None:
    """Write a whole file that only its owner may read; raise `FileExistsError` if there is one."""
    file = NewFile(path)
    try:
        file.open()
        file.write(data)
        file.place()
    finally:
        file.discard()


@contextmanager
def changing(path: Path, *, patience: float = LOCK_SECONDS) -> Iterator[None]:
    """Keep out other processes that change this file, while the body reads and writes it.

    The lock is a file beside it. Raises `TimeoutError` after `patience` seconds, and `OSError`.
    """
    lock = path.with_name(f"{path.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, patience=patience)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process is writing it") from error
            time.sleep(_POLL_SECONDS)
        else:
            return


def sync_path(path: Path) -> None:
    """Bring a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # What file systems answer that cannot sync a folder.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(descriptor)
