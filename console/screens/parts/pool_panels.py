"""Pool panels: pools, limits and backends above the list of queues.

Owned by the screen of pools and queues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from console.desk import Desk
from console.navigation.history import Subject
from console.rows.backend_rows import BackendRow, backend_row_format, backends_of
from console.rows.limit_rows import LimitRow, limit_row_format, limit_rows
from console.rows.listing import now_ms
from console.rows.pool_rows import pool_row_format
from console.screens.parts.capacity_keys import Chosen
from console.widgets.table import CursorShown, Table
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.limits.limit_views import CapacityView, PoolView

_AROUND = 5
"""Lines of a screen for title, strip, status bar, hints and the head of the queues."""
_LEAST = 3
"""Lines of a panel at the most on a low screen: its head and two rows; the first panels are shown."""


Panel: TypeAlias = Table[PoolView] | Table[LimitRow] | Table[BackendRow]


class PlaceBehind(NamedTuple):
    """A place, and what it is opened on; None = there is nothing."""

    place: str
    subject: Subject | None


class PoolPanels:
    """Reads and shows pools, limits and backends; the one with the keys says what a verb acts on."""

    def __init__(self, desk: Desk) -> None:
        self.pools: Table[PoolView] = Table(pool_row_format(lambda: desk.look), cursor=CursorShown.WITH_FOCUS)
        self.limits: Table[LimitRow] = Table(
            limit_row_format(lambda: desk.look), cursor=CursorShown.WITH_FOCUS
        )
        self.backends: Table[BackendRow] = Table(
            backend_row_format(lambda: desk.look), cursor=CursorShown.WITH_FOCUS
        )
        self._all: tuple[Panel, ...] = (self.pools, self.limits, self.backends)
        for panel in self._all:
            panel.display = False
        self._listed: CapacityView | None = None
        self._read_at = 0
        self._opens_at: int | None = None

    @property
    def shown(self) -> tuple[Panel, ...]:
        """The panels that hold something."""
        return tuple(panel for panel in self._all if panel.display)

    @property
    def has_keys(self) -> bool:
        """Whether one of them has the keys, and not the queues."""
        return any(panel.has_focus for panel in self.shown)

    async def read(self, control: ControlAPI) -> None:
        """Read and show them; there are few of each."""
        self._listed = listed = await control.limits.capacity()
        pools, limits, backends = listed.pools, limit_rows(listed), backends_of(listed)
        self.pools.replace(dict(enumerate(pools)), count=len(pools), more=False)
        self.limits.replace(dict(enumerate(limits)), count=len(limits), more=False)
        self.backends.replace(dict(enumerate(backends)), count=len(backends), more=False)
        self._read_at = now_ms()
        moments = [at for row in limits for at in (row.opens_at, row.gauge.turns_at) if at is not None]
        moments += [row.gauge.shut_until for row in backends if row.gauge.shut_until is not None]
        self._opens_at = min(moments, default=None)

    def fit(self, height: int) -> None:
        """Give each panel the lines that its rows need, at most its part of the screen; none on a low one."""
        filled = sum(bool(panel.count) for panel in self._all)
        room = height - _AROUND
        # The queues have as much as each of them.
        most = max(_LEAST, room // (filled + 1))
        left = room - most
        for panel in self._all:
            lines = min(panel.count + 1, most, left)
            panel.display = bool(panel.count) and lines > 1
            panel.styles.height = max(0, lines)
            left -= lines if panel.display else 0

    def is_due(self) -> bool:
        """Tell whether a window has turned, or a limit has opened, since they were read."""
        return self._opens_at is not None and self._read_at < self._opens_at <= now_ms()

    def title_words(self) -> Iterator[str]:
        """Count pools, and slots that are taken of those that there are."""
        pools = list(self.pools.rows.values())
        if pools:
            taken, slots = sum(pool.taken for pool in pools), sum(pool.slots for pool in pools)
            yield f"{len(pools):,} pool{'' if len(pools) == 1 else 's'}"
            yield f"slots {taken:,}/{slots:,}"

    def chosen(self) -> Chosen:
        """Return what the capacity keys act on; where there is one pool, it needs no keys."""
        pool, row = self.pools.selected, self.limits.selected
        if self.backends.has_focus:
            return Chosen(backend=self.backends.selected, listed=self._listed)
        if self.limits.has_focus and row is not None:
            return Chosen(limit=row.limit, gauge=row.gauge, listed=self._listed)
        is_meant = self.pools.has_focus or self.pools.count == 1
        return Chosen(pool=pool if is_meant else None, listed=self._listed)

    def selected_view(self) -> object:
        """Return the view under the cursor of the panel with the keys, or None."""
        if self.pools.has_focus:
            return self.pools.selected
        row = self.backends.selected if self.backends.has_focus else self.limits.selected
        return None if row is None else row.gauge

    def place(self) -> PlaceBehind:
        """Return the place behind the row under the cursor: what runs, the gauges, or what waits."""
        if self.backends.has_focus:
            return PlaceBehind(
                "tasks",
                Filter(noun=Noun.TASKS, terms=(In(field="wait", values=("down", "shut", "breaker")),)),
            )
        if self.limits.has_focus:
            row = self.limits.selected
            return PlaceBehind("gauges", None if row is None else row.limit.name)
        pool = self.pools.selected
        if pool is None or not pool.holders:
            return PlaceBehind("tasks", None)
        return PlaceBehind("tasks", Filter(noun=Noun.TASKS, terms=_of_pool(pool)))

    def refresh_ages(self) -> None:
        """Update what grows with time."""
        for panel in self.shown:
            panel.refresh_ages()

    def restyle(self) -> None:
        """Take the colours of another theme."""
        for panel in self._all:
            panel.restyle()


def _of_pool(pool: PoolView) -> tuple[In, ...]:
    running = In(field="status", values=("running",))
    if len(pool.holders) == pool.taken:
        return (running, In(field="id", values=tuple(holder.task_id for holder in pool.holders)))
    # More than the answer lists: those of its queues, which other pools may drain too.
    return (running, In(field="queue", values=pool.queues)) if pool.queues else (running,)
