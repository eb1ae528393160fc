"""Tests of readers: beside writers, never writing, clear refusals."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event as events_of
from sqlalchemy import text

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.errors import Invalid, Unavailable
from core.store.database import open_writer
from core.store.reader_driver import ReaderDriver
from core.store.readers import TURN_SECONDS, Readers, SearchTime, open_readonly
from core.store.reports import Reports
from core.store.version import SCHEMA_VERSION
from tests.store.deck import Deck, task


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "odd name? 100%.db")
    yield made
    made.close()


@pytest.fixture
async def readers(deck: Deck) -> AsyncIterator[Readers]:
    made = Readers(deck.path, size=2)
    yield made
    await made.close()


async def count(readers: Readers) -> int:
    async with readers.snapshot() as db:
        return int((await db.execute(text("SELECT count(*) FROM task"))).scalar_one())


async def refusal(path: Path) -> str:
    """Return the code with which both ways of reading refuse a file."""
    readers = Readers(path)
    try:
        with pytest.raises(Unavailable) as caught:
            await count(readers)
    finally:
        await readers.close()
    with pytest.raises(Unavailable) as again:
        open_readonly(path)
    assert again.value.code == caught.value.code
    assert caught.value.hint
    assert caught.value.exit_code == 4
    return caught.value.code


async def test_a_statement_and_its_rows_are_one_call_of_the_thread(
    deck: Deck, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await count(readers)
    calls, execute = [], ReaderDriver._execute

    async def counted(driver: ReaderDriver, *args: object) -> object:
        calls.append(args)
        return await execute(driver, *args)

    monkeypatch.setattr(ReaderDriver, "_execute", counted)
    async with readers.snapshot() as db:
        for _ in range(3):
            rows = (await db.execute(text("SELECT 1 AS one UNION ALL SELECT 2"))).all()
            assert [row.one for row in rows] == [1, 2]
    # Three statements, the first of which begins, and the end.
    assert len(calls) == 4


async def test_a_reader_sees_one_moment_while_others_write(deck: Deck, readers: Readers) -> None:
    async with readers.snapshot() as db:
        query = text("SELECT count(*) FROM task")
        assert (await db.execute(query)).scalar_one() == 0
        deck.loose(task("a"))
        assert (await db.execute(query)).scalar_one() == 0
    assert await count(readers) == 1


async def test_a_reader_reads_inside_a_writers_transaction(deck: Deck, readers: Readers) -> None:
    deck.db.execute("BEGIN IMMEDIATE")
    assert await count(readers) == 0
    deck.db.execute("ROLLBACK")


async def test_a_reader_cannot_write(deck: Deck, readers: Readers) -> None:
    with pytest.raises(Unavailable):
        async with readers.snapshot() as db:
            await db.execute(text("DELETE FROM queue"))
    assert deck.db.execute("SELECT count(*) FROM queue").fetchone() == (1,)


async def test_more_callers_than_connections_wait_their_turn(deck: Deck, readers: Readers) -> None:
    deck.loose(task("a"))
    assert await asyncio.gather(*(count(readers) for _ in range(20))) == [1] * 20


async def test_callers_wait_seconds_for_their_turn_and_are_told_that_there_are_too_many(
    deck: Deck, readers: Readers
) -> None:
    for pool in (readers._pool.engine.pool, readers._workspace.engine.pool):
        assert pool.timeout() == TURN_SECONDS == 30  # type: ignore[attr-defined]
    crowded = Readers(deck.path, size=1, turn=0.001)
    for pool in (crowded._pool.engine.pool, crowded._workspace.engine.pool):
        assert pool.timeout() == 0.001  # type: ignore[attr-defined]
    for lend in (crowded.snapshot, crowded.workspace):
        async with lend():
            with pytest.raises(Unavailable) as refused:
                async with lend():
                    pass
        assert (refused.value.code, refused.value.facts["seconds"]) == ("store.busy", 0.001)
        assert "too many reads" in refused.value.message
        assert "waited 0.001 s for its turn" in refused.value.message
        assert "try again; close other clients" in str(refused.value.hint)
    await crowded.close()


async def test_a_cancelled_caller_leaves_no_snapshot_behind(deck: Deck, readers: Readers) -> None:
    async def stay() -> None:
        async with readers.snapshot() as db:
            await db.execute(text("SELECT 1 FROM task"))
            await asyncio.Event().wait()

    for _ in range(4):
        waiting = asyncio.create_task(stay())
        done, _pending = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    deck.loose(task("a"))
    assert await count(readers) == 1
    (busy, _, _) = deck.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0


async def test_a_store_without_an_engine_is_read(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.loose(task("a"))
    deck.close()
    readers = Readers(deck.path)
    assert await count(readers) == 1
    await readers.close()


async def test_a_wal_that_a_killed_engine_left_is_read(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.loose(task("a"))
    left = tmp_path / "left"
    left.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{deck.path}{suffix}", left / f"deck.db{suffix}")
    deck.close()
    readers = Readers(left / "deck.db")
    assert await count(readers) == 1
    await readers.close()


async def test_a_missing_store_is_said_to_be_missing(tmp_path: Path) -> None:
    assert await refusal(tmp_path / "none.db") == "store.missing"
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("content", [b"no database" * 900, b"", b"SQLite format 3\0" + bytes(84)])
async def test_what_is_no_store_is_refused_and_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    assert await refusal(path) == "store.broken"
    assert path.read_bytes() == content


async def test_of_a_store_that_nothing_was_written_to_it_is_said_what_fills_it(tmp_path: Path) -> None:
    path = tmp_path / "deck.db"
    path.touch()
    with pytest.raises(Unavailable) as caught:
        await count(Readers(path))
    assert (
        caught.value.hint == "the next engine that starts fills it; if it had jobs before, restore a backup"
    )


async def test_a_store_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE job (id)")
    other.close()
    assert await refusal(path) == "store.broken"


async def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deck.db"
    store = open_writer(path, synchronous="FULL", now=1)
    store.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    store.close()
    assert await refusal(path) == "store.newer"


async def test_a_directory_that_forbids_reading_is_named_clearly() -> None:
    # A directory that others can reach: the test gives up root's powers for a moment.
    home = Path(tempfile.mkdtemp())
    path = home / "deck.db"
    open_writer(path, synchronous="FULL", now=1).close()
    path.chmod(0o644)
    home.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        assert await refusal(path) == "store.unreadable"
    finally:
        if root:
            os.seteuid(0)
        home.chmod(0o755)
        shutil.rmtree(home)


async def test_closed_readers_open_again(deck: Deck) -> None:
    readers = Readers(deck.path)
    assert await count(readers) == 0
    await readers.close()
    await readers.close()
    assert await count(readers) == 0
    await readers.close()


def test_a_pattern_looks_at_no_more_than_the_limit() -> None:
    searches = SearchTime()
    assert searches.regexp(b"b", b"a" * 5_000 + b"b")
    assert not searches.regexp(b"b", b"a" * 20_000 + b"b")
    assert searches.regexp(b"a", None) is None


async def test_a_pattern_that_python_would_take_years_for_is_answered(deck: Deck, readers: Readers) -> None:
    deck.loose(task("a" * 60), task("a" * 60 + "c"))
    page = await Reports(readers).tasks.page(parse("key~(a+)+c", Noun.TASKS))
    assert [row.key for row in page.rows] == ["a" * 60 + "c"]


async def test_patterns_of_one_question_have_a_limit_of_time(
    deck: Deck, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    deck.loose(task("a"), task("b"))
    tasks = Reports(readers).tasks
    slow = parse("key~x", Noun.TASKS)
    monkeypatch.setattr("core.store.readers.SEARCH_LIMIT", 0.0)
    with pytest.raises(Invalid) as caught:
        await tasks.page(slow)
    assert caught.value.code == "filter.slow"
    for _ in range(3):
        # The time of one question does not count for the next on the same connection.
        assert (await tasks.page(parse("id:1 key~x", Noun.TASKS))).rows == ()


PLANS = [
    (Noun.TASKS, "", "SCAN task"),
    (Noun.TASKS, "job:2 status:failed", "task_list"),
    (Noun.TASKS, "status:failed", "task_trouble"),
    (Noun.TASKS, "status:running", "attempt_open"),
    (Noun.TASKS, "group:g", "task_group"),
    (Noun.EVENTS, "", "SEARCH event USING INTEGER PRIMARY KEY"),
    (Noun.EVENTS, "job:2", "event_job"),
    (Noun.EVENTS, "task:2", "event_task"),
    (Noun.JOBS, "", "SCAN job"),
]


@pytest.mark.parametrize(("noun", "where", "index"), PLANS)
async def test_lists_use_their_index_without_sorting(
    deck: Deck, readers: Readers, noun: Noun, where: str, index: str
) -> None:
    asked: list[tuple[str, object]] = []
    engine = readers._pool.engine.sync_engine
    events_of.listen(engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    reports = Reports(readers)
    verbs = {Noun.TASKS: reports.tasks.page, Noun.EVENTS: reports.events.page, Noun.JOBS: reports.jobs.page}
    await verbs[noun](parse(where, noun))  # type: ignore[operator]
    steps = [
        (parent, step)
        for sql, values in asked
        if sql.startswith("SELECT")
        for _, parent, _, step in deck.db.execute(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]
    ]
    assert any(index in step for _, step in steps)
    if index != "attempt_open":
        # The few pools that a reason is found among are sorted, within a row.
        assert not [step for parent, step in steps if not parent and "TEMP B-TREE" in step]


async def test_reports_answer_over_a_store_that_is_being_filled(deck: Deck, readers: Readers) -> None:
    reports = Reports(readers)
    seen = []
    for _ in range(5):
        deck.loose(task("a"))
        seen.append((await reports.totals.current()).tasks["queued"])
    assert seen == [1, 2, 3, 4, 5]
