"""Readers: a few connections to the store that can never write.

Used by the reports.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import URL, event
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import LRUCache

from core.filters.patterns import compile_pattern
from core.host import free_bytes
from core.model.errors import Invalid, Unavailable
from core.model.shortages import shortage
from core.model.values import ID_MAX
from core.store.database import full, refuse_file
from core.store.reader_driver import Ends, ReaderDriver, open_driver
from core.store.reader_pool import ReaderPool
from core.store.sql import decode
from core.store.version import SCHEMA_VERSION, broken, refuse_version

SEARCH_LIMIT = 5.0
"""Seconds of processor time that the regular expressions of one snapshot may take."""
_BUSY_MS = 5_000
TURN_SECONDS = 30
"""How long a snapshot that a client asked for waits for its turn; who asks is told, and may ask again."""
ENGINE_TURN_SECONDS = 600
"""The same of an engine's own: thousands of tasks that begin at once read their inputs in turn."""
_RANGE = f"the largest is {ID_MAX}"
_SEARCHES = "searches"
_WITH_TABLES = ("PRAGMA query_only = OFF", "PRAGMA temp_store = MEMORY")
"""Lets a connection have temporary tables; it was opened for reading only, whatever this says."""
_COMPILED: LRUCache[Any, Any] = LRUCache(1_000)
"""What SQLAlchemy made of statements, the same for all readers of this process."""
_NAMED_INDEX = re.compile(r"\sINDEXED BY \w+")
_SHUT = ("unable to open", "readonly", "read-only", "not authorized", "access permission")


class _Driver(Protocol):
    """What is used of an aiosqlite connection."""

    text_factory: object

    async def create_function(self, name: str, arity: int, function: object, *, deterministic: bool) -> None:
        """Register a function of SQL."""


