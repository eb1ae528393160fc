"""A Textual app of one widget: the least cost of any console."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Page(Widget, can_focus=True):
    """Lines of text; a bar moves over them."""

    BINDINGS: ClassVar = [("down", "move(1)"), ("j", "move(1)"), ("k", "move(-1)"), ("pagedown", "move(30)")]
    cursor = 0

    def render_line(self, y: int) -> Strip:
        """Return a line, reversed under the bar."""
        style = self.rich_style + Style(reverse=y == self.cursor)
        return Strip([Segment(f"row {y:5} some text of a task that waits".ljust(self.size.width), style)])

    def action_move(self, step: int) -> None:
        """Move the bar."""
        old, self.cursor = self.cursor, (self.cursor + step) % max(1, self.size.height)
        for y in (old, self.cursor):
            self.refresh(Region(0, y, self.size.width, 1))


class Bare(App[None]):
    """Nothing but the page; q leaves."""

    BINDINGS: ClassVar = [("q", "quit")]

    def compose(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def on_mount(self) -> None:
        """Give it the keys."""
        self.query_one(Page).focus()


if __name__ == "__main__":
    Bare().run(mouse=False)
