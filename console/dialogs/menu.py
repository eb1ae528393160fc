"""A menu: a few lines, each chosen by its letter.

Opened by the column keys, the filter line and the clipboard.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.model.text import SafeText, clip


class MenuDialog(ModalScreen[str]):
    """Lists what each letter means; returns the letter, '' for Escape and every other key."""

    DEFAULT_CSS = """
    MenuDialog { background: transparent; align: left bottom; }
    MenuDialog VerticalScroll { width: 100%; height: auto; max-height: 100%; background: $panel; }
    MenuDialog Static { width: 100%; height: auto; padding: 0 1; }
    MenuDialog .question { text-style: reverse bold; }
    """

    def __init__(self, question: SafeText, lines: Mapping[str, SafeText]) -> None:
        super().__init__()
        self._question = question
        self._lines = lines
        self._choices = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Stack the question and the lines."""
        with VerticalScroll(can_focus=False):
            yield Static(Content(f"{self._question}  (Esc: back)"), markup=False, classes="question")
            yield self._choices

    def on_resize(self) -> None:
        """Cut the lines for the new width."""
        width = max(10, self.app.size.width - 6)
        text = "\n".join(f"{letter}  {clip(line, width)}" for letter, line in self._lines.items())
        self._choices.update(Content(text))

    def on_key(self, event: events.Key) -> None:
        """Take the first key as the answer."""
        event.stop()
        event.prevent_default()
        self.dismiss(event.key if event.key in self._lines else "")
