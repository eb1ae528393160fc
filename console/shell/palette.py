"""The palette: finds actions, screens, views, numbers and themes by words.

Owned by the app.
"""

from __future__ import annotations

import re

from textual.app import App

from console.dialogs.finder import Enters, Finder, Offer
from console.screens.base import DeskScreen
from console.shell.palette_entries import Entry, entries_of, found
from console.verbs.questions import Notices
from core.model.text import SafeText, safe_line

_NUMBER = re.compile(r"#?[0-9]{1,18}")


class Palette:
    """Offers every action and place; those that cannot be had now are greyed, with the reason."""

    def __init__(self, app: App[None], *, notices: Notices) -> None:
        self._app = app
        self._notices = notices

    async def ask(self) -> None:
        """Ask what to do, and do it; tell the reason of what cannot be done now."""
        top = self._app.screen
        screen = top if isinstance(top, DeskScreen) else None
        entries = entries_of(screen, top.focused)
        finder = Finder(
            SafeText("Palette"), lambda typed: _offers(entries, typed), enters=Enters.THE_FIRST_OFFER
        )
        title = await self._app.push_screen_wait(finder)
        if _NUMBER.fullmatch(title):
            await self._app.run_action(f"app.go({title!r})", top)
            return
        entry = next((entry for entry in entries if entry.title == title), None)
        if entry is None:
            if title:
                self._notices.inform(safe_line(f"nothing here is found by '{title}'"))
        elif entry.reason:
            self._notices.inform(entry.reason)
        else:
            await self._app.run_action(entry.action, entry.node or top)


def _offers(entries: tuple[Entry, ...], typed: str) -> list[Offer]:
    number = typed.strip()
    offers = [
        Offer(text=entry.title, title=entry.title, note=safe_line(entry.keys), reason=entry.reason)
        for entry in found(entries, typed)
    ]
    if _NUMBER.fullmatch(number):
        offers.insert(0, Offer(text=number, title=safe_line(f"go to {number}")))
    return offers
