"""Upgrade an older store, revision by revision, keeping a copy.

Called by hosting before an engine opens the store.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from core.model.crash_points import crash_point
from core.model.decisions import FamilyOf
from core.model.errors import Bug, TaskdeckError, Unavailable
from core.store.database import fill, refuse_file, seed, version_of
from core.store.sql import decode, pack
from core.store.store_copy import check_room, copy_store
from core.store.tables.schema import metadata
from core.store.version import SCHEMA_VERSION

MIGRATIONS = Path(__file__).parent / "migrations"
"""The Alembic environment; revision `0001` is schema version 1, and so on."""

# The schema version in the file's header is the only truth; Alembic sees it through a table of its own
# that shadows nothing and is gone with the upgrade.
_NOTE = "CREATE TEMP TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
_STEPS = 1_000_000
"""Instructions of SQLite between two looks at whether to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Who is told how far an upgrade is, and what makes it stop."""

    tell: Callable[[str], None]
    stop: Event
    """Once set, the upgrade ends with `Unavailable` (`store.upgrade_stopped`), and the store is as it was."""


def upgrade_store(path: Path, progress: Progress, *, family_of: FamilyOf) -> None:
    """Bring a store file of an older version to this one, keeping a copy beside it; another is left alone.

    The caller owns the engine lock. Whatever happens, the store is afterwards what it was or whole in the
    new version. Raises `Unavailable`: `store.upgrade_room`, `store.upgrade_stopped`, `store.full`,
    `store.file_limit`, `store.io`, `store.broken`, and `Bug` (`store.upgrade_broken`).
    """
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = decode
    try:
        connection.execute("PRAGMA busy_timeout = 60000")
        connection.execute("PRAGMA synchronous = FULL")
        version = version_of(connection)
        if 0 < version < SCHEMA_VERSION:
            _upgrade(connection, path, progress, family_of=family_of)
    except sqlite3.Error as error:
        raise _refusal(path, error, progress) from error
    finally:
        connection.close()


def _upgrade(connection: sqlite3.Connection, path: Path, progress: Progress, *, family_of: FamilyOf) -> None:
    crash_point("upgrade.begun")
    version = version_of(connection)
    check_room(path)
    progress.tell(f"bringing {path} from schema version {version} up to {SCHEMA_VERSION}")
    copy = copy_store(connection, path, version=version, progress=progress.tell, stop=progress.stop)
    crash_point("upgrade.copied")
    progress.tell(
        f"a copy of the store as it was is kept in {copy}; delete it when you do not need it any more"
    )
    connection.set_progress_handler(progress.stop.is_set, _STEPS)
    try:
        upgrade(connection, family_of=family_of)
    finally:
        connection.set_progress_handler(None, _STEPS)
    crash_point("upgrade.committed")
    # Who looks at the header of the file alone must see the new version.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    progress.tell(f"{path} has schema version {SCHEMA_VERSION} now")


def _refusal(path: Path, error: sqlite3.Error, progress: Progress) -> TaskdeckError:
    if progress.stop.is_set():
        return Unavailable(
            "store.upgrade_stopped",
            f"bringing {path} up was stopped",
            hint="the store is as it was; start again",
            facts={"store": str(path)},
        )
    return refuse_file(path, error)


def upgrade(connection: sqlite3.Connection, *, family_of: FamilyOf) -> None:
    """Bring an open store from its schema version to `SCHEMA_VERSION` in one transaction.

    The connection is in autocommit, under the engine lock, and may be of an empty file (version 0). All or
    nothing: after any error the store is as it was. Raises `Bug` `store.upgrade_broken` if rows would point
    to nothing afterwards, or tables be others than ours; errors of SQLite travel on.
    """
    _add_function(connection, family_of)
    (enforced,) = connection.execute("PRAGMA foreign_keys").fetchone()
    # Rebuilding a table would delete what refers to it; the check before the commit takes its place.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        with _transaction(connection) as bound:
            _carry_out(bound, SCHEMA_VERSION)
            crash_point("upgrade.migrated")
    finally:
        connection.execute(f"PRAGMA foreign_keys = {'ON' if enforced else 'OFF'}")


def create_version(connection: sqlite3.Connection, version: int, *, family_of: FamilyOf) -> None:
    """Make the tables of a schema version, up to `SCHEMA_VERSION`, in an empty file."""
    if version == SCHEMA_VERSION:
        fill(connection, now=0)
        return
    _add_function(connection, family_of)
    with _transaction(connection) as bound:
        _carry_out(bound, version)
        seed(connection, now=0)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[Connection]:
    """Lend a connection as migrations want it, in one transaction; its errors stay those of SQLite."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    try:
        with engine.connect() as bound:
            bound.exec_driver_sql("BEGIN IMMEDIATE")
            yield bound
            bound.commit()
    except DBAPIError as error:
        raise error.orig or error from error


def _add_function(connection: sqlite3.Connection, family_of: FamilyOf) -> None:
    def family(error: str) -> str:
        id_, code, pattern = family_of(json.loads(error))
        return pack({"id": id_, "code": code, "pattern": pattern})

    connection.create_function("family_of", 1, family, deterministic=True)


def configuration(bound: Connection) -> Config:
    """Return Alembic's configuration for a connection in a transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = bound
    return config


def _carry_out(bound: Connection, to: int) -> None:
    version = bound.exec_driver_sql("PRAGMA user_version").scalar_one()
    bound.exec_driver_sql(_NOTE)
    if version:
        bound.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (f"{version:04d}",))
    command.upgrade(configuration(bound), f"{to:04d}")
    bound.exec_driver_sql("DROP TABLE temp.alembic_version")
    dangling = bound.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if dangling:
        raise Bug(
            "store.upgrade_broken",
            f"bringing the store up from version {version} left rows that point to nothing",
            hint="the store is untouched; report this",
            facts={"rows": len(dangling), "table": dangling[0][0]},
        )
    if to == SCHEMA_VERSION:
        _compare_columns(bound, version)
    bound.exec_driver_sql(f"PRAGMA user_version = {to}")


def _compare_columns(bound: Connection, version: int) -> None:
    """Refuse a store that was not what its version says: some code that was never released wrote such."""
    for table in metadata.sorted_tables:
        found = {row[1] for row in bound.exec_driver_sql(f"PRAGMA table_info({table.name})")}
        missing = sorted(set(table.columns.keys()) - found)
        if missing:
            raise Bug(
                "store.upgrade_broken",
                f"the store says version {version}, but was between: {table.name} is without {missing[0]}",
                hint="the store is untouched; report this, with the taskdeck that wrote it",
                facts={"table": table.name, "missing": list(missing)},
            )
