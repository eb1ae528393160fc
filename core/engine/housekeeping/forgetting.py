"""Forgetting: takes old rows that belong to no job.

A part of the engine's retention.
"""

from __future__ import annotations

from typing import Protocol

from core.model.commands.forgetting import BeginForgetting, Forget
from core.model.retention import Forgettable
from core.store.journal import Journal

_UNSAID = frozenset({Forgettable.SIGNALS, Forgettable.TEXTS, Forgettable.GAUGES})


class ForgettableFacts(Protocol):
    """What the store says: its reports."""

    async def due(self, what: Forgettable, *, before: int) -> tuple[str | int, ...]:
        """Return the next of what is older (ms UTC)."""

    async def count(self, what: Forgettable, *, before: int) -> int:
        """Return how many there are."""


class Forgetting:
    """One pass, a step at a time; the first one notes in the history what the pass is about."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._event: int | None = None

    async def forget(self, what: Forgettable, refs: tuple[str | int, ...], *, before: int) -> int:
        """Forget these in one commit; return how many rows went."""
        if not refs:
            return 0
        # What expires said so when it came, and of a text or a gauge the history tells nothing.
        if self._event is None and what not in _UNSAID:
            self._event = await self._journal.submit(BeginForgetting(before=before))
        command = Forget(what=what, refs=refs, before=before, event=self._event or 0)
        return await self._journal.submit(command)
