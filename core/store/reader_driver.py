"""A connection for reading whose end can be awaited.

Made by `core.store.readers` for its pools.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Self

import aiosqlite

_ROWS_AT_ONCE = 64
_Row = tuple[Any, ...]
_Answer = tuple[_Row | None, list[_Row]]
"""The description of the columns, None = it has none, and the rows."""
Ends = set[asyncio.Future[object]]
"""What is done when the thread of a connection has closed it."""


class WholeAnswer:
    """A cursor whose statement and rows cost one call of the connection's thread, not four.

    Several short statements make a page of the console; the calls took longer than the reading.
    """

    rowcount = -1
    lastrowid = None
    arraysize = 1

    def __init__(self, ask: Callable[..., Awaitable[_Answer]]) -> None:
        self._ask = ask
        self.description: _Row | None = None
        self._rows: list[_Row] = []

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[object] = ()) -> Self:
        """Carry a statement out and keep all its rows. Raises what SQLite does."""
        self.description, self._rows = await self._ask(statement, parameters)
        return self

    async def fetchall(self) -> list[_Row]:
        """Hand the rows over."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Forget the rows: the statement has ended."""
        self._rows = []


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
        self._is_to_begin = False

    def begin(self) -> None:
        """Let the next statement begin a transaction, in the same call of the thread."""
        self._is_to_begin = True

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

    def cursor(self) -> WholeAnswer:  # type: ignore[override] # What SQLAlchemy uses of a cursor.
        """Return a cursor for one statement."""
        return WholeAnswer(self._answer)

    async def _answer(self, statement: str, parameters: Sequence[object]) -> _Answer:
        answer = _begin_and_answer if self._is_to_begin else _answer_at_once
        self._is_to_begin = False
        return await self._execute(answer, self._sqlite, statement, parameters)  # type: ignore[no-any-return, no-untyped-call]

    def _connect_sqlite(self) -> sqlite3.Connection:
        self._sqlite = self._open()
        return self._sqlite

    def _interrupt(self) -> None:
        # Closed already: there is nothing to interrupt.
        with suppress(sqlite3.ProgrammingError):
            if self._sqlite is not None:
                self._sqlite.interrupt()


def _answer_at_once(connection: sqlite3.Connection, statement: str, parameters: Sequence[object]) -> _Answer:
    cursor = connection.execute(statement, parameters)
    return cursor.description, cursor.fetchall()


def _begin_and_answer(
    connection: sqlite3.Connection, statement: str, parameters: Sequence[object]
) -> _Answer:
    connection.execute("BEGIN")
    return _answer_at_once(connection, statement, parameters)


async def open_driver(connect: Callable[[], sqlite3.Connection], ends: Ends) -> ReaderDriver:
    """Open a connection on a thread of its own; raise what SQLite does."""
    driver = ReaderDriver(connect, ends)
    await driver
    return driver
