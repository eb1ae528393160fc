"""The queues screen: depth, pace, and which are paused.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import Subject
from console.rows.listing import Listing, now_ms, queues, style_of, worded
from console.screens.list_screen import ListScreen
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.text import SafeText, safe_line
from core.model.views import QueueView
from core.render.columns import Column, Form, cell

_STATE = Column(name="state", title="STATE", form=Form.TEXT, path="name", width=8)


class QueuesScreen(ListScreen[QueueView]):
    """The queues by name; there are few, and one page holds them all."""

    PARTS = ("list", "pause", "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("task", "queue")
    PLACES = {"open": "queue"}
    nothing = SafeText("no queue has had a task yet: o starts a job; try the sample")

    def __init__(self, desk: Desk) -> None:
        listing = queues(desk.control)
        super().__init__(desk, listing, row_format=queues_row_format(listing, lambda: desk.look))

    def title_line(self) -> SafeText:
        pulse = self.desk.feed.pulse
        total = self.table.count
        parts = [f"{total:,} queue{'' if total == 1 else 's'}", f"{pulse.paused:,} paused"]
        parts += [f"{status} {pulse.tasks.get(status, 0):,}" for status in ("queued", "running")]
        return safe_line(f" Queues  {'  '.join(parts)}")

    def export_cell(self, row: QueueView, column: Column) -> SafeText:
        return SafeText(_state(row)) if column is _STATE else super().export_cell(row, column)

    def subject(self) -> Subject | None:
        return None if self.table.selected is None else self.table.selected.name


def queues_row_format(listing: Listing[QueueView], look: Callable[[], Look]) -> RowFormat[QueueView]:
    """Add to the columns of a queue whether it is open or paused."""

    def write(queue: QueueView, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        now = now_ms()
        return tuple(_cell(queue, column, look=look(), now=now) for column in columns)

    def style(queue: QueueView, column: Column) -> Style | None:
        if column is _STATE:
            return style_of(_state(queue), look())
        return style_of("failed", look()) if column.name == "failed" and queue.tasks.get("failed") else None

    name, *others = listing.columns
    return RowFormat(columns=(name, _STATE, *others), key=listing.key, write=write, style=style)


def _cell(queue: QueueView, column: Column, *, look: Look, now: int) -> SafeText:
    if column is _STATE:
        return worded(_state(queue), look)
    text = cell(column, queue, now=now)
    # The glyph says it where there is no colour.
    is_failed = column.name == "failed" and queue.tasks.get("failed")
    return safe_line(f"{look.marks['failed'].glyph} {text}") if is_failed else text


def _state(queue: QueueView) -> str:
    return "open" if queue.paused_at is None else "paused"
