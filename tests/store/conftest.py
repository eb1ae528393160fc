"""Give every test of the store a deck that is verified at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.legality import illegal_moves


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    """Yield a fresh store; at the end recount it and fold its events."""
    made = Deck(tmp_path / "deck.db")
    yield made
    verified(made)
    made.db.close()


def verified(deck: Deck) -> None:
    """Fail with what is wrong with a store."""
    assert verify(deck.db) == ()
    assert illegal_moves(deck.db) == []
