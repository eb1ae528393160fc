"""The input of a filter, with its fault below.

Used by the list screen and its filter line.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from console.widgets.form import SafeInput
from core.model.errors import Invalid
from core.model.text import SafeText, clip, safe_line


class Prompt(Vertical):
    """Shows the present text; `ask` opens it for typing, `Submitted` brings the typed text."""

    DEFAULT_CSS = """
    Prompt { height: auto; min-height: 1; }
    Prompt Static { height: auto; }
    Prompt Input { height: 1; border: none; padding: 0 1; background: $panel; }
    Prompt Input:focus { border: none; }
    """

    class Submitted(Message):
        """Enter was pressed."""

        def __init__(self, kind: str, text: str) -> None:
            super().__init__()
            self.kind = kind
            self.text = text

    def __init__(self, *, back: Callable[[], object]) -> None:
        super().__init__()
        self._back = back
        self._kind = ""
        self._input = SafeInput()
        self._line = Static(markup=False)

    @property
    def open(self) -> bool:
        """Whether it is open for typing."""
        return bool(self._kind)

    def compose(self) -> ComposeResult:
        """Hold the input and the line."""
        self._input.display = False
        yield self._input
        yield self._line

    def ask(self, kind: str, text: str, *, placeholder: str) -> None:
        """Open for typing, with an initial text."""
        self._kind = kind
        self._input.placeholder = placeholder
        self._input.value = text
        self._input.cursor_position = len(text)
        self._input.display = True
        self._line.display = False
        # At once, not by a message: the next key may be here already, and must not be a verb.
        self.screen.set_focus(self._input)

    def close(self) -> None:
        """Stop typing and give the keys back."""
        self._kind = ""
        self._input.display = False
        self._line.display = True
        self._back()

    def show(self, line: SafeText) -> None:
        """Show the present text."""
        self._line.update(Content(line))

    def refuse(self, error: Invalid) -> None:
        """Point at the fault of the typed text, which stays to be corrected."""
        at, length = error.facts.get("position"), error.facts.get("length")
        caret = (
            " " * at + "^" * max(1, length) + " " if isinstance(at, int) and isinstance(length, int) else ""
        )
        # The message ends in the text and a caret of its own; here the caret is below the typed text.
        sentence = safe_line(error.message.splitlines()[0])
        hint = f"\n {safe_line(error.hint)}" if error.hint else ""
        self._line.update(Content(f" {caret}{clip(sentence, 200)}{hint}"))
        self._line.display = True

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Post the typed text."""
        event.stop()
        self.post_message(self.Submitted(self._kind, event.value))
