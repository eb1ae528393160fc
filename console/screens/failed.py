"""The screen shown in place of one that failed.

Opened by the error boundary.
"""

from __future__ import annotations

import traceback

from textual.app import ComposeResult
from textual.message import Message

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import Spot
from console.screens.base import DeskScreen
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line

_FRAMES = 12


class Reopen(Message):
    """The screen that stood here is to be opened again."""

    def __init__(self, spot: Spot) -> None:
        super().__init__()
        self.spot = spot


class FailedScreen(DeskScreen):
    """Says how to get the failed screen back, and shows the traceback for a bug report."""

    PARTS = ("view",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, spot: Spot, *, error: Exception) -> None:
        super().__init__(desk)
        self.spot = spot
        self.view = TextView()
        self._error = error

    def body(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        story = traceback.format_exception(self._error, limit=-_FRAMES)
        lines = [line for part in story for line in part.splitlines()]
        self.view.put([SafeText("Ctrl+R opens this screen again, a number another one."), SafeText("")])
        self.view.add([safe_line(line) for line in lines])
        self.view.focus()

    async def load(self) -> None:
        """Load nothing: the traceback is all there is."""

    def reload(self) -> None:
        """Do nothing: only `renew` asks for the failed screen."""

    def reopen(self) -> None:
        """Ask for the screen that stood here."""
        if self.spot is not None:
            self.post_message(Reopen(self.spot))

    def title_line(self) -> SafeText:
        return safe_line(f" Something went wrong ({type(self._error).__name__}); Ctrl+R tries again")
