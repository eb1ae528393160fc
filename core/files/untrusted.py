"""Read regular files that another program, possibly hostile, wrote.

Used by connectors and executors for what a child wrote.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_regular(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file; raise `OSError` for anything else.

    Never follows a link and never blocks on a pipe: a hostile program may have put the file there.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Data of a file between two holes; empty at the end of the file."""

    start: int
    data: bytes


def read_extent(descriptor: int, offset: int, *, limit: int) -> Extent:
    """Read the first data at or after an offset, at most `limit` bytes; holes are stepped over."""
    size = os.fstat(descriptor).st_size
    try:
        start = os.lseek(descriptor, offset, os.SEEK_DATA)
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
    except OSError:
        # ENXIO: nothing but a hole, or the end of the file.
        return Extent(start=max(offset, size), data=b"")
    return Extent(start=start, data=os.pread(descriptor, min(limit, end - start), start))


def tail_bytes(path: Path, limit: int) -> bytes:
    """Return the last `limit` bytes of a file, without its holes and without half a character in front."""
    data = _read_tail(path, limit)
    if len(data) < limit:
        return data
    # The cut may have gone through a character: drop its rest (at most three bytes).
    return data[next((i for i, byte in enumerate(data[:4]) if byte & 0xC0 != 0x80), 0) :]


def tail_text(path: Path, limit: int) -> str:
    """Return the same as text; what is not UTF-8 becomes U+FFFD."""
    return tail_bytes(path, limit).decode("utf-8", errors="replace")


def hole_bytes(path: Path) -> int:
    """Return how many bytes of a file are holes."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        at, held = 0, 0
        while at < size:
            try:
                start = os.lseek(descriptor, at, os.SEEK_DATA)
            except OSError:
                # ENXIO: nothing but a hole up to the end.
                break
            at = os.lseek(descriptor, start, os.SEEK_HOLE)
            held += at - start
    finally:
        os.close(descriptor)
    return size - held


def read_small(path: Path, limit: int) -> bytes | None:
    """Return a small file whole; None if it is absent, not a regular file, or above `limit` bytes."""
    try:
        descriptor = open_regular(path)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def _read_tail(path: Path, limit: int) -> bytes:
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        at, parts = max(0, size - limit), []
        while at < size:
            extent = read_extent(descriptor, at, limit=size - at)
            if not extent.data:
                break
            parts.append(extent.data)
            at = extent.start + len(extent.data)
    finally:
        os.close(descriptor)
    return b"".join(parts)
