"""Caret: where the cursor of the terminal stands.

Used by the app. Screen readers and magnifiers follow that cursor, and no drawn one.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from textual.app import App
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widgets import Input

from core.model.text import cells


@runtime_checkable
class HasCaret(Protocol):
    """A widget that knows in which of its cells the cursor belongs."""

    @property
    def caret(self) -> Offset:
        """The cell, from the left and the top of its content."""


def caret_of(app: App[None]) -> Offset:
    """Return the cell of the screen for the cursor: in the field, the row or the line that has the keys.

    A question without a field stands in the last line.
    """
    if not app.screen_stack:
        return Offset(0, 0)
    focused = app.focused
    if focused is None:
        is_question = isinstance(app.screen, ModalScreen)
        return Offset(0, app.screen.size.height - 1) if is_question else Offset(0, 0)
    if isinstance(focused, Input):
        # Textual counts a cell more at the end of the text.
        typed = cells(focused.value[: focused.cursor_position])
        return focused.content_region.offset + Offset(typed - focused.scroll_offset.x, 0)
    within = focused.caret if isinstance(focused, HasCaret) else Offset(0, 0)
    return focused.content_region.offset + within
