"""The file of a store gets smaller: in steps, or rewritten."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from core.model import crash_points
from core.model.commands.purges import Purge, Shrink
from core.model.commands.work import Claimed
from core.model.crash_points import POINTS
from core.model.disk import LEAST_PAGES, StoreRoom
from core.model.errors import Unavailable
from core.store import compacting
from core.store.apply.upkeep import room
from core.store.compacting import compact_store
from core.store.database import UNFINISHED, open_writer
from core.store.readers import open_readonly
from core.store.upkeep_facts import read_upkeep
from core.store.verify import verify, verify_path
from tests.support.deck import Deck
from tests.support.factories import task

KILLS = tuple(point for point in POINTS if point.startswith("compact."))
TEXT = "x" * 3_000


def filled(path: Path, *, number: int = 600) -> Deck:
    """Return a store of which most is free: loose tasks with a long input, purged."""
    deck = Deck(path)
    deck.enqueue(*(task(f"t{n}", with_={"text": TEXT}) for n in range(number)))
    claimed: list[Claimed] = deck.claim()
    deck.end_all(claimed)
    kept, refs = claimed[:5], tuple(one.task_id for one in claimed[5:])
    assert kept
    while refs:
        (answer,) = deck.do(Purge(task_ids=refs, actor="ada"))
        refs = answer.left
    return deck


def old(path: Path) -> Path:
    """Make a store as those of older versions are: its file never shrinks."""
    filled(path).db.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
    deck = Deck(path)
    deck.enqueue(*(task(f"u{n}", with_={"text": TEXT}) for n in range(600)))
    claimed = deck.claim()
    deck.end_all(claimed)
    refs = tuple(one.task_id for one in claimed)
    while refs:
        (answer,) = deck.do(Purge(task_ids=refs, actor="ada"))
        refs = answer.left
    deck.db.close()
    return path


def pages(deck: Deck) -> tuple[int, int]:
    return int(str(deck.value("PRAGMA page_count"))), int(str(deck.value("PRAGMA freelist_count")))


def compact(path: Path) -> tuple[int, int]:
    done = compact_store(path, Event(), lambda _: None)
    return done.before, done.after


def test_a_new_store_gives_its_free_pages_back_a_batch_at_a_time(tmp_path: Path) -> None:
    deck = filled(tmp_path / "deck.db")
    size, unused = pages(deck)
    assert unused > LEAST_PAGES
    (left,) = deck.do(Shrink())
    assert 0 < unused - left <= room.PAGES_PER_BATCH
    assert pages(deck) == (size - (unused - left), left)
    while left:
        (left,) = deck.do(Shrink())
    assert pages(deck) == (size - unused, 0)
    assert verify(deck.db) == ()
    deck.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert deck.path.stat().st_size == (size - unused) * 4096


def test_a_batch_ends_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deck = filled(tmp_path / "deck.db")
    _, unused = pages(deck)
    monkeypatch.setattr(room, "SECONDS_PER_BATCH", 0.0)
    assert deck.do(Shrink()) == [unused - 1]


def test_a_store_of_an_older_version_is_left_alone(tmp_path: Path) -> None:
    deck = Deck(old(tmp_path / "deck.db"))
    before = pages(deck)
    assert before[1] > LEAST_PAGES
    assert deck.do(Shrink()) == [0]
    assert pages(deck) == before
    facts = read_upkeep(deck.path, before=0)
    assert facts.room == StoreRoom(pages=before[0], unused=before[1], page_size=4096, is_shrinking=False)


def test_a_store_is_rewritten_without_its_free_pages_and_shrinks_from_then_on(tmp_path: Path) -> None:
    path = old(tmp_path / "deck.db")
    rows = contents(path)
    before, after = compact(path)
    assert after < before / 2
    assert path.stat().st_size == after
    assert path.stat().st_mode & 0o777 == 0o600
    assert contents(path) == rows
    assert verify_path(path) == ()
    assert [one.name for one in tmp_path.iterdir()] == ["deck.db"]
    deck = Deck(path)
    assert deck.value("PRAGMA auto_vacuum") == 2
    assert deck.value("PRAGMA journal_mode") == "wal"
    deck.enqueue(task("more"))
    deck.db.close()
    assert verify_path(path) == ()


def contents(path: Path) -> list[str]:
    with closing(open_readonly(path)) as db:
        return [line for line in db.iterdump() if not line.startswith("PRAGMA")]


def test_one_that_is_read_is_not_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old(tmp_path / "deck.db")
    before = contents(path)
    monkeypatch.setattr(compacting, "BUSY_MS", 50)
    with closing(open_readonly(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM task").fetchone()
        with pytest.raises(Unavailable) as refused:
            compact(path)
    assert refused.value.code == "compact.busy"
    assert contents(path) == before
    compact(path)


def test_one_with_faults_or_without_room_beside_it_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old(tmp_path / "deck.db")
    monkeypatch.setattr(compacting, "free_bytes", lambda _: 1_000)
    with pytest.raises(Unavailable) as refused:
        compact(path)
    assert refused.value.code == "compact.room"
    monkeypatch.undo()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE counter SET n = n + 1")
    before = path.stat().st_ino
    with pytest.raises(Unavailable) as refused:
        compact(path)
    assert refused.value.code == "compact.unsound"
    assert path.stat().st_ino == before
    assert not path.with_name(path.name + UNFINISHED).exists()
    assert open_writer(path, synchronous="FULL", now=1).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_one_that_is_stopped_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old(tmp_path / "deck.db")
    before, stop = contents(path), Event()
    monkeypatch.setattr(compacting, "_STEPS", 1)
    stop.set()
    with pytest.raises(Unavailable) as refused:
        compact_store(path, stop, lambda _: None)
    assert refused.value.code == "compact.stopped"
    assert contents(path) == before
    assert not path.with_name(path.name + UNFINISHED).exists()


@pytest.mark.parametrize("point", KILLS)
def test_a_kill_leaves_the_old_store_or_the_new_one(tmp_path: Path, point: str) -> None:
    path = old(tmp_path / "deck.db")
    rows, before = contents(path), path.stat().st_size
    if (child := os.fork()) == 0:
        crash_points._name, crash_points._left = point, 1
        compact(path)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert (path.stat().st_size < before) == (point == "compact.placed")
    assert contents(path) == rows
    assert verify_path(path) == ()
    if point != "compact.placed":
        assert path.with_name(path.name + UNFINISHED).exists() == (point != "compact.begun")
        compact(path)
    assert [one.name for one in tmp_path.iterdir()] == ["deck.db"]
    Deck(path).enqueue(task("more"))


def test_an_engine_removes_what_a_killed_rewrite_left(tmp_path: Path) -> None:
    path = tmp_path / "deck.db"
    Deck(path).db.close()
    path.with_name(path.name + UNFINISHED).write_text("x")
    open_writer(path, synchronous="FULL", now=1).close()
    assert not path.with_name(path.name + UNFINISHED).exists()
