"""Output cap: drops the middle of a growing file, as a hole.

Used by `ChildExecutor` and by the engine.
"""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from core.files.untrusted import open_regular
from core.model.plans import OnOverflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
_BLOCK = 4096
_UNSUPPORTED = frozenset({errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCap:
    """How much of each stream of an attempt is kept, in bytes; a running child may pass it for a moment."""

    size: int = 64 * 1024 * 1024
    policy: OnOverflow = OnOverflow.DROP_MIDDLE


def drop_middle(path: Path, cap: int) -> bool:
    """Free the middle of a file above `cap` bytes; head and tail, half each, keep their offsets.

    Returns False if the file system cannot punch holes. Whole blocks are freed, so that up to two
    blocks more than the cap stay.
    """
    descriptor = open_regular(path, os.O_RDWR)
    try:
        size = os.fstat(descriptor).st_size
        start = -(-(cap // 2) // _BLOCK) * _BLOCK
        end = (size - cap // 2) // _BLOCK * _BLOCK
        if size <= cap or end <= start:
            return True
        if _fallocate()(descriptor, _PUNCH_HOLE | _KEEP_SIZE, start, end - start) == 0:
            return True
        number = ctypes.get_errno()
        if number in _UNSUPPORTED:
            return False
        raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


@cache
def _fallocate() -> Callable[[int, int, int, int], int]:
    libc = ctypes.CDLL(None, use_errno=True)
    # Plain fallocate takes 32-bit offsets on some machines; not every libc has the other name.
    function = getattr(libc, "fallocate64", None) or libc.fallocate
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    function.restype = ctypes.c_int

    def call(descriptor: int, mode: int, offset: int, length: int) -> int:
        return int(function(descriptor, mode, offset, length))

    return call
