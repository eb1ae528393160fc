"""Fixtures of store tests: a deck that is verified at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.store.readers import Readers
from core.store.reports import Reports
from tests.store.deck import Deck as PlannedDeck
from tests.support.deck import Deck
from tests.support.legality import illegal_moves
from tests.support.recounts import findings


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    """Yield a fresh store; at the end recount it and fold its events."""
    made = Deck(tmp_path / "deck.db")
    yield made
    verified(made)
    made.db.close()


@pytest.fixture
async def readers(deck: PlannedDeck) -> AsyncIterator[Readers]:
    """Yield the readers of the store, for tests that fill it with the deck of plans."""
    made = Readers(deck.path)
    yield made
    await made.close()


@pytest.fixture
def reports(deck: PlannedDeck, readers: Readers) -> Reports:
    return Reports(readers, now=lambda: deck.now)


def verified(deck: Deck) -> None:
    """Fail with what is wrong with a store."""
    assert findings(deck.db) == ()
    assert illegal_moves(deck.db) == []
