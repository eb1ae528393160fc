"""Keep the body of a response in a file: decoded, capped, private.

Used by the connector `http`.
"""

from __future__ import annotations

import os
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from core.model.masking import Masker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILE = "body"
"""Name of the file in the attempt directory."""
HEAD_BYTES = 256 * 1024
"""Bytes from the start of the body that are kept in memory for the output."""
_PIECE = 64 * 1024
_GZIP = b"\x1f\x8b"


class BodyTooLarge(Exception):
    """Raised when a decoded body exceeds its cap."""


class BodyBroken(Exception):
    """Raised when a body is not packed as its headers say, or ends too early."""


class Body:
    """A body on its way into a file; `head` holds its first `HEAD_BYTES`, `size` what was written."""

    def __init__(self, stream: IO[bytes], *, encoding: str, cap: int) -> None:
        """Take a file, the Content-Encoding, and the most bytes to write; raise `BodyBroken` for others."""
        self._stream = stream
        self._encoding = encoding.strip().lower()
        self._unpacker = _unpacker(self._encoding)
        self._begun = False
        self._cap = cap
        self.head = bytearray()
        self.size = 0
        self.problem: str | None = None
        """Why the body is not what the server packed; None = it is."""
        self.masker: Masker | None = None
        """Takes secrets out that the server sends back; None = the call has none."""

    def feed(self, raw: bytes) -> None:
        """Unpack and write a piece as it came from the wire.

        Raises `BodyTooLarge`, `BodyBroken`, OSError. A bomb is unpacked piece by piece, never as a whole.
        """
        self._begun = self._begun or bool(raw)
        if self._unpacker is None:
            self._write(raw)
            return
        try:
            self._unpack(raw)
        except zlib.error as error:
            raise BodyBroken(f"the body cannot be unpacked: {error}") from error

    def finish(self) -> None:
        """Raise `BodyBroken` where the end of a packed body is missing."""
        if self._unpacker is not None and self._begun and not self._unpacker.eof:
            raise BodyBroken("the packed body ends too early")

    def _unpack(self, raw: bytes) -> None:
        while self._unpacker is not None:
            if self._unpacker.eof:
                # Gzip files may be joined; anything else behind the end is padding.
                if not raw.startswith(_GZIP):
                    return
                self._unpacker = _unpacker(self._encoding)
                continue
            unpacker = self._unpacker
            piece = unpacker.decompress(raw, _PIECE)
            self._write(piece)
            raw = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            # A full piece: more may be pending inside, even without input.
            if not raw and len(piece) < _PIECE:
                return

    def _write(self, piece: bytes) -> None:
        self._keep(piece if self.masker is None else self.masker.feed(piece))

    def end(self) -> None:
        """Write what was held back: nothing more comes."""
        if self.masker is not None:
            self._keep(self.masker.flush())

    def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._cap:
            raise BodyTooLarge
        self._stream.write(piece)
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]


class LenientBody(Body):
    """A body that is kept as far as it can be unpacked, or else as it came; it never raises `BodyBroken`.

    For answers to requests that must not be sent again.
    """

    def __init__(self, stream: IO[bytes], *, encoding: str, cap: int) -> None:
        """Take any Content-Encoding; a body in one that was not asked for is kept packed."""
        try:
            super().__init__(stream, encoding=encoding, cap=cap)
        except BodyBroken as error:
            super().__init__(stream, encoding="", cap=cap)
            self.problem = str(error)

    def feed(self, raw: bytes) -> None:
        """Unpack and write a piece; what follows a broken one is left out, unless nothing was written."""
        if self.problem is not None and self._unpacker is not None:
            return
        try:
            super().feed(raw)
        except BodyBroken as error:
            self.problem = str(error)
            if not self.size:
                self._unpacker = None
                super().feed(raw)

    def finish(self) -> None:
        """Note where the end of a packed body is missing."""
        try:
            super().finish()
        except BodyBroken as error:
            self.problem = self.problem or str(error)


@contextmanager
def open_body(
    directory: Path, kind: type[Body], *, encoding: str, cap: int, masks: Sequence[bytes] = ()
) -> Iterator[Body]:
    """Open the file of a body, 0600 and empty; it stays, with what came, also when the call fails.

    Without the secrets that `masks` are the forms of.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(directory / FILE, flags, 0o600), "wb") as stream:
        body = kind(stream, encoding=encoding, cap=cap)
        body.masker = Masker(masks) if masks else None
        yield body


def _unpacker(encoding: str) -> zlib._Decompress | None:
    match encoding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        case "deflate":
            return zlib.decompressobj()
        case _:
            raise BodyBroken(f"the body is packed as {encoding[:40]!a}, which was not asked for")
