"""The palette: finds screens, views, numbers, themes and actions by letters.

Registered by the app.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.key_table import KEYS, shown_keys
from console.screens.base import DeskScreen
from console.screens.list_screen import ListScreen
from console.shell.places import ROOTS
from core.model.errors import TaskdeckError
from core.model.text import safe_line

_NUMBER = re.compile(r"#[0-9]{1,18}")
_VERBS = ("retry", "cancel", "pause", "hold")
"""The parts of the key table whose actions act on marked rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A line of the palette, and the action that it runs."""

    title: str
    action: str


class PaletteProvider(Provider):
    """Offers places and actions; greyed actions are left out."""

    async def discover(self) -> Hits:
        """Offer all entries before anything is typed."""
        for entry in self._entries():
            yield DiscoveryHit(entry.title, partial(self._run, entry.action))

    async def search(self, query: str) -> Hits:
        """Offer the entries that match; `#7` is a task or a job."""
        if _NUMBER.fullmatch(query.strip()):
            yield Hit(1, f"go to {query.strip()}", partial(self._run, f"app.go({query.strip()!r})"))
        matcher = self.matcher(query)
        for entry in self._entries():
            score = matcher.match(entry.title)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.title), partial(self._run, entry.action))

    def _entries(self) -> Iterator[_Entry]:
        screen = self.screen if isinstance(self.screen, DeskScreen) else None
        yield from self._actions(screen)
        for root in ROOTS:
            yield _Entry(title=f"screen: {root}", action=f"app.screen({root!r})")
        if screen is not None:
            yield from self._views(screen)
            for name in screen.desk.looks:
                yield _Entry(title=safe_line(f"theme: {name}"), action=f"app.use_theme({name!r})")

    def _views(self, screen: DeskScreen) -> Iterator[_Entry]:
        try:
            names = sorted(screen.desk.views.all())
        except TaskdeckError:
            # Shown when a view is asked for; here it would be shown at each letter.
            return
        for name in names:
            place = f"'{name}"
            yield _Entry(title=safe_line(f"saved view: {name}"), action=f"app.go({place!r})")

    def _actions(self, screen: DeskScreen | None) -> Iterator[_Entry]:
        marked = " - acts on the marks" if isinstance(screen, ListScreen) and screen.picker.marks else ""
        for part in (*(screen.parts() if screen else ()), "app"):
            for key in KEYS[part]:
                name = key.action.partition("(")[0]
                # Actions of the focused widget cannot be run from here.
                if key.id == "palette" or name == "screen" or (screen and part == screen.READER):
                    continue
                if screen is not None and screen.why_not(name):
                    continue
                keys = key.shown if screen is None else shown_keys(key, screen.desk.keymap)
                yield _Entry(
                    title=f"{key.description} ({keys}){marked if part in _VERBS else ''}",
                    action=f"app.{key.action}" if part == "app" else key.action,
                )

    async def _run(self, action: str) -> None:
        await self.app.run_action(action, self.screen)
