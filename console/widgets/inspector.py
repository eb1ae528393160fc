"""Inspector: a pane of text beside or below a list.

Used by the list screen and its row inspector.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget

from console.widgets.line import Line
from console.widgets.text_paint import Paint, no_paint
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line

BESIDE = 140
"""Least width of the screen for a pane to the right of its list; else it is below."""
OPENS_AT = 36
"""Rows of the screen from which the pane is open unless the operator closes it."""


class Inspector(Vertical):
    """A title and lines of text, closed at first."""

    DEFAULT_CSS = """
    Inspector { display: none; }
    Inspector.open { display: block; }
    Inspector Line { background: $panel; text-style: bold; }
    """

    def __init__(self, paint: Paint = no_paint) -> None:
        super().__init__()
        self._title = Line()
        self.text = TextView(paint)
        self._shown_title: SafeText | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is on the screen."""
        return self.has_class("open")

    def compose(self) -> list[Widget]:
        return [self._title, self.text]

    def toggle(self) -> None:
        self.toggle_class("open")

    def open(self, *, wanted: bool) -> None:
        """Be on the screen, or not."""
        self.set_class(wanted, "open")

    def put(self, title: SafeText, lines: Sequence[SafeText]) -> None:
        """Show a title and lines; under the same title the scroll position is kept."""
        is_other = title != self._shown_title
        self._shown_title = title
        self._title.write(Content(safe_line(f" {title}")))
        self.text.put(lines)
        if is_other:
            self.text.action_first()


_EMPTY = 2
"""Lines of a list without rows: its head, and why there are none."""
_STEP = 4
"""Rows by which a list grows before its inspector gives way."""


class Split(Container):
    """Holds a list and its inspector, side by side where there is room."""

    DEFAULT_CSS = """
    Split { layout: vertical; height: 1fr; }
    Split Inspector { width: 100%; height: 40%; }
    Split.beside { layout: horizontal; }
    Split.beside Inspector { width: 40%; height: 100%; }
    Split.beside > ScrollView { width: 1fr; }
    """

    def __init__(self, rows: Widget, inspector: Inspector) -> None:
        super().__init__(rows, inspector)
        self._inspector = inspector
        self._needed = _EMPTY

    def on_resize(self, event: events.Resize) -> None:
        """Set the pane beside the list where there is room."""
        self.set_class(event.size.width >= BESIDE, "beside")
        self._fit()

    def fit(self, rows: int) -> None:
        """Give a pane below the list what a list of so many rows leaves empty."""
        # In steps: a list that grows row by row must not lay the screen out each time.
        needed = -(-rows // _STEP) * _STEP + _EMPTY
        if needed != self._needed:
            self._needed = needed
            self._fit()

    def _fit(self) -> None:
        left = 0 if self.has_class("beside") else self.size.height - self._needed
        # As far as the style sheet gives it less.
        self._inspector.styles.min_height = max(0, left)
