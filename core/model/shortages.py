"""Shortages: errors of the system that say what the machine lacks now.

Used by the executors and connectors that start something.
"""

from __future__ import annotations

import errno

from core.model.errors import MachineShort

_WHAT = {
    errno.EMFILE: ("short.descriptors", "the engine may not open more files", "raise `ulimit -n`"),
    errno.ENFILE: ("short.descriptors", "the machine may not open more files", "end what holds many files"),
    errno.EAGAIN: ("short.processes", "no more processes can be started", "raise `ulimit -u`, or end some"),
    errno.ENOMEM: ("short.memory", "the machine has no memory left", "free some, or raise `ulimit -v`"),
    errno.ENOSPC: ("short.disk", "the disk has no room for outputs", "free some room"),
    errno.EDQUOT: ("short.disk", "the disk quota of this user is used up", "free some room"),
    errno.EFBIG: ("short.file_size", "no file may grow as it has to where this runs", "raise `ulimit -f`"),
    errno.EROFS: ("short.disk", "the disk is read-only", "make it writable again"),
}

_NO_THREAD = "can't start new thread"
"""What Python says of it; the system's own error is lost there."""
NO_ROOM = frozenset({"short.disk", "short.inodes", "output.quota", "store.full"})
"""Codes of shortages that end when room is made."""


def short_of_memory() -> MachineShort:
    """Say that this process gets no more memory: the machine has none left, or a limit holds it back."""
    return MachineShort(
        "short.memory", "this process gets no more memory", hint="free some memory, or raise `ulimit -v`"
    )


def shortage(error: BaseException) -> MachineShort | None:
    """Return what the machine lacks by an error or what caused it; None for an error of another kind."""
    seen: list[BaseException] = [error]
    for one in seen:
        if isinstance(one, MemoryError):
            return short_of_memory()
        if isinstance(one, RuntimeError) and str(one) == _NO_THREAD:
            return MachineShort(
                "short.threads", "no more threads can be started", hint="raise `ulimit -v` or `ulimit -u`"
            )
        if isinstance(one, OSError) and one.errno in _WHAT:
            code, message, hint = _WHAT[one.errno]
            return MachineShort(code, message, hint=hint, facts={"errno": errno.errorcode[one.errno]})
        causes = [one.__cause__, one.__context__]
        causes += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        seen += [cause for cause in causes if cause is not None and cause not in seen]
    return None
