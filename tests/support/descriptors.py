"""Descriptors that something may be read from."""

from __future__ import annotations

import select


def is_readable(descriptor: int, seconds: float | None) -> bool:
    """Return whether there is something to read, or the end, within a time; None = wait for it.

    `select` takes no descriptor from 1024 on, which a worker with many tests behind it may have.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1_000))
