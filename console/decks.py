"""Decks: the port by which the shell reaches other homes and hosts.

Implemented by `console.sessions.decks`; used by the shell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.model.decks import DeckName, DeckSight, KnownDeck


class Decks(Protocol):
    """What this console can be connected to."""

    @property
    def present(self) -> DeckName:
        """The deck that this console shows."""

    def known(self) -> Sequence[KnownDeck]:
        """Return what the operator had open, used last first; blocks."""

    def note_used(self) -> None:
        """Remember that the present deck is used; blocks."""

    def forget(self, name: DeckName) -> bool:
        """Remember a deck no more; False = it was not known; blocks."""

    def named(self, home: str, *, host: str) -> DeckName:
        """Return the deck of a home as it was typed; raise `Invalid`."""

    async def look(self, name: DeckName) -> DeckSight:
        """Say how a deck does, within some seconds; starts nothing."""

    async def open(self, name: DeckName) -> None:
        """Connect to a deck beside the present one; raise why that is not possible."""

    async def close_opened(self) -> None:
        """Close what `open` has connected to: the console stays where it is."""
