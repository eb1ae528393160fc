"""SecondRun: a command that only reads, run again without damaged rows.

What answers hold is looked at only once one could not be shown. `main` then runs the command again,
`reading` leaves the damaged rows out, and `output` writes only what goes beyond the first run.
"""

from __future__ import annotations

from typing import AnyStr
from zlib import crc32

from core.model.errors import TaskdeckError, Unavailable

_GARBLED = ("engine.crashed", "engine.garbled")
"""Codes of answers of an engine that one damaged row may be the reason of."""


class SecondRun:
    """Whether the command of this process runs again, and what its first run wrote to standard output."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Know nothing: a command begins."""
        self.reads = False
        """It reads a store of this machine."""
        self.changes = False
        """It may have changed something: it is not run twice."""
        self.cause: Exception | None = None
        """What the first run failed with; None = this is the first."""
        self._length = self._checksum = 0
        """Of what the first run wrote; in a second run `_length` is what it has not come to yet."""
        self._checksum_again = 0

    def begin(self, error: Exception) -> bool:
        """Begin where a damaged row may be the reason of an error; False = the command ends with it."""
        if self.cause is not None or not self.reads or self.changes:
            return False
        if isinstance(error, TaskdeckError) and error.code not in _GARBLED:
            return False
        self.cause = error
        return True

    def unwritten(self, piece: AnyStr) -> AnyStr:
        """Return of what is about to be written what the first run did not write; raise as `end` does."""
        if self.cause is None:
            self._length += len(piece)
            self._checksum = _checksum(piece, self._checksum)
            return piece
        known, new = piece[: self._length], piece[self._length :]
        if known:
            self._length -= len(known)
            self._checksum_again = _checksum(known, self._checksum_again)
            if not self._length and self._checksum_again != self._checksum:
                raise _differs()
        return new

    def end(self) -> None:
        """Raise `Unavailable` (`store.row`) where the first run wrote what the second did not."""
        if self.cause is not None and self._length:
            self._length = 0
            raise _differs()


def _checksum(piece: str | bytes, before: int) -> int:
    return crc32(piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogatepass"), before)


def _differs() -> Unavailable:
    return Unavailable(
        "store.row",
        "a part of what was written came of damaged rows: it is another without them",
        hint="'taskdeck doctor' names what is damaged",
    )


second_run = SecondRun()
"""That of this process."""
