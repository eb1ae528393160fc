"""Tests of files that are no store: refused and left unchanged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.model.errors import Unavailable
from core.store import database
from core.store.database import open_writer
from core.store.readers import open_readonly, refuse_reading


def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "taskdeck.db"
    path.write_bytes(b"not a database at all" * 1_000)
    with pytest.raises(Unavailable) as refused:
        open_writer(path, synchronous="FULL", now=1)
    assert refused.value.code == "store.broken"
    assert path.read_bytes() == b"not a database at all" * 1_000


def test_a_store_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "taskdeck.db"
    open_writer(path, synchronous="FULL", now=1).close()
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(Unavailable) as refused:
        open_writer(path, synchronous="FULL", now=1)
    assert refused.value.code == "store.broken"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (sqlite3.SQLITE_FULL, "store.full"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, "store.full"),
        (sqlite3.SQLITE_IOERR_WRITE, "store.io"),
        (sqlite3.SQLITE_IOERR_READ, "store.io"),
        (sqlite3.SQLITE_CORRUPT, "store.broken"),
        (sqlite3.SQLITE_NOTADB, "store.broken"),
    ],
)
def test_a_disk_that_is_full_or_fails_is_not_called_a_broken_store(
    tmp_path: Path, number: int, code: str
) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = number
    refusal = refuse_reading(tmp_path / "taskdeck.db", error)
    assert (refusal.code, "backup" in refusal.hint) == (code, code == "store.broken")


def test_a_store_that_cannot_be_looked_at_is_not_called_missing() -> None:
    with pytest.raises(Unavailable) as refused:
        open_readonly(Path("/" + "x" * 300 + "/taskdeck.db"))
    assert refused.value.code == "store.unreadable"


def test_a_store_in_a_folder_whose_name_is_not_utf_8_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "\udcff\udcfe"
    folder.mkdir()
    open_writer(folder / "taskdeck.db", synchronous="FULL", now=1).close()
    open_readonly(folder / "taskdeck.db").close()


def test_a_disk_without_room_for_a_new_store_is_not_a_broken_one(tmp_path, monkeypatch):
    def full(path: Path, synchronous: str) -> sqlite3.Connection:
        connection = connect(path, synchronous)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    connect = database._connect
    monkeypatch.setattr(database, "_connect", full)
    # As SQLite does when the disk is full: it rolls back by itself.
    monkeypatch.setattr(database, "ddl", lambda: ["ROLLBACK", "CREATE TABLE a (b)", "CREATE TABLE c (d)"])
    with pytest.raises(Unavailable) as refusal:
        database.open_writer(tmp_path / "taskdeck.db", synchronous="NORMAL", now=1)
    assert refusal.value.code == "store.full"
