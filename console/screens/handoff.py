"""The handoff screen: a note to paste, for who works on.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.handoff import HandoffNote, handoff_note, read_handoff
from console.screens.base import DeskScreen
from console.widgets.text_paint import page_paint
from console.widgets.text_view import TextView
from core.model.text import SafeText


class HandoffScreen(DeskScreen):
    """What fails, runs, waits and was changed by people since the operator last looked; `y` copies it.

    It is read when it is opened and by Ctrl+R: a note does not change under the one who reads it.
    """

    PARTS = ("view",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.view = TextView(page_paint(lambda: desk.look))
        self._note: HandoffNote | None = None

    def body(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    async def load(self) -> None:
        facts = await read_handoff(self.desk.control, self.desk.feed.pulse, self.desk.last_look)
        self._note = handoff_note(facts)
        self.view.put(self._note.lines)

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Read nothing again by itself."""
        return False

    def title_line(self) -> SafeText:
        return SafeText(" Handoff: y copies the note")

    def position_text(self) -> str:
        return self.view.position_text

    def selected_view(self) -> object:
        return self._note
