"""OutputTimes: when the bytes of an output came.

Used by the readers of outputs. The collector keeps a record at most once a second, none of what came within
the first second of an attempt.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.files.untrusted import open_regular
from core.model.log_views import OutputTime

if TYPE_CHECKING:
    from pathlib import Path

_RECORD = struct.Struct("<QQ")
_SUFFIX = ".times"
_AT_ONCE_MS = 2_000
"""An output whose file was last written so soon after the begin of its attempt came all at once."""
_BEYOND = 2**63
LATEST = 250_000_000_000_000
"""No time in ms UTC is later: what a command may have written there has to be a date in every zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTimes:
    """The times of one output; `began` = when its attempt did (ms UTC)."""

    path: Path
    began: int

    def between(self, begin: int, end: int) -> tuple[OutputTime, ...]:
        """Return when the bytes between two offsets came.

        The first one is at or before `begin`. Empty = it is not known: the output is older than the records,
        or a command removed them.
        """
        try:
            descriptor = open_regular(self.path.with_name(self.path.name + _SUFFIX))
        except OSError:
            return (OutputTime(0, self.began),) if self._came_at_once() else ()
        try:
            return self._records(descriptor, begin, end)
        finally:
            os.close(descriptor)

    def _records(self, descriptor: int, begin: int, end: int) -> tuple[OutputTime, ...]:
        number = os.fstat(descriptor).st_size // _RECORD.size
        low, high = 0, number
        while low < high:
            middle = (low + high) // 2
            if _record(descriptor, middle).offset <= begin:
                low = middle + 1
            else:
                high = middle
        found = [OutputTime(0, self.began)] if low == 0 else [_record(descriptor, low - 1)]
        for index in range(low, number):
            record = _record(descriptor, index)
            if record.offset >= end:
                break
            found.append(record)
        # A command may write there: only what rises is shown.
        return tuple(one for one in found if one.at <= LATEST) if found == sorted(found) else ()

    def _came_at_once(self) -> bool:
        try:
            written = os.lstat(self.path).st_mtime_ns // 1_000_000
        except OSError:
            return False
        return abs(written - self.began) < _AT_ONCE_MS


def _record(descriptor: int, index: int) -> OutputTime:
    data = os.pread(descriptor, _RECORD.size, index * _RECORD.size)
    if len(data) < _RECORD.size:
        return OutputTime(_BEYOND, _BEYOND)
    return OutputTime(*_RECORD.unpack(data))
