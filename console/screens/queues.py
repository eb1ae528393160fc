"""Queues: how deep they are, how fast they go, and which are paused, by whom and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import Listing, now_ms, queues, style_of, worded
from console.screens.listed import ListScreen
from console.themes import Look
from console.verbs.selection import Selection
from console.widgets.table import RowFormat
from core.control.api import Target
from core.model.text import SafeText, safe_line
from core.model.views import QueueView
from core.render.columns import Column, Form, cell

_STATE = Column(name="state", title="STATE", form=Form.TEXT, path="name", width=8)


class QueuesScreen(ListScreen[QueueView]):
    """The queues by name; there are few, and one page holds them all."""

    PARTS = ("list", "pause", "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("task", "queue")
    nothing = SafeText("no queue has had a task yet: o starts a job; try the sample")

    def __init__(self, desk: Desk) -> None:
        listing = queues(desk.control)
        super().__init__(desk, listing, row_format=queues_row_format(listing, lambda: desk.look))

    def title_line(self) -> SafeText:
        """Sum the queues in memory up."""
        pulse = self.desk.feed.pulse
        total = self.table.count
        told = [f"{total:,} queue{'' if total == 1 else 's'}", f"{pulse.paused:,} paused"]
        told += [f"{status} {pulse.tasks.get(status, 0):,}" for status in ("queued", "running")]
        return safe_line(f" Queues  {'  '.join(told)}")

    def chosen(self) -> Selection | None:
        """Return the queue under the cursor."""
        queue = self.table.selected
        if queue is None:
            return None
        return Selection(
            target=Target(queue=queue.name), label=f"queue {queue.name}", off=queue.paused_at is not None
        )

    def cell_of(self, row: QueueView, column: Column) -> SafeText:
        """Return what a column says of a queue in a file."""
        return SafeText(_state(row)) if column is _STATE else super().cell_of(row, column)

    def action_open(self) -> None:
        """Show the tasks of the queue."""
        self.visit("queue", None if self.table.selected is None else self.table.selected.name)


def queues_row_format(listing: Listing[QueueView], look: Callable[[], Look]) -> RowFormat[QueueView]:
    """Return how queues look: behind the name stands whether they are claimed from."""

    def write(queue: QueueView, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        now = now_ms()
        return tuple(
            worded(_state(queue), look()) if column is _STATE else cell(column, queue, now=now)
            for column in columns
        )

    def style(queue: QueueView, column: Column) -> Style | None:
        return style_of(_state(queue), look()) if column is _STATE else None

    name, *others = listing.columns
    return RowFormat(columns=(name, _STATE, *others), key=listing.key, write=write, style=style)


def _state(queue: QueueView) -> str:
    return "open" if queue.paused_at is None else "paused"
