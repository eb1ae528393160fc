"""A dialog with one line to type, at the bottom.

Used by the exporter, the place prompt and the text view.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from console.widgets.form import SafeInput
from core.model.text import SafeText


class LineDialog(ModalScreen[str]):
    """Asks for a line; Enter returns the typed text, Escape ''."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", show=False)]
    DEFAULT_CSS = """
    LineDialog { background: transparent; align: left bottom; }
    LineDialog Static { width: 100%; height: 1; padding: 0 1; text-style: reverse bold; }
    LineDialog SafeInput { width: 100%; background: $panel; }
    """

    def __init__(self, question: SafeText, *, placeholder: str = "", value: str = "") -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """Stack the question and the line."""
        yield Static(Content(self._question), markup=False)
        yield SafeInput(self._value, placeholder=self._placeholder)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return the typed text."""
        event.stop()
        self.dismiss(event.value)

    def action_back(self) -> None:
        """Return nothing."""
        self.dismiss("")
