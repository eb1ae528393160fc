"""Help: the keys of a screen, printed from the key table."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.keymap import KEYS, bindings, help_lines
from console.screens.base import DeskScreen
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line

_FILTERS = (
    "",
    "Filter: state:failed,retrying queue:mail* age>10m attempts>=3 err~timeout -key:canary text sort:-id",
    "        comma = or, space = and, - = not, ~ = regular expression, * = any text",
)


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below, then those of the whole console."""

    BINDINGS = bindings("view")

    def __init__(self, below: DeskScreen | None) -> None:
        super().__init__()
        self._parts = below.parts() if below else ()
        self._moved = below.desk.keymap if below else {}
        self._greyed = _greyed(below, self._parts) if below else []
        self._view = TextView()

    def compose(self) -> ComposeResult:
        """Hold a head and the text."""
        yield Static(Content(" Keys of this screen (Esc: back)"), classes="head")
        yield self._view

    def on_mount(self) -> None:
        """Write the keys."""
        lines = [*help_lines(self._parts, self._moved), *self._greyed]
        lines += [SafeText(""), SafeText("Everywhere"), *help_lines(("app",), self._moved)]
        self._view.put([*lines, *(SafeText(line) for line in _FILTERS)])
        self._view.focus()

    def action_back(self) -> None:
        """Close."""
        self.dismiss()


def _greyed(screen: DeskScreen, parts: tuple[str, ...]) -> list[SafeText]:
    keys = [key for part in (*parts, "app") for key in KEYS[part]]
    reasons = [(key, screen.why_not(key.action.partition("(")[0])) for key in keys]
    lines = [safe_line(f"  {key.shown} {key.id} - {reason}") for key, reason in reasons if reason]
    return [SafeText(""), SafeText("Not now"), *lines] if lines else []
