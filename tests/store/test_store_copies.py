"""A store is copied beside its writer, and without one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from threading import Event

import pytest

from core.engine.store_copies import StoreCopies
from core.model.commands.work import Enqueue
from core.model.errors import Conflict, Invalid, TaskdeckError, Unavailable
from core.model.plans import TaskPlan
from core.store.backups import copying
from core.store.backups.copying import copy_foreign, copy_locked, settle
from core.store.backups.reading import attempts_of, judge_copy, read_facts
from core.store.database import open_writer
from core.store.journal import Journal
from core.store.store_copy import fill_copy
from core.store.version import SCHEMA_VERSION
from core.store.writer import Writer
from tests.support.deck import Deck
from tests.support.factories import task
from tests.support.manual_time import ManualClock
from tests.support.waiting import until_now, within


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """Return the journal of a store of some hundred pages, in which attempts are open."""
    deck = Deck(tmp_path / "taskdeck.db")
    deck.enqueue(*(task(f"t{number}") for number in range(400)))
    deck.claim(3)
    journal = Journal(deck.writer, clock=ManualClock(), listener=lambda _: None)
    yield journal
    await journal.close()


def target(path: Path) -> Path:
    path.touch(mode=0o600)
    return path


def enqueue() -> Enqueue:
    return Enqueue(tasks=(TaskPlan(key="late", uses="delay"),), group=None, actor="tester")


def events(path: Path) -> list[tuple]:
    with sqlite3.connect(path) as db:
        found = db.execute("SELECT * FROM event ORDER BY id").fetchall()
    db.close()
    return found


async def test_commands_go_on_between_the_steps_and_what_they_commit_is_in_the_copy(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill = fill_copy

    def in_step(connection: sqlite3.Connection, file: Path, *, between: Callable, **_: object) -> None:
        def wait(done: int, total: int) -> None:
            if 5 < done < 20:
                until_now(lambda: not journal._work.empty(), "a command comes")
            between(done, total)

        fill(connection, file, pages=1, between=wait)

    monkeypatch.setattr(copying, "fill_copy", in_step)
    before = events(tmp_path / "taskdeck.db")
    work = asyncio.ensure_future(StoreCopies(journal).copy(target(tmp_path / "copy.db")))
    while not work.done():
        await journal.submit(enqueue())
    assert (await work).steps > 50
    settle(tmp_path / "copy.db")
    facts = read_facts(tmp_path / "copy.db")
    assert judge_copy(tmp_path / "copy.db", Event()) == ()
    assert facts.event >= before[-1][0] + 14
    told = events(tmp_path / "copy.db")
    assert told == events(tmp_path / "taskdeck.db")[: len(told)]
    assert (facts.schema, facts.running) == (SCHEMA_VERSION, 3)
    assert len(list(attempts_of(tmp_path / "copy.db"))) == 3


def test_a_step_beside_the_commits_takes_less_than_five_ms_of_the_processor(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "taskdeck.db", synchronous="NORMAL", now=1)
    connection.execute("CREATE TABLE filler (text TEXT)")
    connection.executemany("INSERT INTO filler VALUES (?)", [("x" * 4_000,)] * 5_000)
    # Time of the processor: on a busy machine a step may wait for it, which no number of pages changes.
    copied = [
        copying.copy_beside(connection, target(tmp_path / f"copy{n}.db"), lambda: None, Event())
        for n in range(3)
    ]
    assert all(one.steps > 100 for one in copied)
    assert min(one.longest_cpu_us for one in copied) < 5_000
    connection.close()


async def test_one_copy_at_a_time_and_a_caller_that_is_gone_ends_it(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(copying, "PAGES", 1)
    copies, ended = StoreCopies(journal), list[TaskdeckError]()
    steps, begun = Event(), asyncio.Event()
    lend, fill = journal.lend, fill_copy

    async def noting(errand: Callable) -> object:
        begun.set()

        def run(writer: Writer, carry_out: Callable[[], None]) -> object:
            try:
                return errand(writer, carry_out)
            except TaskdeckError as error:
                ended.append(error)
                raise

        return await lend(run)

    def slow(connection: sqlite3.Connection, file: Path, *, pages: int, between: Callable) -> None:
        def wait(done: int, total: int) -> None:
            steps.wait(5)
            between(done, total)

        fill(connection, file, pages=pages, between=wait)

    monkeypatch.setattr(journal, "lend", noting)
    monkeypatch.setattr(copying, "fill_copy", slow)
    first = asyncio.ensure_future(copies.copy(target(tmp_path / "a.db")))
    await begun.wait()
    with pytest.raises(Conflict) as refused:
        await within(copies.copy(target(tmp_path / "b.db")), "it is refused", seconds=5)
    assert refused.value.code == "store.lent"
    first.cancel()
    await asyncio.wait([first])
    steps.set()
    # Behind it in the writer's line.
    await journal.submit(enqueue())
    assert [error.code for error in ended] == ["backup.stopped"]
    assert (await copies.copy(tmp_path / "b.db")).steps > 50


async def test_the_end_of_the_engine_ends_a_copy(journal: Journal):
    ended = []

    def endless(_: Writer, carry_out: Callable[[], None]) -> None:
        try:
            while True:
                carry_out()
        except Unavailable as error:
            ended.append(error.code)
            raise

    lent = asyncio.ensure_future(journal.lend(endless))
    await journal.submit(enqueue())
    await journal.close()
    with pytest.raises(Unavailable):
        await lent
    assert ended == ["engine.stopped"]
    with pytest.raises(Unavailable):
        await journal.lend(endless)


async def test_nothing_is_written_into_a_file_that_holds_something(journal: Journal, tmp_path: Path):
    (tmp_path / "kept").write_text("x")
    (tmp_path / "link").symlink_to(target(tmp_path / "empty"))
    for name in ("kept", "link", "missing"):
        with pytest.raises(Invalid) as refused:
            await StoreCopies(journal).copy(tmp_path / name)
        assert refused.value.code == "backup.file"
    assert (tmp_path / "kept").read_text() == "x"
    assert (tmp_path / "empty").read_bytes() == b""


def test_a_full_disk_and_one_that_fails_are_named_and_leave_the_store_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    deck = Deck(tmp_path / "taskdeck.db")
    deck.db.close()
    for code, named in ((sqlite3.SQLITE_FULL, "backup.full"), (sqlite3.SQLITE_IOERR, "backup.unwritable")):

        def refuse(*_: object, code: int = code, **__: object) -> None:
            error = sqlite3.OperationalError("no")
            error.sqlite_errorcode = code
            raise error

        monkeypatch.setattr(copying, "fill_copy", refuse)
        with pytest.raises(Unavailable) as refused:
            copy_locked(deck.path, target(tmp_path / named), lambda *_: None)
        assert refused.value.code == named


def test_what_a_killed_engine_left_in_its_log_is_in_the_copy(tmp_path: Path):
    deck = Deck(tmp_path / "taskdeck.db")
    deck.enqueue(task("a"))
    assert (tmp_path / "taskdeck.db-wal").stat().st_size
    told = []
    copy_locked(deck.path, target(tmp_path / "locked.db"), lambda done, total: told.append((done, total)))
    copy_foreign(deck.path, target(tmp_path / "foreign.db"))
    assert told[-1][0] == told[-1][1] > 0
    for name in ("locked.db", "foreign.db"):
        settle(tmp_path / name)
        assert events(tmp_path / name) == events(deck.path)
        assert judge_copy(tmp_path / name, Event()) == ()
        assert not list(tmp_path.glob(f"{name}-*")), "it is one file"
    deck.db.close()
    until_now(lambda: not (tmp_path / "taskdeck.db-wal").exists(), "the log is written back")
    copy_foreign(deck.path, target(tmp_path / "whole.db"))
    assert not (tmp_path / "taskdeck.db-wal").exists(), "nothing is made beside a store of others"


def test_a_newer_store_and_what_is_none_are_refused_untouched(tmp_path: Path):
    deck = Deck(tmp_path / "taskdeck.db")
    deck.db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    deck.db.close()
    (tmp_path / "none.db").write_bytes(b"no store" * 100)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = deck.path.read_bytes()
    for path, code in (
        (deck.path, "store.newer"),
        (tmp_path / "none.db", "store.broken"),
        (tmp_path / "other.db", "store.broken"),
    ):
        for copy in (copy_foreign, lambda store, file: copy_locked(store, file, lambda *_: None)):
            (tmp_path / "copy.db").unlink(missing_ok=True)
            with pytest.raises(Unavailable) as refused:
                copy(path, target(tmp_path / "copy.db"))
            assert refused.value.code == code
    assert deck.path.read_bytes() == before


def test_a_check_that_is_stopped_says_so(tmp_path: Path):
    deck = Deck(tmp_path / "taskdeck.db")
    deck.db.close()
    stop = Event()
    stop.set()
    with pytest.raises(Unavailable) as refused:
        judge_copy(deck.path, stop)
    assert refused.value.code == "backup.stopped"
