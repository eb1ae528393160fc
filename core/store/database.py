"""The SQLite file: its writer connection, and the creation of a store.

Called by the engine at its start; `readers` opens the connections for reading.
"""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from core.files.kinds import exists
from core.host import file_size_limit
from core.logs import get_logger
from core.model.errors import Unavailable
from core.model.values import INBOX, INBOX_STAGE
from core.store.sql import decode
from core.store.tables.schema import metadata
from core.store.version import SCHEMA_VERSION, broken, refuse_version

_log = get_logger(__name__)
_SEED = (
    "INSERT INTO engine (id, store_id, epoch) VALUES (1, lower(hex(randomblob(8))), 0)",
    "INSERT INTO queue (name) VALUES ('default')",
    f"""INSERT INTO job (id, name, status, on_task_failure, created_at, started_at)
    VALUES ({INBOX}, 'inbox', 'running', 'continue', :now, :now)""",
    f"""INSERT INTO stage (id, job_id, position, name, status, open_tasks, first_task, last_task)
    VALUES ({INBOX_STAGE}, {INBOX}, 0, 'inbox', 'open', 0, 0, 0)""",
)
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
_OF_THE_ROWS = (
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_RANGE,
)
"""Primary codes of errors that concern the rows at hand; any other is trouble of the file or disk."""
_ROW_TEXTS = ("malformed JSON", "integer overflow")
"""The same by what SQLite says, where its code is that of any error of a statement."""
UNFINISHED = ".compact-part"
"""Behind the name of a store: what a rewrite that was killed has left (`compacting`)."""
INCREMENTAL = 2
"""Of `PRAGMA auto_vacuum`: a store that was made so, or rewritten by `compact`."""
_ENDS = ("", "-wal", "-journal", "-shm")
"""Of the names of the files that SQLite writes for one store."""
_ONE_WRITE = 65_536
"""More bytes than SQLite writes at once."""
_OF_ROWS = re.compile(r"CHECK constraint failed in|(NULL|NUMERIC|TEXT) value in")
"""What `PRAGMA quick_check` says of rows, not of the file."""
_VERDICTS = 20
_NAMES_ROWS = "'taskdeck doctor' names it"
_CHECKPOINT_PAGES = 4_000
"""Pages (16 MiB) of the WAL before it is written back, which costs the commit at hand two more syncs."""


def open_writer(path: Path, *, synchronous: str, now: int) -> sqlite3.Connection:
    """Open the store for its one writer, making it when the file is new or empty.

    The caller owns the engine lock and has brought an older store up (`upgrade`). Raises `Unavailable`:
    `store.newer`, `store.older`, `store.broken`, `store.full`, `store.unreadable`.
    """
    _create_private(path)
    path.with_name(path.name + UNFINISHED).unlink(missing_ok=True)
    connection = _connect(path, synchronous)
    try:
        _bring_up(connection, path, now)
    except sqlite3.DatabaseError as error:
        # Before it is closed, which removes files whose sizes may tell why.
        refusal = refuse_file(path, error)
        connection.close()
        raise refusal from error
    except BaseException:
        connection.close()
        raise
    return connection


def refuse_file(path: Path, error: BaseException) -> Unavailable:
    """Say why SQLite could not use a file: a limit of its size, no room, a disk that fails, or no store."""
    limited = limited_file(path, error)
    if limited is not None:
        return limited
    if is_full(error):
        return full()
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
        return Unavailable(
            "store.io",
            f"the disk of {path} does not do what it is asked: {error}",
            hint="check the disk and its free space, then try again; the store may be sound",
            facts={"store": str(path), "reason": str(error)},
        )
    return broken(path, error)


def limited_file(path: Path, error: BaseException, *, is_undone: bool = False) -> Unavailable | None:
    """Say that a file is as large as this process may make one; None = SQLite failed for something else.

    SQLite tells of no such limit: it is an I/O error like any other, and the size of the file decides. That
    tells nothing where all that was written `is_undone`: then each such error is taken for the limit.
    """
    limit = file_size_limit()
    if limit is None or not is_of_disk(error):
        return None
    files = [path.with_name(path.name + end) for end in _ENDS]
    size = max((file.stat().st_size for file in files if exists(file)), default=0)
    if not is_undone and size + _ONE_WRITE <= limit:
        return None
    return Unavailable(
        "store.file_limit",
        f"{path} cannot grow: files may have {limit:,} bytes at the most where this runs (`ulimit -f`)",
        hint="raise `ulimit -f` (LimitFSIZE of a unit) and start it again, or"
        " 'prlimit --fsize=unlimited --pid PID'; nothing is lost",
        facts={"store": str(path), "limit": limit},
    )


