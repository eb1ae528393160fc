"""An engine and its clients do not wait for one another's reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from core.control.local import LocalControl
from core.engine.store_readers import StoreReaders
from core.model.errors import Unavailable
from core.store.readers import ENGINE_TURN_SECONDS, TURN_SECONDS, Readers
from tests.store.deck import Deck
from tests.support.house import House
from tests.support.waiting import within


@pytest.fixture
async def readers(tmp_path: Path) -> AsyncIterator[StoreReaders]:
    deck = Deck(tmp_path / "store.db")
    made = StoreReaders(deck.path)
    yield made
    await made.close()
    deck.close()


async def all_of(readers: Readers) -> AsyncExitStack:
    """Take all connections of a pool."""
    taken = AsyncExitStack()
    for _ in range(readers._pool.engine.pool.size()):  # type: ignore[attr-defined]
        await taken.enter_async_context(readers.snapshot())
    return taken


def test_an_engine_waits_minutes_for_its_turn_and_its_clients_seconds(readers: StoreReaders) -> None:
    assert readers._own._turn == ENGINE_TURN_SECONDS >= 600
    assert readers._clients._turn == TURN_SECONDS <= 30


async def test_clients_read_while_the_engine_has_lent_all_its_own_connections(house: House) -> None:
    control = LocalControl(house.engine)
    async with await all_of(house.engine._readers._own):
        assert await within(control.queues(), "a client reads")


async def test_the_engine_reads_while_clients_have_all_of_theirs(house: House) -> None:
    clients = house.engine._readers._clients
    control = LocalControl(house.engine)
    async with await all_of(clients):
        assert await within(house.engine.reports.queues.all(), "the engine reads")
        clients._pool.engine.pool._timeout = 0.001  # type: ignore[attr-defined]
        with pytest.raises(Unavailable) as refused:
            await control.queues()
    assert refused.value.code == "store.busy"
    assert await control.queues()


async def test_the_oldest_read_is_one_of_the_engine_or_of_a_client(readers: StoreReaders) -> None:
    assert readers.oldest_ms() == 0
    for pool in (readers._own, readers._clients):
        async with pool.snapshot():
            assert readers.oldest_ms() > 0


async def test_both_pools_are_closed_at_the_end(readers: StoreReaders) -> None:
    for pool in (readers._own, readers._clients):
        async with pool.snapshot():
            pass
    await readers.close()
    assert not readers._own._ends
    assert not readers._clients._ends
