"""One line of text that is drawn again only when it changes.

Used by the screens and the dialogs.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from console.key_table import Hint


def hint_line(hints: Iterable[Hint]) -> Content:
    """Return a line of keys and what they do; a mark has no word."""
    gap = Content("  ")
    pieces = [Content.assemble((key, "$accent"), word and f" {word}") for key, word in hints]
    return Content(" ") + gap.join(pieces)


class Line(Static):
    """Cut with an ellipsis where the screen ends."""

    DEFAULT_CSS = "Line { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, content: Content | str = "", *, classes: str = "") -> None:
        super().__init__(content, classes=classes, markup=False)
        self._written = Content("")

    def write(self, content: Content) -> None:
        """Show a line; nothing is drawn if it is the same."""
        # Textual compares contents by their text alone.
        if content.is_same(self._written):
            return
        self._written = content
        self.update(content, layout=False)
