"""The zip archive of a bundle while it is written.

Used by `writing`. It is only ever appended to, so that it may be a pipe.
"""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Protocol, cast

from core.app.bundles.manifest import Member

_OLDEST = (1980, 1, 1, 0, 0, 0)


class Sink(Protocol):
    """Where the bytes of an archive go."""

    def write(self, data: bytes) -> object:
        """Append."""


class Archive:
    """Writes files one after another; `files` are those that are complete."""

    def __init__(self, sink: Sink) -> None:
        self._stream = _Stream(sink)
        # It takes what has no `seek` as a pipe.
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._stream), "w", zipfile.ZIP_DEFLATED)
        self.files: dict[str, Member] = {}

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._stream.size

    @contextmanager
    def member(self, name: str) -> Iterator[MemberWriter]:
        """Lend a file to be written; its name is free."""
        at = max(_OLDEST, time.gmtime()[:6])
        info = zipfile.ZipInfo(name, date_time=at)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o100600 << 16
        with self._zip.open(info, "w", force_zip64=True) as stream:
            writer = MemberWriter(stream)
            yield writer
        self.files[name] = writer.member

    def put(self, name: str, data: bytes) -> None:
        """Write a small file at once."""
        with self.member(name) as writer:
            writer.write(data)

    def abandon(self) -> None:
        """Write nothing more, whatever `zipfile` still has to say."""
        self._stream.is_open = False

    def finish(self) -> None:
        """Write the table of contents."""
        self._zip.close()


class MemberWriter:
    """Appends to one file of the archive."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._size = 0

    @property
    def member(self) -> Member:
        return Member(size=self._size, sha256=self._digest.hexdigest())

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        self._size += len(data)
        self._stream.write(data)


class _Stream:
    """What `zipfile` writes to: no way back, and the bytes are counted."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.size = 0
        self.is_open = True

    def write(self, data: bytes) -> int:
        if self.is_open:
            # After an error the archive is closed, which writes: the first error is the one that counts.
            self.is_open = False
            self._sink.write(bytes(data))
            self.is_open = True
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: the sink flushes when all is written."""
