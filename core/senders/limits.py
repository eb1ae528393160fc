"""Limit: the end of a conversation, however slow the other side is.

Used by `webhook` and `mail`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_AGAIN_SECONDS = 0.5


class Limit:
    """Whether the time of a conversation is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.is_over = False

    def reason_of(self, error: Exception) -> str:
        """Return why a conversation failed; quotes nothing that was said."""
        if self.is_over or isinstance(error, TimeoutError):
            return f"no answer within {self._seconds:g} s"
        return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__


@contextmanager
def bounded(seconds: float, connection: Callable[[], socket.socket | None]) -> Iterator[Limit]:
    """Break a connection off when its time is over.

    Time-outs of sockets are for each piece: a server that sends one now and then would never be left.
    """
    limit, done = Limit(seconds), threading.Event()
    watch = threading.Thread(target=_watch, args=(limit, seconds, connection, done), daemon=True)
    watch.start()
    try:
        yield limit
    finally:
        done.set()
        watch.join()


def _watch(
    limit: Limit, seconds: float, connection: Callable[[], socket.socket | None], done: threading.Event
) -> None:
    while not done.wait(_AGAIN_SECONDS if limit.is_over else seconds):
        limit.is_over = True
        found = connection()
        if found is not None:
            with suppress(OSError):
                # Not that of TLS, which takes its state away from the thread that reads.
                socket.socket.shutdown(found, socket.SHUT_RDWR)
