"""A question in one line, answered by one key.

Opened by `questions` and by the exporter.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.model.text import SafeText


class ConfirmDialog(ModalScreen[str]):
    """Returns the answer under the pressed key, '' = none. Enter never answers yes."""

    def __init__(self, question: SafeText, answers: Mapping[str, str]) -> None:
        super().__init__()
        self._question = question
        self._answers = answers

    def compose(self) -> ComposeResult:
        """Hold the line."""
        yield Static(Content(self._question), markup=False)

    def on_key(self, event: events.Key) -> None:
        """Take the first key as the answer."""
        event.stop()
        event.prevent_default()
        self.dismiss(self._answers.get(event.key, ""))