class Readers:
    """A small pool of read-only connections on the store; made at first use, never migrating.

    Works while an engine writes and when none runs. Belongs to the event loop of its first use. A snapshot
    waits at most `turn` seconds for a connection. `views` = statements that make temporary views, which stand
    for the tables of their names.
    """

    def __init__(
        self, path: Path, *, size: int = 4, turn: float = TURN_SECONDS, views: Sequence[str] = ()
    ) -> None:
        self.path = path
        self._turn = turn
        self._ends: Ends = set()
        prepared = (*_WITH_TABLES, *views) if views else ()
        self._pool = ReaderPool(partial(_make_engine, path, size, self._ends, turn=turn, prepared=prepared))
        self._workspace = ReaderPool(
            partial(_make_engine, path, 1, self._ends, turn=turn, prepared=prepared or _WITH_TABLES)
        )
        self._lent: dict[int, float] = {}
        self._numbers = itertools.count()

    def snapshot(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection in one read transaction: all its statements see the same moment.

        Await nothing else inside: an old snapshot keeps the WAL from being checkpointed. Raises
        `Unavailable`: `store.missing`, `store.unreadable`, `store.broken`, `store.newer`,
        `store.older`, `store.busy`; `Invalid` (`filter.slow`) where regular expressions take too long.
        """
        return self._lend(self._pool)

    def workspace(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend the one connection that may have temporary tables, as `snapshot` does; commit keeps them.

        They stay until the readers are closed or the connection breaks. The store is read-only here, too.
        """
        return self._lend(self._workspace)

    def oldest_ms(self) -> float:
        """Return how long the oldest snapshot is lent by now."""
        return (time.monotonic() - min(self._lent.values())) * 1_000 if self._lent else 0

    async def close(self) -> None:
        """Close all connections, also those that were given up; the next snapshot opens new ones."""
        await self._pool.close()
        await self._workspace.close()
        loop = asyncio.get_running_loop()
        if ends := {end for end in self._ends if end.get_loop() is loop}:
            await asyncio.wait(ends)

    @asynccontextmanager
    async def _lend(self, pool: ReaderPool) -> AsyncIterator[AsyncConnection]:
        check_there(self.path)
        searches: SearchTime | None = None
        try:
            async with pool.lend() as connection:
                searches = _searches(connection.sync_connection)
                number = next(self._numbers)
                self._lent[number] = time.monotonic()
                try:
                    yield connection
                finally:
                    del self._lent[number]
        except OverflowError as error:
            raise Invalid("number.range", "a number is larger than any id or time", hint=_RANGE) from error
        except DatabaseError as error:
            if searches is not None and searches.is_over():
                raise _slow_search() from error
            raise refuse_reading(self.path, error.orig or error) from error
        except (MemoryError, RuntimeError) as error:
            # A connection has a thread of its own.
            short = shortage(error)
            if short is None:
                raise
            raise short from error
        except PoolTimeout as error:
            raise _crowded(self.path, self._turn) from error


def open_readonly(path: Path) -> sqlite3.Connection:
    """Open the store for reading on this thread, with the same refusals as `Readers.snapshot`."""
    check_there(path)
    try:
        connection = sqlite3.connect(store_uri(path) + "?mode=ro", uri=True, isolation_level=None)
        connection.text_factory = decode
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA query_only = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise refuse_reading(path, error) from error
    refusal = _judge(path, version, tables)
    if refusal is not None:
        connection.close()
        raise refusal
    return connection


def refuse_reading(path: Path, error: BaseException) -> Unavailable:
    """Say why SQLite could not read: no permission, locked, or not a store."""
    text = str(error)
    if any(word in text for word in _SHUT):
        # SQLite cannot open its index of the WAL where it has no room for it.
        return full() if _has_no_room(path) else _unreadable(path, text)
    if "locked" in text:
        return _busy(path)
    return refuse_file(path, error)


class SearchTime:
    """The SQL function `regexp` of one connection; it has a limit of time for each snapshot."""

    def __init__(self) -> None:
        self.spent = 0.0
        """Seconds of processor time since the snapshot began."""

    def begin(self) -> None:
        """Start counting from zero."""
        self.spent = 0.0

    def regexp(self, pattern: bytes, subject: bytes | None) -> bool | None:
        """Tell whether a pattern is found in a text; NULL stays NULL. Over the limit it raises."""
        if subject is None:
            return None
        if self.is_over():
            raise TimeoutError
        started = time.thread_time()
        found = compile_pattern(decode(pattern)).found_in_bytes(subject)
        self.spent += time.thread_time() - started
        return found

    def is_over(self) -> bool:
        """Return whether the limit is reached."""
        return self.spent > SEARCH_LIMIT


def _make_engine(
    path: Path, size: int, ends: Ends, *, turn: float, prepared: Sequence[str] = ()
) -> AsyncEngine:
    def connect() -> sqlite3.Connection:
        # Closed by the collector, if by nothing else, on a thread of its own.
        return sqlite3.connect(
            f"{store_uri(path)}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_MS / 1000,
            check_same_thread=False,
        )

    dialect = _dialect()
    pool = AsyncAdaptedQueuePool(
        lambda: dialect.loaded_dbapi.connect(async_creator_fn=partial(open_driver, connect, ends)),
        dialect=dialect,
        pool_size=size,
        max_overflow=0,
        timeout=turn,
        # The one that was used last knows the statements, and the others need not be opened.
        use_lifo=True,
    )
    url = URL.create("sqlite+aiosqlite", database=str(path))
    engine = Engine(pool, dialect, url, execution_options={"compiled_cache": _COMPILED})

    def prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        searches = entry.info[_SEARCHES] = SearchTime()
        _prepare(connection, path, searches)
        cursor = connection.cursor()
        for statement in prepared:
            cursor.execute(statement)
        cursor.close()

    event.listen(pool, "connect", prepare)
    event.listen(engine, "begin", _begin)
    if len(prepared) > len(_WITH_TABLES):
        event.listen(engine, "before_cursor_execute", _without_indexes, retval=True)
    return AsyncEngine(engine)


@cache
def _dialect() -> SQLiteDialect_aiosqlite:
    return SQLiteDialect_aiosqlite(dbapi=SQLiteDialect_aiosqlite.import_dbapi())


def _begin(connection: Connection) -> None:
    # The driver is in autocommit mode; without this each statement would see its own moment.
    driver = connection.connection.driver_connection
    assert isinstance(driver, ReaderDriver)
    driver.begin()
    searches = _searches(connection)
    if searches is not None:
        searches.begin()


def _without_indexes(
    connection: Connection, cursor: object, statement: str, parameters: object, *more: object
) -> tuple[str, object]:
    """Take the indexes out that a statement names: a view has none, the table behind it uses its own."""
    del connection, cursor, more
    return _NAMED_INDEX.sub("", statement), parameters


def _searches(connection: Connection | None) -> SearchTime | None:
    return None if connection is None else connection.info.get(_SEARCHES)


def _prepare(connection: DBAPIConnection, path: Path, searches: SearchTime) -> None:
    async def register(driver: _Driver) -> None:
        driver.text_factory = decode
        await driver.create_function("regexp", 2, searches.regexp, deterministic=True)

    try:
        connection.run_async(register)
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("PRAGMA user_version")
        (version,) = cursor.fetchall()[0]
        cursor.execute("SELECT count(*) FROM sqlite_master")
        (tables,) = cursor.fetchall()[0]
        cursor.close()
        refusal = _judge(path, version, tables)
        if refusal is not None:
            raise refusal
    except sqlite3.DatabaseError as error:
        connection.close()
        raise refuse_reading(path, error) from error
    except BaseException:
        # The pool forgets a connection whose preparation failed; its thread would stay.
        connection.close()
        raise


def _judge(path: Path, version: int, tables: int) -> Unavailable | None:
    if version == SCHEMA_VERSION and tables:
        return None
    if version:
        return refuse_version(path, version)
    if tables:
        return broken(path, "it holds tables of another program")
    # As an engine leaves it that ended in its first moments.
    hint = "the next engine that starts fills it; if it had jobs before, restore a backup"
    return broken(path, "it is empty", hint=hint)


def store_uri(path: Path) -> str:
    return "file:" + quote(os.fsencode(path.absolute()), safe="/")


def check_there(path: Path) -> None:
    """Raise `Unavailable`: `store.missing`, or `store.unreadable` where that cannot be known."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise _missing(path) from error
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error


def _has_no_room(path: Path) -> bool:
    try:
        return not free_bytes(path.parent)
    except OSError:
        return False


def _unreadable(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        "store.unreadable",
        f"cannot read {path}: {reason}",
        hint="readers need write permission on its directory while no engine is running; or fix --home",
        facts={"store": str(path), "reason": reason},
    )


def _missing(path: Path) -> Unavailable:
    return Unavailable(
        "store.missing",
        f"no store found at {path}",
        hint="run something first ('taskdeck run FILE'), or name its directory with --home",
        facts={"store": str(path)},
    )


def _slow_search() -> Invalid:
    return Invalid(
        "filter.slow",
        f"the regular expression takes more than {SEARCH_LIMIT:g} s for the rows it is asked of",
        hint="make it simpler, or add terms that leave fewer rows: `status:failed`, `age<1d`",
        facts={"seconds": SEARCH_LIMIT},
    )


def _crowded(path: Path, seconds: float) -> Unavailable:
    return Unavailable(
        "store.busy",
        f"too many reads of {path} at once: this one waited {seconds:g} s for its turn",
        hint="try again; close other clients, or ask for fewer rows with a filter such as `age<1d`",
        facts={"store": str(path), "seconds": seconds},
    )


def _busy(path: Path) -> Unavailable:
    return Unavailable(
        "store.busy",
        f"{path} is locked by another program",
        hint="try again, or find who holds it with 'lsof'",
        facts={"store": str(path)},
    )