def limited_store(connection: sqlite3.Connection, error: BaseException) -> Unavailable | None:
    """Say the same of the file of an open store; None also where that cannot be found out. Never raises."""
    if file_size_limit() is None:
        return None
    try:
        return limited_file(Path(connection.execute("PRAGMA database_list").fetchone()[2]), error)
    except (sqlite3.Error, OSError):
        # What follows is told of the first error.
        return None


def is_of_disk(error: BaseException) -> bool:
    """Return whether the disk took or gave nothing, for whatever reason."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)


def is_full(error: BaseException) -> bool:
    """Return whether the disk had no room for what was to be written."""
    return getattr(error, "sqlite_errorcode", None) in _FULL


def is_trouble(error: Exception) -> bool:
    """Return whether an error is the file's, the disk's or the machine's, not one of the rows at hand."""
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    return str(error) not in _ROW_TEXTS and getattr(error, "sqlite_errorcode", 0) & 0xFF not in _OF_THE_ROWS


def full() -> Unavailable:
    """Say that the disk is full, and that nothing is lost by it."""
    return Unavailable(
        "store.full",
        "the disk of the store is full: nothing can be recorded",
        hint="free space there; nothing is lost. A running engine then continues; else run this again",
    )


def sqlite_version() -> str:
    """Return the version of the SQLite library in use."""
    return sqlite3.sqlite_version


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open store; 0 = empty."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _create_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise Unavailable(
            "store.unreadable",
            f"cannot open {path}: {error.strerror}",
            hint="choose another --home or fix the permissions",
            facts={"store": str(path), "reason": error.strerror or ""},
        ) from error


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.text_factory = decode
    try:
        connection.execute("PRAGMA busy_timeout = 60000")
        # The first read of the file: a foreign or damaged one fails here.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if synchronous == 'NORMAL' else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise refuse_file(path, error) from error
    return connection


def _bring_up(connection: sqlite3.Connection, path: Path, now: int) -> None:
    version = version_of(connection)
    if version == SCHEMA_VERSION:
        _check(connection, path)
        return
    if version:
        raise refuse_version(path, version)
    if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise broken(path, sqlite3.DatabaseError("it holds tables of another program"))
    # Before anything is written: what is deleted can be given back to the disk, a few pages at a time.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    fill(connection, now=now)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a damaged file; large stores are checked by `doctor` instead of at each start."""
    connection.execute("PRAGMA journal_mode = WAL")
    if path.stat().st_size > 64 * 2**20:
        return
    for (verdict,) in connection.execute(f"PRAGMA quick_check({_VERDICTS})"):
        if _OF_ROWS.match(verdict):
            # Other rows can be used, and what these are needed for is set aside.
            _log.error("a row breaks a rule of its table", rule=verdict, hint=_NAMES_ROWS)
        elif verdict != "ok":
            raise broken(path, sqlite3.DatabaseError(str(verdict)))


def seed(connection: sqlite3.Connection, *, now: int) -> None:
    """Insert the rows that every store has, of any schema version."""
    for statement in _SEED:
        connection.execute(statement, {"now": now})


def fill(connection: sqlite3.Connection, *, now: int) -> None:
    """Make an empty file a store of this schema version."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in ddl():
            connection.execute(statement)
        seed(connection, now=now)
        # What is put into a new store is known to go one day: nothing needs a notice first.
        connection.execute("INSERT INTO retention (id, noticed_at, applied_at) VALUES (1, ?1, ?1)", (now,))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        # A full disk has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def ddl() -> list[str]:
    """Return the statements that make an empty store, compiled from the schema."""
    dialect = sqlite.dialect()
    statements = []
    for table in metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        statements += [
            str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)
        ]
    return statements
