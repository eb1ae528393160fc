"""The palette: screens, views, numbers, themes and actions by a few letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.key_table import KEYS, shown_keys
from console.screens.base import DeskScreen
from console.screens.list_screen import ListScreen
from console.shell.places import ROOTS
from core.model.errors import TaskdeckError
from core.model.text import safe_line

_NUMBER = re.compile(r"#[0-9]{1,18}")


class PaletteProvider(Provider):
    """Offers places and actions; greyed actions are left out."""

    async def discover(self) -> Hits:
        """Offer everything before anything is typed."""
        for words, action in self._offers():
            yield DiscoveryHit(words, partial(self._run, action))

    async def search(self, query: str) -> Hits:
        """Offer the entries that match; `#7` is a task or a job."""
        if _NUMBER.fullmatch(query.strip()):
            yield Hit(1, f"go to {query.strip()}", partial(self._run, f"app.go({query.strip()!r})"))
        matcher = self.matcher(query)
        for words, action in self._offers():
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, matcher.highlight(words), partial(self._run, action))

    def _offers(self) -> Iterator[tuple[str, str]]:
        screen = self.screen
        yield from self._actions(screen if isinstance(screen, DeskScreen) else None)
        yield from ((f"screen: {root}", f"app.screen({root!r})") for root in ROOTS)
        if not isinstance(screen, DeskScreen):
            return
        try:
            names = sorted(screen.desk.views.all())
        except TaskdeckError:
            # Told when a view is asked for; here it would be told at each letter.
            names = []
        for name in names:
            place = "'" + name
            yield safe_line(f"saved view: {name}"), f"app.go({place!r})"
        yield from ((safe_line(f"theme: {name}"), f"app.use_theme({name!r})") for name in screen.desk.looks)

    def _actions(self, screen: DeskScreen | None) -> Iterator[tuple[str, str]]:
        marked = " - acts on the marks" if isinstance(screen, ListScreen) and screen.picker.marks else ""
        for part in (*(screen.parts() if screen else ()), "app"):
            for key in KEYS[part]:
                name = key.action.partition("(")[0]
                # Those of the widget with the focus cannot be asked for from here.
                if key.id == "palette" or name == "screen" or (screen and part == screen.READER):
                    continue
                if screen is not None and screen.why_not(name):
                    continue
                keys = key.shown if screen is None else shown_keys(key, screen.desk.keymap)
                action = f"app.{key.action}" if part == "app" else key.action
                yield f"{key.words} ({keys}){marked if part in _VERBS else ''}", action

    async def _run(self, action: str) -> None:
        await self.app.run_action(action, self.screen)


_VERBS = ("retry", "cancel", "pause", "hold")
