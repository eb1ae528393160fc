"""The screen of pools and queues: slots, limits, backends, depth, pace, pauses.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style
from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import Subject
from console.rows.listing import Listing, now_ms, queues, style_of, worded
from console.screens.list_screen import ListScreen
from console.screens.parts.capacity_keys import CapacityKeys
from console.screens.parts.pool_panels import PoolPanels
from console.themes import Look
from console.widgets.row_format import RowFormat
from console.widgets.table import CursorShown
from core.model.text import SafeText, safe_line
from core.model.views import QueueView
from core.render.columns import Column, Form, cell

_STATE = Column(name="state", title="STATE", form=Form.TEXT, path="name", width=8)
_OF_QUEUES = ("mark", "mark_range", "mark_all", "include", "exclude", "filter", "inspect")
"""Actions that act on the list of queues alone."""
_ON_QUEUES = SafeText("this acts on queues: Tab goes there")


class QueuesScreen(ListScreen[QueueView]):
    """The queues by name below the pools, limits and backends; there are few, and one page holds them all."""

    PARTS = ("list", "pause", "pools", "times")
    BINDINGS = bindings(*PARTS)
    NOUNS = ("task", "queue", "pool", "limit", "gauge", "backend", "spending", "capacity", "attempt")
    PLACES = {"open": "queue"}
    nothing = SafeText("no queue has had a task yet: o starts a job; try the sample")

    def __init__(self, desk: Desk) -> None:
        listing = queues(desk.control)
        super().__init__(
            desk,
            listing,
            row_format=queues_row_format(listing, lambda: desk.look),
            cursor=CursorShown.WITH_FOCUS,
        )
        self.panels = PoolPanels(desk)
        self.capacity = CapacityKeys(desk, self, chosen=self.panels.chosen)
        self.action_resize = self.capacity.resize
        self.action_raise_limit = self.capacity.raise_limit
        self.action_reset_backend = self.capacity.reset_backend
        self.action_pause = self._pause

    def body(self) -> ComposeResult:
        yield self.panels.pools
        yield self.panels.limits
        yield self.panels.backends
        yield from super().body()

    async def load(self) -> None:
        """Read pools, limits and backends, then the queues."""
        await self.panels.read(self.desk.control)
        self.panels.fit(self.size.height)
        if not any(panel.has_focus for panel in self.panels.shown) and self.focused is None:
            self.table.focus()
        await super().load()

    def title_line(self) -> SafeText:
        pulse = self.desk.feed.pulse
        total = self.table.count
        parts = [f"{total:,} queue{'' if total == 1 else 's'}", f"{pulse.paused:,} paused"]
        parts += [f"{status} {pulse.tasks.get(status, 0):,}" for status in ("queued", "running")]
        return safe_line(f" Pools and Queues  {'  '.join([*self.panels.title_words(), *parts])}")

    def export_cell(self, row: QueueView, column: Column) -> SafeText:
        return SafeText(_state(row)) if column is _STATE else super().export_cell(row, column)

    def subject(self) -> Subject | None:
        return None if self.table.selected is None else self.table.selected.name

    def selected_view(self) -> object:
        return self.panels.selected_view() if self.panels.has_keys else super().selected_view()

    def why_not(self, action: str) -> SafeText:
        """Refuse in one panel what is of another."""
        if self.panels.has_keys and action in _OF_QUEUES:
            return _ON_QUEUES
        if action == "pause" and self.panels.pools.has_focus:
            return self.capacity.why_not("pause_pool")
        if action == "pause" and self.panels.backends.has_focus:
            return self.capacity.why_not("switch_backend")
        return self.capacity.why_not(action) or super().why_not(action)

    def refresh_ages(self) -> None:
        """Read again when a window turns or a limit opens."""
        self.panels.refresh_ages()
        if self.panels.is_due() and not self.desk.frozen:
            self.reload()
        super().refresh_ages()

    def restyle(self) -> None:
        self.panels.restyle()
        super().restyle()

    def on_resize(self) -> None:
        self.panels.fit(self.size.height)

    def action_open(self) -> None:
        """Show what runs in the pool, the gauges of the limit, what waits for backends, or for the queue."""
        if not self.panels.has_keys:
            super().action_open()
            return
        place, subject = self.panels.place()
        if subject is None:
            self.tell(SafeText("nothing runs in this pool"))
        self.visit(place, subject)

    def action_back(self) -> None:
        """Go from a panel to the queues, else back by one step."""
        if self.panels.has_keys:
            self.table.focus()
        else:
            super().action_back()

    def _pause(self) -> None:
        if self.panels.pools.has_focus:
            self.capacity.pause_pool()
        elif self.panels.backends.has_focus:
            self.capacity.switch_backend()
        else:
            self.verbs.pause()


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
    # The glyph says it without colour.
    is_failed = column.name == "failed" and queue.tasks.get("failed")
    return safe_line(f"{look.marks['failed'].glyph} {text}") if is_failed else text


def _state(queue: QueueView) -> str:
    return "open" if queue.paused_at is None else "paused"
