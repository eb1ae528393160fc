"""The migrations make what the schema says; upgrades are all or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from core.model.errors import Bug
from core.rules.families import family_of
from core.store.database import open_writer, version_of
from core.store.readers import open_readonly
from core.store.tables.schema import metadata
from core.store.upgrade import MIGRATIONS, upgrade
from core.store.version import SCHEMA_VERSION

DIGESTS = {
    4: "74e4a54c2cf28353",
    5: "4bd95cd5b25c46a3",
    6: "af709575a2b1a243",
    7: "c5912b5b776afb47",
    8: "8b92a95b6dcf8c04",
    9: "b765fb91698f1d8c",
}
"""Of the tables and indexes of a schema version."""


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "empty.db", isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "deck.db"
    open_writer(path, synchronous="FULL", now=1).close()
    return path


def shapes(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return what the file says of its tables and indexes, blanks and quotes made alike."""
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name")
    return [(kind, name, " ".join(sql.replace('"', "").split())) for kind, name, sql in rows]


def test_a_new_store_equals_the_last_migration(store: Path, empty: sqlite3.Connection) -> None:
    upgrade(empty, family_of=family_of)
    made = open_readonly(store)
    assert shapes(empty) == shapes(made)
    assert version_of(empty) == version_of(made) == SCHEMA_VERSION
    made.close()


def test_autogenerate_finds_no_difference(store: Path) -> None:
    with create_engine(f"sqlite:///{store}").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_autogenerate_would_see_a_difference(store: Path) -> None:
    connection = sqlite3.connect(store)
    connection.execute("DROP INDEX task_group")
    connection.execute("ALTER TABLE job ADD COLUMN extra TEXT")
    connection.close()
    with create_engine(f"sqlite:///{store}").connect() as bound:
        assert len(compare_metadata(MigrationContext.configure(bound), metadata)) == 2


def test_foreign_keys_are_the_same_in_metadata_and_file(store: Path) -> None:
    with create_engine(f"sqlite:///{store}").connect() as bound:
        found = {
            (name, tuple(key["constrained_columns"]), key["referred_table"], key["options"].get("ondelete"))
            for name in inspect(bound).get_table_names()
            for key in inspect(bound).get_foreign_keys(name)
        }
    told = {
        (table.name, tuple(constraint.column_keys), constraint.referred_table.name, constraint.ondelete)
        for table in metadata.tables.values()
        for constraint in table.foreign_key_constraints
    }
    assert found == told


def test_the_last_revision_is_the_schema_version() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_current_head() == f"{SCHEMA_VERSION:04d}"
    assert [script.revision for script in scripts.walk_revisions()][::-1] == [
        f"{number:04d}" for number in range(1, SCHEMA_VERSION + 1)
    ]


def test_tables_of_a_version_that_has_been_used_stay_as_they_are(store: Path) -> None:
    # Where this differs, `core/store/tables/schema.py` changed: raise SCHEMA_VERSION, add a file to
    # `migrations/versions` and a store of the version before to `tests/store/versions`; then the digest here.
    made = open_readonly(store)
    assert sha256(repr(shapes(made)).encode()).hexdigest()[:16] == DIGESTS[SCHEMA_VERSION]
    made.close()


def test_an_upgrade_leaves_no_table_of_its_own(empty: sqlite3.Connection) -> None:
    upgrade(empty, family_of=family_of)
    tables = {
        name
        for (name,) in empty.execute(
            "SELECT name FROM sqlite_master UNION SELECT name FROM temp.sqlite_master"
        )
    }
    assert not any("alembic" in name for name in tables)
    assert not empty.in_transaction


def test_upgrading_a_store_of_this_version_changes_nothing(store: Path) -> None:
    connection = open_writer(store, synchronous="FULL", now=2)
    before = list(connection.iterdump())
    upgrade(connection, family_of=family_of)
    assert list(connection.iterdump()) == before
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    connection.close()


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(
    empty: sqlite3.Connection,
) -> None:
    # The tables are made already when this one collides.
    empty.execute("CREATE TABLE payload (hash)")
    before = shapes(empty)
    with pytest.raises(Exception, match="payload"):
        upgrade(empty, family_of=family_of)
    assert shapes(empty) == before
    assert version_of(empty) == 0
    assert not empty.in_transaction


def test_rows_that_point_to_nothing_stop_an_upgrade(store: Path) -> None:
    connection = open_writer(store, synchronous="FULL", now=2)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("INSERT INTO lane (aisle_id, job_id) VALUES (77, 1)")
    with pytest.raises(Bug) as caught:
        upgrade(connection, family_of=family_of)
    assert caught.value.code == "store.upgrade_broken"
    assert not connection.in_transaction
    connection.close()
