"""The mouse wheel: so many rows a step.

Used by the scroll list and the text views.
"""

from __future__ import annotations

from textual import events
from textual.widget import Widget

_ROWS = 3


class Wheel(Widget, inherit_bindings=False):
    """Moves by rows when the wheel turns."""

    def action_move(self, step: int) -> None:
        """Move by so many rows; negative = up."""
        raise NotImplementedError

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-_ROWS)
