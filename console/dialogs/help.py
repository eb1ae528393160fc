"""The keys of a screen, from the key table.

Opened by the app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.key_table import KEYS, bindings, help_lines
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line

_FILTERS = (
    "",
    "Filter: state:failed,retrying queue:mail* age>10m attempts>=3 err~timeout -key:canary text sort:-id",
    "        comma = or, space = and, - = not, ~ = regular expression, * = any text",
)


class HelpDialog(ModalScreen[None]):
    """The keys of the screen below, then those of the whole console."""

    BINDINGS = bindings("view")

    def __init__(
        self, parts: tuple[str, ...], keymap: Mapping[str, str], *, why_not: Callable[[str], SafeText]
    ) -> None:
        super().__init__()
        self._parts = parts
        self._keymap = keymap
        self._why_not = why_not
        self._view = TextView()

    def compose(self) -> ComposeResult:
        """Hold a head and the text."""
        yield Static(Content(" Keys of this screen (Esc: back)"), classes="head")
        yield self._view

    def on_mount(self) -> None:
        """Write the keys."""
        lines = [*help_lines(self._parts, self._keymap), *self._unavailable()]
        lines += [SafeText(""), SafeText("Everywhere"), *help_lines(("app",), self._keymap)]
        self._view.put([*lines, *(SafeText(line) for line in _FILTERS)])
        self._view.focus()

    def action_back(self) -> None:
        """Close."""
        self.dismiss()

    def _unavailable(self) -> list[SafeText]:
        keys = [key for part in (*self._parts, "app") for key in KEYS[part]]
        reasons = [(key, self._why_not(key.action.partition("(")[0])) for key in keys]
        lines = [safe_line(f"  {key.shown} {key.id} - {reason}") for key, reason in reasons if reason]
        return [SafeText(""), SafeText("Not now"), *lines] if lines else []
