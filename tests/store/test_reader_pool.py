"""Readers open no more connections than they need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from core.model.errors import Unavailable
from core.store import reader_pool, readers
from core.store.reader_driver import ReaderDriver, open_driver
from core.store.readers import Readers
from tests.store.deck import Deck
from tests.support.waiting import DEADLINE, ticks, within

COUNT = text("SELECT count(*) FROM task")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[ReaderDriver]:
    """Return the connections that are opened from here on."""
    drivers: list[ReaderDriver] = []

    async def open_and_note(*how: object) -> ReaderDriver:
        drivers.append(await open_driver(*how))
        return drivers[-1]

    monkeypatch.setattr(readers, "open_driver", open_and_note)
    return drivers


@pytest.fixture
async def some(tmp_path: Path) -> AsyncIterator[Readers]:
    deck = Deck(tmp_path / "deck.db")
    made = Readers(deck.path)
    yield made
    await made.close()
    deck.close()


def be_patient(monkeypatch: pytest.MonkeyPatch, seconds: float, *, longest: float | None = None) -> None:
    monkeypatch.setattr(reader_pool, "PATIENCE", seconds)
    monkeypatch.setattr(reader_pool, "LONGEST", seconds if longest is None else longest)


async def read(some: Readers) -> int:
    async with some.snapshot() as db:
        return int((await db.execute(COUNT)).scalar_one())


async def test_reads_that_come_at_once_share_a_connection(some, opened, monkeypatch) -> None:
    be_patient(monkeypatch, DEADLINE)
    assert await asyncio.gather(*(read(some) for _ in range(12))) == [0] * 12
    assert len(opened) == 1


async def test_a_read_that_waits_too_long_for_others_has_a_connection_of_its_own(
    some, opened, monkeypatch
) -> None:
    be_patient(monkeypatch, 0.001, longest=2 * DEADLINE)
    async with AsyncExitStack() as taken:
        for number in range(1, 5):
            await within(taken.enter_async_context(some.snapshot()), "a connection is lent")
            assert len(opened) == number
    assert await read(some) == 0
    assert len(opened) == 4


async def test_a_read_waits_as_long_again_for_each_that_is_given_back(some, monkeypatch) -> None:
    be_patient(monkeypatch, DEADLINE, longest=2 * DEADLINE)
    wait, waited = asyncio.wait, []

    async def wait_and_note(fs, *, timeout):
        waited.append(timeout)
        return await wait(fs, timeout=timeout)

    monkeypatch.setattr(reader_pool, "asyncio", SimpleNamespace(**{**vars(asyncio), "wait": wait_and_note}))
    await asyncio.gather(*(read(some) for _ in range(12)))
    assert len(waited) > 11
    assert {*waited} == {DEADLINE}


async def test_a_read_has_a_connection_of_its_own_at_last_however_many_are_given_back(
    some, opened, monkeypatch
) -> None:
    be_patient(monkeypatch, 2 * DEADLINE, longest=0)
    async with some.snapshot():
        assert await within(read(some), "another connection is opened") == 0
    assert len(opened) == 2


async def test_who_waits_gets_what_was_given_back_at_once(some, opened, monkeypatch) -> None:
    be_patient(monkeypatch, 2 * DEADLINE)
    async with some.snapshot():
        waiting = asyncio.ensure_future(read(some))
        await ticks(3)
        assert not waiting.done()
    assert await within(waiting, "what was given back is lent again") == 0
    assert len(opened) == 1


async def test_who_waits_for_one_that_cannot_be_opened_is_told_the_same(tmp_path, monkeypatch) -> None:
    be_patient(monkeypatch, 2 * DEADLINE)
    path = tmp_path / "none.db"
    path.write_bytes(b"")
    some = Readers(path)
    told = await within(asyncio.gather(*(read(some) for _ in range(4)), return_exceptions=True), "all end")
    assert [type(one) for one in told] == [Unavailable] * 4
    await some.close()


async def test_the_connection_that_was_used_last_is_lent_first(some, opened, monkeypatch) -> None:
    monkeypatch.setattr(reader_pool, "PATIENCE", 0)
    async with some.snapshot() as first, some.snapshot():
        kept = (await first.get_raw_connection()).driver_connection
    for _ in range(4):
        async with some.snapshot() as db:
            assert (await db.get_raw_connection()).driver_connection is kept


async def test_two_readers_of_a_process_compile_a_statement_once(some, monkeypatch) -> None:
    await read(some)
    monkeypatch.setattr(type(COUNT), "_compiler", None)
    other = Readers(some.path)
    assert await read(other) == 0
    await other.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [(MemoryError(), "short.memory"), (RuntimeError("can't start new thread"), "short.threads")],
)
async def test_a_read_without_memory_or_threads_is_refused_and_the_next_is_not(
    some: Readers, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    async def short(*_: object) -> ReaderDriver:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(readers, "open_driver", short)
        with pytest.raises(Unavailable) as refused:
            async with some.snapshot():
                pass
    assert refused.value.code == code
    async with some.snapshot() as db:
        assert (await db.execute(COUNT)).scalar() is not None
