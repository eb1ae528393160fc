"""Help: the keys of a screen, printed from the key table."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.keymap import bindings, help_lines
from console.widgets.textview import TextView
from core.model.text import SafeText

_FILTERS = (
    "",
    "Filter: state:failed,retrying queue:mail* age>10m attempts>=3 err~timeout -key:canary text sort:-id",
    "        comma = or, space = and, - = not, ~ = regular expression, * = any text",
)


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below, then those of the whole console."""

    BINDINGS = bindings("view")

    def __init__(self, parts: Sequence[str]) -> None:
        super().__init__()
        self._parts = parts
        self._view = TextView()

    def compose(self) -> ComposeResult:
        """Hold a head and the text."""
        yield Static(Content(" Keys of this screen (Esc: back)"), classes="head")
        yield self._view

    def on_mount(self) -> None:
        """Write the keys."""
        lines = [*help_lines(self._parts), SafeText(""), SafeText("Everywhere"), *help_lines(("app",))]
        self._view.put([*lines, *(SafeText(line) for line in _FILTERS)])
        self._view.focus()

    def action_back(self) -> None:
        """Close."""
        self.dismiss()
