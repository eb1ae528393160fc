"""Copy texts of a row or page to clipboard and file.

Owned by the app.
"""

from __future__ import annotations

from pathlib import Path

from textual.app import App

from console.dialogs.menu import MenuDialog
from console.rows.copies import LARGEST, Copy, copies_of
from console.screens.base import DeskScreen
from console.screens.list_screen import ListScreen
from console.verbs.questions import Notices
from core.files.writing import write_file
from core.model.text import SafeText, safe_line

FILE = "copied.txt"
"""The last copy, in the data directory: not every terminal has a clipboard."""


class Clipboard:
    """Offers what can be copied; `home` = the data directory, None = no file is written."""

    def __init__(self, app: App[None], *, notices: Notices, home: Path | None) -> None:
        self._app = app
        self._notices = notices
        self._home = home

    async def ask(self, screen: DeskScreen) -> None:
        """Ask what of a screen's row or page to copy, and copy it."""
        where = screen.rows.where if isinstance(screen, ListScreen) else None
        copies = copies_of(
            screen.selected_view(), where, shown=screen.shown_texts(), flags=screen.deck_flags()
        )
        if not copies:
            self._notices.inform(SafeText("nothing to copy here yet"))
            return
        lines = {letter: safe_line(f"{copy.name}: {copy.text}") for letter, copy in copies.items()}
        letter = await self._app.push_screen_wait(MenuDialog(SafeText("Copy"), lines))
        if letter:
            copy = copies[letter]
            self._notices.inform(safe_line(f"{self._to_terminal(copy)}{self._to_file(copy.text)}"))

    def _to_terminal(self, copy: Copy) -> str:
        if len(copy.text.encode()) > LARGEST:
            return f"the {copy.name} is too large for the terminal's clipboard"
        self._app.copy_to_clipboard(copy.text)
        return f"copied the {copy.name}"

    def _to_file(self, text: SafeText) -> str:
        if self._home is None:
            return ""
        file = self._home / FILE
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(file, text.encode())
        except OSError as error:
            return f"; not written to {file}: {error.strerror}"
        return f"; also in {file}"
