"""A timer of the kernel as a descriptor.

A thread sleeps on it, and nothing wakes before it is due. Python has it from 3.13 on. Used by the watch of
the loop.
"""

from __future__ import annotations

import ctypes
import os

_CLOEXEC = 0o2000000
_MONOTONIC = 1
_NS = 1_000_000_000


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("interval", _Time), ("value", _Time))


class TimerDescriptor:
    """One timer on the monotonic clock; raises `OSError` where the kernel has none to give."""

    def __init__(self) -> None:
        # The interpreter lock is kept: the calls take less than a microsecond.
        library = ctypes.PyDLL(None, use_errno=True)
        self._settime = library.timerfd_settime
        self.fd = int(library.timerfd_create(_MONOTONIC, _CLOEXEC))
        if self.fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._off = ctypes.byref(_Timer())

    def spec(self, seconds: float) -> object:
        """Return what `arm` takes for this long; made once for a length that is used often."""
        whole, rest = divmod(round(seconds * _NS), _NS)
        return ctypes.byref(_Timer(_Time(0, 0), _Time(whole, max(rest, 1))))

    def arm(self, spec: object) -> None:
        """Ring once, so long from now on."""
        self._settime(self.fd, 0, spec, None)

    def disarm(self) -> None:
        """Do not ring."""
        self._settime(self.fd, 0, self._off, None)

    def wait(self) -> None:
        """Return when it rings."""
        os.read(self.fd, 8)

    def close(self) -> None:
        """Give the descriptor back; none may wait on it any more."""
        os.close(self.fd)
