"""A base for widgets that compute their layout for each size.

Used by the graph view, the scroll list and the text view.
"""

from __future__ import annotations

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget


class Resized(Widget, inherit_bindings=False):
    """Calls `resized` once for each new size, at the latest when it is drawn in it.

    Textual leaves the message out when the region of a widget is read between a change and the layout that
    follows it (Textualize/textual#5024).
    """

    _laid_out = Size()

    def resized(self) -> None:
        """Lay out for the present size."""
        raise NotImplementedError

    def on_resize(self) -> None:
        """Lay out before the first drawing."""
        self._take_size()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, and lay out later if this size is new."""
        if self.size != self._laid_out:
            self.call_later(self._take_size)
        return super().render_lines(crop)

    def _take_size(self) -> None:
        if self.size != self._laid_out:
            self._laid_out = self.size
            self.resized()
