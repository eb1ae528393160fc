"""Cancelled readings end with their readers, and their threads with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from core.store.readers import Readers
from tests.store.deck import Deck
from tests.support.waiting import DEADLINE, ticks, until, within

LONG = """WITH RECURSIVE n(i) AS (SELECT begun() UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
SELECT ended(count(*)) FROM n"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    deck = Deck(tmp_path / "taskdeck.db")
    yield deck.path
    deck.close()


class Reading:
    """A statement that says when it begins, waits until it may go on, and says when it is through."""

    def __init__(self, *, rows: int = 1, held: bool = False) -> None:
        self._rows = rows
        self.begun, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()
        if not held:
            self.go.set()

    async def run(self, readers: Readers) -> None:
        async with readers.snapshot() as db:
            driver = (await db.get_raw_connection()).driver_connection
            await driver.create_function("begun", 0, self._begin)
            await driver.create_function("ended", 1, lambda _: self.ended.set())
            await db.execute(text(LONG.format(rows=self._rows)))

    def _begin(self) -> int:
        self.begun.set()
        self.go.wait(DEADLINE)
        return 1


async def cancelled_twice(readers: Readers) -> None:
    """Be given up for good while the statement holds the thread; nothing interrupts that."""
    one = Reading(held=True)
    reading = asyncio.create_task(one.run(readers))
    await until(one.begun.is_set, "the statement runs")
    for _ in range(2):
        reading.cancel()
        await ticks(3)
    with suppress(asyncio.CancelledError):
        await reading
    closing = asyncio.create_task(readers.close())
    await ticks(20)
    assert not closing.done()
    one.go.set()
    await within(closing, "the readers are closed")


async def cancelled_while_it_connects(readers: Readers) -> None:
    for number in range(100):
        reading = asyncio.create_task(Reading().run(readers))
        await ticks(number // 4)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    await within(readers.close(), "the readers are closed")


@pytest.mark.parametrize("scenario", [cancelled_twice, cancelled_while_it_connects])
def test_no_thread_of_a_cancelled_reading_speaks_to_a_closed_loop(
    store: Path, scenario: Callable[[Readers], Coroutine[None, None, None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda given: died.append(given.exc_value))
    before = set(threading.enumerate())
    asyncio.run(scenario(Readers(store)))
    for thread in set(threading.enumerate()) - before:
        thread.join(DEADLINE)
    assert died == []


async def test_a_long_statement_ends_when_its_caller_is_cancelled(store: Path) -> None:
    readers = Readers(store)
    one = Reading(rows=2_000_000)
    reading = asyncio.create_task(one.run(readers))
    await until(one.begun.is_set, "the statement runs")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await readers.close()
    assert not one.ended.is_set()
