"""Palette: screens, actions of the screen below and themes, found by a few letters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.keymap import KEYS
from console.screens.base import DeskScreen


class KeyProvider(Provider):
    """Offers every action of the key table that the present screen knows."""

    async def discover(self) -> Hits:
        """Offer everything before anything is typed."""
        for words, action in self._actions():
            yield DiscoveryHit(words, partial(self._run, action))

    async def search(self, query: str) -> Hits:
        """Offer what the typed letters are found in."""
        matcher = self.matcher(query)
        for words, action in self._actions():
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, matcher.highlight(words), partial(self._run, action))

    def _actions(self) -> Iterator[tuple[str, str]]:
        screen = self.screen
        parts = (*screen.PARTS, "app") if isinstance(screen, DeskScreen) else ("app",)
        for part in parts:
            for key in KEYS[part]:
                if key.id != "palette":
                    yield f"{key.words} ({key.shown})", f"app.{key.action}" if part == "app" else key.action

    async def _run(self, action: str) -> None:
        await self.screen.run_action(action)
