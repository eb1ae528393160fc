"""Upgrade an older store, revision by revision.

Used by the tests of migrations alone as long as schema version 1 is the only one.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from core.model.errors import Bug
from core.store.schema import SCHEMA_VERSION

MIGRATIONS = Path(__file__).parent / "migrations"
"""The Alembic environment; revision `0001` is schema version 1, and so on."""

# The schema version in the file's header is the only truth; Alembic sees it through a table of its own
# that shadows nothing and is gone with the upgrade.
_NOTE = "CREATE TEMP TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring an open store from its schema version to `SCHEMA_VERSION` in one transaction.

    The connection is the writer's (autocommit, under the engine lock) and may be of an empty file
    (version 0). All or nothing: after any error the store is as it was. Raises `Bug`
    `store.upgrade_broken` if rows would point to nothing afterwards; errors of SQLite travel on.
    """
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    (enforced,) = connection.execute("PRAGMA foreign_keys").fetchone()
    # Rebuilding a table would delete what refers to it; the check before the commit takes its place.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        with engine.connect() as bound:
            bound.exec_driver_sql("BEGIN IMMEDIATE")
            _carry_out(bound)
            bound.commit()
    finally:
        connection.execute(f"PRAGMA foreign_keys = {'ON' if enforced else 'OFF'}")


def configuration(bound: Connection) -> Config:
    """Return Alembic's configuration for a connection in a transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = bound
    return config


def _carry_out(bound: Connection) -> None:
    version = bound.exec_driver_sql("PRAGMA user_version").scalar_one()
    bound.exec_driver_sql(_NOTE)
    if version:
        bound.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (f"{version:04d}",))
    command.upgrade(configuration(bound), f"{SCHEMA_VERSION:04d}")
    bound.exec_driver_sql("DROP TABLE temp.alembic_version")
    dangling = bound.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if dangling:
        raise Bug(
            "store.upgrade_broken",
            f"bringing the store up from version {version} left rows that point to nothing",
            hint="the store is untouched; report this",
            facts={"rows": len(dangling), "table": dangling[0][0]},
        )
    bound.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
