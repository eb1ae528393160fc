"""A connection for reading whose end can be awaited.

Made by `core.store.readers` for its pools.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress

import aiosqlite

_ROWS_AT_ONCE = 64
Ends = set[asyncio.Future[object]]
"""What is done when the thread of a connection has closed it."""


class ReaderDriver(aiosqlite.Connection):
    """A connection that is stopped once, and interrupts what it reads when it is given up.

    Cancelled callers leave its thread at work: it would answer a loop that may be closed by then, and a
    second stop would be waited for without an end.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], ends: Ends) -> None:
        super().__init__(self._connect_sqlite, _ROWS_AT_ONCE)
        # An interpreter that ends does not wait for a reading.
        self._thread.daemon = True
        self._sqlite: sqlite3.Connection | None = None
        self._open = connect
        self._ends = ends
        self._end: asyncio.Future[object] | None = None

    async def close(self) -> None:
        """End what is being read, and close; the thread has ended after it."""
        self._interrupt()
        await super().close()

    def stop(self) -> asyncio.Future[object] | None:
        """Close it from its thread; return what is done then, the same each time, None without a loop."""
        self._interrupt()
        if self._end is None:
            self._end = super().stop()
            if self._end is not None:
                self._ends.add(self._end)
                self._end.add_done_callback(self._ends.discard)
        # A caller that awaits it may be cancelled; the thread answers all the same.
        return None if self._end is None else asyncio.shield(self._end)

    def _connect_sqlite(self) -> sqlite3.Connection:
        self._sqlite = self._open()
        return self._sqlite

    def _interrupt(self) -> None:
        # Closed already: there is nothing to interrupt.
        with suppress(sqlite3.ProgrammingError):
            if self._sqlite is not None:
                self._sqlite.interrupt()


async def open_driver(connect: Callable[[], sqlite3.Connection], ends: Ends) -> ReaderDriver:
    """Open a connection on a thread of its own; raise what SQLite does."""
    driver = ReaderDriver(connect, ends)
    await driver
    return driver
