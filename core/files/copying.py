"""Copy files that other programs may be writing, and tell their checksums.

Used by backups.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from core.files.untrusted import open_regular, read_extent

_CLONE = 0x40049409
"""FICLONE: the new file shares the blocks of the other until one of them is written."""
_PIECE = 2**20


def copy_file(source: Path, target: Path) -> int:
    """Copy a regular file as it is now to a new one, 0600, holes as holes; return its size. Not synced.

    Its blocks are shared where the file system can; a hard link would let what is written later into both.
    Raises `OSError`.
    """
    reading = open_regular(source)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if not _is_cloned(reading, writing):
                _copy(reading, writing)
            return os.fstat(writing).st_size
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a regular file; raise `OSError`."""
    with os.fdopen(open_regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_cloned(reading: int, writing: int) -> bool:
    with suppress(OSError):
        fcntl.ioctl(writing, _CLONE, reading)
        return True
    return False


def _copy(reading: int, writing: int) -> None:
    # As long as it is now: what is written meanwhile would make this endless.
    size, at = os.fstat(reading).st_size, 0
    while at < size:
        extent = read_extent(reading, at, limit=min(_PIECE, size - at))
        if not extent.data:
            break
        _write(writing, extent.data, extent.start)
        at = extent.start + len(extent.data)
    os.ftruncate(writing, size)


def _write(descriptor: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written
