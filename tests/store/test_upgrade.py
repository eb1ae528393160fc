"""Older stores are brought up whole, or stay as they were."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from core.model.crash_points import POINTS
from core.model.errors import Bug, Unavailable
from core.rules.families import family_of
from core.store import store_copy
from core.store.database import open_writer
from core.store.readers import open_readonly
from core.store.sql import decode
from core.store.store_copy import copy_path, kept_copies
from core.store.tables.schema import metadata
from core.store.upgrade import Progress, upgrade_store
from core.store.verify import verify_path
from core.store.version import SCHEMA_VERSION, is_older, stored_version
from tests.support.file_limits import file_limit
from tests.support.old_stores import FOLDER, VERSIONS, write_old_store

KILLS = (
    *(f"{point}:1" for point in POINTS if point.startswith("upgrade.")),
    *(f"upgrade.copying:{n}" for n in (2, 5, 9, 12)),
    *(f"sql:{n}" for n in range(1, 61, 3)),
)


WITHOUT_FAMILY = "CASE WHEN json_valid(data) THEN json_remove(data, '$.family') ELSE data END"


@pytest.fixture(params=VERSIONS, ids=lambda version: f"version {version}")
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_old_store(tmp_path / "taskdeck.db", request.param)


def bring_up(path: Path, tell: Callable[[str], None] = lambda _: None) -> None:
    upgrade_store(path, Progress(tell=tell, stop=Event()), family_of=family_of)


def rows(path: Path, columns: dict[str, str] | None = None) -> dict[str, list[tuple]]:
    """Return every row of every table, of the columns named if any are."""
    connection = sqlite3.connect(path)
    connection.text_factory = decode
    found = {}
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if columns is None or table in columns:
            chosen = "*" if columns is None else columns[table]
            found[table] = sorted(connection.execute(f"SELECT {chosen} FROM {table}"), key=repr)
    connection.close()
    return found


def columns_of(path: Path) -> dict[str, str]:
    connection = sqlite3.connect(path)
    listed = connection.execute(
        "SELECT m.name, group_concat('\"' || p.name || '\"') FROM sqlite_master m,"
        " pragma_table_info(m.name) p"
        " WHERE m.type = 'table' GROUP BY m.name"
    ).fetchall()
    connection.close()
    return dict(listed)


def shapes(path: Path) -> dict[str, str]:
    """Return the statement of each table and index, blanks and quotes made alike."""
    connection = sqlite3.connect(path)
    listed = connection.execute("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master").fetchall()
    connection.close()
    return {name: " ".join(sql.replace('"', "").replace(",", " ,").split()) for name, sql in listed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """A store that was brought up, and what it was and said."""

    path: Path
    version: int
    before: dict[str, list[tuple]]
    columns: dict[str, str]
    said: list[str]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"version {version}")
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    """Return a store that is brought up once for all that is asked of it; it is only read."""
    path = write_old_store(tmp_path_factory.mktemp("upgraded") / "taskdeck.db", request.param)
    before, columns, version, said = rows(path), columns_of(path), stored_version(path), list[str]()
    bring_up(path, said.append)
    return Upgraded(path=path, version=version, before=before, columns=columns, said=said)


def test_an_upgraded_store_has_the_tables_of_a_new_one(upgraded: Upgraded, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    open_writer(new, synchronous="FULL", now=1).close()
    assert shapes(upgraded.path) == shapes(new)
    assert stored_version(upgraded.path) == SCHEMA_VERSION


def test_an_upgraded_store_recounts_and_folds_and_keeps_its_rows(upgraded: Upgraded) -> None:
    path, columns = upgraded.path, upgraded.columns
    kept = {table: columns[table] for table in upgraded.before if table in metadata.tables}
    assert verify_path(path) == ()
    now = columns_of(path)
    still = {
        table: ",".join(c for c in kept[table].split(",") if c in now[table].split(",")) for table in kept
    }
    original = next(kept_copies(path))
    told = {"event": "id, at, kind, job_id, task_id, attempt, actor, " + WITHOUT_FAMILY}
    assert rows(path, still | told) == rows(original, still | told)


def test_an_upgrade_deletes_what_purges_left_behind(tmp_path: Path) -> None:
    old = write_old_store(tmp_path / "taskdeck.db", "8")
    with sqlite3.connect(old) as db:
        db.execute("INSERT INTO variable (job_id, name, position, value) VALUES (9999, 'n', 0, '1')")
        db.execute("INSERT INTO instance_page VALUES (9999, 0, '[1]')")
    bring_up(old)
    assert verify_path(old) == ()
    left = rows(old, {"variable": "job_id", "instance_page": "set_id"})
    assert (9999,) not in [*left["variable"], *left["instance_page"]]


def test_an_upgrade_counts_what_later_code_counted_as_it_happened(tmp_path: Path) -> None:
    old, known = (write_old_store(tmp_path / name / "deck.db", name) for name in ("2", "2_families"))
    counted = rows(known)
    for path in (old, known):
        bring_up(path)
    found, again = rows(old), rows(known)
    assert len(counted["family"]) >= 10
    # Later versions have more columns, all of them empty.
    for table in ("family", "task"):
        width = len(counted[table][0])
        found[table], again[table] = ([row[:width] for row in each[table]] for each in (found, again))
    for table in ("family", "family_job", "family_hour", "run_time", "task"):
        assert found[table] == again[table] == counted[table], table
    assert again["event"] == counted["event"]
    families = {"event": "id, data->>'family'"}
    assert rows(old, families) == rows(known, families)


def test_older_failures_of_a_family_that_is_acknowledged_are_no_news(tmp_path: Path) -> None:
    old = write_old_store(tmp_path / "taskdeck.db", "2_families")
    with sqlite3.connect(old) as db:
        (family,) = db.execute("SELECT id FROM family ORDER BY failures DESC LIMIT 1").fetchone()
        # Some of its failures came before families were counted.
        db.execute(
            "UPDATE event SET data = json_remove(data, '$.family') WHERE id IN (SELECT id FROM event"
            " WHERE data->>'family' = ? ORDER BY id LIMIT 2)",
            (family,),
        )
        db.execute(
            "UPDATE family SET (failures, ack_failures) = (failures - 2, failures - 2),"
            " ack_at = 1, ack_by = 'ana' WHERE id = ?",
            (family,),
        )
    db.close()
    bring_up(old)
    assert verify_path(old) == ()
    known = rows(old, {"family": "failures - ack_failures, ack_by"})["family"]
    assert [row for row in known if row[1]] == [(0, "ana")]


def test_a_store_of_version_2_with_some_of_the_new_tables_is_brought_up(tmp_path: Path) -> None:
    old = write_old_store(tmp_path / "taskdeck.db", "2_families")
    with sqlite3.connect(old) as db:
        for table in ("family_hour", "family_job", "family"):
            db.execute(f"DROP TABLE {table}")
        db.execute("DROP INDEX task_family")
        db.execute("ALTER TABLE task DROP COLUMN family")
        db.execute("UPDATE run_time SET ms = ms + 1")
    db.close()
    bring_up(old)
    assert verify_path(old) == ()


def test_a_store_that_is_not_of_the_version_it_says_is_left_as_it_was(tmp_path: Path) -> None:
    old = write_old_store(tmp_path / "taskdeck.db", "2")
    with sqlite3.connect(old) as db:
        db.execute("ALTER TABLE job DROP COLUMN verdict_ends")
    db.close()
    before = rows(old)
    with pytest.raises(Bug, match="job is without verdict_ends") as caught:
        bring_up(old)
    assert caught.value.code == "store.upgrade_broken"
    assert rows(old) == before


def test_a_copy_of_the_store_as_it_was_is_kept_and_named(upgraded: Upgraded) -> None:
    copy = copy_path(upgraded.path, upgraded.version)
    assert list(kept_copies(upgraded.path)) == [copy]
    assert rows(copy) == upgraded.before
    assert stored_version(copy) == upgraded.version
    assert copy.stat().st_mode & 0o777 == 0o600
    assert any(str(copy) in line for line in upgraded.said)


def test_what_the_write_ahead_log_alone_holds_is_in_the_copy_and_in_the_upgraded_store(old: Path) -> None:
    writer = sqlite3.connect(old, isolation_level=None)
    writer.execute("INSERT INTO queue (name) VALUES ('late')")
    # Copied with its log while a connection is open: closing the last one would write the log back.
    again = old.with_name("again.db")
    for end in ("", "-wal"):
        shutil.copy(f"{old}{end}", f"{again}{end}")
    writer.close()
    bring_up(again)
    for path in (again, next(kept_copies(again))):
        assert ("late",) in rows(path, {"queue": "name"})["queue"]


def test_a_second_upgrade_changes_nothing(upgraded: Upgraded, tmp_path: Path) -> None:
    again = shutil.copy(upgraded.path, tmp_path / upgraded.path.name)
    before = rows(again)
    bring_up(again)
    assert rows(again) == before
    assert list(kept_copies(again)) == []


def test_a_writer_and_a_reader_refuse_an_older_store_and_leave_it_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    for refused in (lambda: open_writer(old, synchronous="FULL", now=1), lambda: open_readonly(old)):
        with pytest.raises(Unavailable) as caught:
            refused()
        assert caught.value.code == "store.older"
        assert caught.value.hint is not None
        assert "taskdeck serve" in caught.value.hint
    assert old.read_bytes() == before


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "taskdeck.db"
    connection = open_writer(path, synchronous="FULL", now=1)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    bring_up(path)
    assert (path.read_bytes(), list(kept_copies(path)), is_older(path)) == (before, [], False)


def test_without_room_for_the_copy_nothing_is_begun(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = old.read_bytes()
    monkeypatch.setattr(store_copy, "free_bytes", lambda _: 2**20)
    with pytest.raises(Unavailable) as caught:
        bring_up(old)
    assert caught.value.code == "store.upgrade_room"
    assert caught.value.facts["free"] == 2**20
    assert (old.read_bytes(), list(old.parent.glob("*.version*"))) == (before, [])


def test_an_upgrade_that_a_limit_of_file_sizes_ends_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    old = write_old_store(tmp_path / "taskdeck.db", "2")
    before = rows(old)
    with file_limit(old.stat().st_size), pytest.raises(Unavailable) as refused:
        bring_up(old)
    assert refused.value.code == "store.file_limit"
    assert (stored_version(old), rows(old)) == (2, before)
    bring_up(old)
    assert stored_version(old) == SCHEMA_VERSION


def test_an_upgrade_that_is_stopped_leaves_the_store_as_it_was(old: Path) -> None:
    before, stop = rows(old), Event()
    stop.set()
    with pytest.raises(Unavailable) as caught:
        upgrade_store(old, Progress(tell=lambda _: None, stop=stop), family_of=family_of)
    assert caught.value.code == "store.upgrade_stopped"
    assert (rows(old), list(old.parent.glob("*.version*"))) == (before, [])


def test_an_upgrade_stopped_after_its_copy_leaves_the_store_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, stop = rows(old), Event()
    monkeypatch.setattr("core.store.upgrade._STEPS", 1)
    monkeypatch.setattr("core.store.upgrade.copy_store", lambda *_, **__: stop.set())
    with pytest.raises(Unavailable) as caught:
        upgrade_store(old, Progress(tell=lambda _: None, stop=stop), family_of=family_of)
    assert caught.value.code == "store.upgrade_stopped"
    assert rows(old) == before


def left_in(folder: Path) -> frozenset[tuple[str, bytes]]:
    return frozenset((file.name, file.read_bytes()) for file in folder.iterdir())


@pytest.mark.parametrize("old", ["1", "2"], indirect=True)
def test_a_kill_anywhere_leaves_the_old_store_or_the_new_one(old: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    before, version = rows(old), stored_version(old)
    argv = [sys.executable, str(FOLDER / "kill_upgrades.py"), str(old), str(folder), *KILLS]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    bring_up(old)
    after, ends = rows(old), dict(line.split() for line in said)
    assert [ends[point] for point in KILLS if point.startswith("upgrade.")].count("ended") == 0
    assert list(ends.values()).count("killed") >= 15
    # Most kills leave what another has left, byte for byte.
    for point in {left_in(folder / point): point for point in KILLS}.values():
        path = folder / point / "taskdeck.db"
        found = rows(path)
        assert found in (before, after), point
        for copy in kept_copies(path):
            assert (stored_version(copy), rows(copy)) == (version, before), point
        bring_up(path)
        assert rows(path) == after, point
        assert list(path.parent.glob("*.part*")) == [], point
