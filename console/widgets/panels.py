"""Panels: tables that share a screen, sized by their rows.

Used by the Pulse screen.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import Container
from textual.css.scalar import Scalar, Unit

from console.widgets.scroll_list import ScrollList

WIDE = 140
"""Columns from which panels may stand side by side."""
_HEAD, _LEAST = 1, 2


class Panels(Container):
    """One above the other; side by side where their rows have no room so, and the screen is wide."""

    DEFAULT_CSS = """
    Panels { height: 1fr; layout: vertical; }
    Panels.wide { layout: horizontal; }
    Panels ScrollList { height: 1fr; width: 1fr; }
    """

    def on_resize(self) -> None:
        self.fit()

    def fit(self) -> None:
        """Give each panel the room that its rows need; to be called when they have changed."""
        panels = [panel for panel in self.children if isinstance(panel, ScrollList) and panel.display]
        needs = [max(_LEAST, panel.count + _HEAD) for panel in panels]
        is_wide = self.size.width >= WIDE and sum(needs) > self.size.height
        self.set_class(is_wide, "wide")
        heights = [0] * len(panels) if is_wide else [*shared(needs, self.size.height)[:-1], 0]
        for panel, height in zip(panels, heights, strict=True):
            wanted = Scalar(height or 1, Unit.CELLS if height else Unit.FRACTION, Unit.PERCENT)
            if panel.styles.height != wanted:
                panel.styles.height = wanted


def shared(needs: Sequence[int], room: int) -> list[int]:
    """Share rows out: who needs less than an even share gets it, the others share evenly what is left."""
    given = [0] * len(needs)
    for done, index in enumerate(sorted(range(len(needs)), key=needs.__getitem__)):
        even = max(_LEAST, (room - sum(given)) // (len(needs) - done))
        given[index] = min(needs[index], even)
    return given
