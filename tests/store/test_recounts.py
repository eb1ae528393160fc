"""Recounting over one connection finds what a connection of its own finds."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from core.store.readers import open_readonly
from core.store.verify import verify, verify_path
from tests.store.deck import Deck, stage, task
from tests.support import recounts
from tests.support.empty_store import empty_store
from tests.support.recounts import _place, findings, findings_of

WRONG = "UPDATE stage SET open_tasks = 7 WHERE id > 1"


def run(path: Path) -> Deck:
    deck = Deck(path)
    deck.job(stage(task("a")))
    return deck


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def copy(store: Path, to: Path) -> None:
    """Copy a store and its log, as a killed engine leaves them."""
    shutil.copy(store, to)
    shutil.copy(log_of(store), log_of(to))


def test_of_many_stores_those_with_a_fault_are_found(tmp_path: Path) -> None:
    for number in range(6):
        deck = run(tmp_path / f"{number}.db")
        if number % 2:
            deck.change(WRONG)
        asked = findings(deck.db)
        assert (asked == (), asked) == (number % 2 == 0, verify(deck.db))
        deck.close()
        assert findings_of(deck.path) == asked


def test_a_sound_store_is_asked_there_alone(tmp_path: Path) -> None:
    deck = run(tmp_path / "deck.db")
    statements: list[str] = []
    deck.db.set_trace_callback(statements.append)
    assert findings(deck.db) == ()
    deck.close()
    assert len(statements) == 2


def test_what_is_not_in_the_file_yet_is_asked_of_the_store(tmp_path: Path) -> None:
    deck = run(tmp_path / "deck.db")
    reader = sqlite3.connect(deck.path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM job").fetchall()
    deck.change(WRONG)
    assert findings(deck.db) == verify(deck.db) != ()
    reader.close()
    deck.db.execute("BEGIN IMMEDIATE")
    deck.db.execute("UPDATE stage SET open_tasks = 1 WHERE id > 1")
    assert findings(deck.db) == verify(deck.db) == ()
    deck.db.execute("ROLLBACK")
    assert findings(deck.db) != ()
    deck.close()


def test_a_store_with_a_log_is_asked_there_with_what_is_logged(tmp_path: Path, monkeypatch) -> None:
    deck = run(tmp_path / "deck.db")
    sound, wrong = tmp_path / "sound.db", tmp_path / "wrong.db"
    copy(deck.path, sound)
    deck.change(WRONG)
    copy(deck.path, wrong)
    assert log_of(sound).stat().st_size
    monkeypatch.setattr(recounts, "verify_path", lambda path: (path,))
    assert findings_of(sound) == ()
    assert len(findings_of(wrong)) == 1
    monkeypatch.undo()
    assert findings_of(wrong) == verify_path(wrong) != ()
    deck.close()


def test_a_store_with_an_empty_log_is_asked_there(tmp_path: Path, monkeypatch) -> None:
    deck = run(tmp_path / "deck.db")
    deck.close()
    open_readonly(deck.path).close()
    assert log_of(deck.path).stat().st_size == 0
    monkeypatch.setattr(recounts, "verify_path", lambda path: (path,))
    assert findings_of(deck.path) == ()


def test_a_damaged_file_and_one_of_another_schema_are_asked_themselves(tmp_path: Path) -> None:
    deck = run(tmp_path / "deck.db")
    ((page,),) = deck.db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entry_task'")
    deck.db.execute("DROP INDEX entry_task")
    deck.close()
    assert not _place().is_sound(deck.path.read_bytes())
    torn = tmp_path / "torn.db"
    store = bytearray(empty_store())
    store[(page - 1) * 4_096 : page * 4_096] = bytes(4_096)
    torn.write_bytes(store)
    assert findings_of(torn) == verify_path(torn) != ()
    assert _place().is_sound(empty_store())
