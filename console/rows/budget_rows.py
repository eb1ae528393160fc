"""Budgets as rows, one for each key: state, bar, amounts, pace.

Used by the screens of budgets and of the gauges of one limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from rich.style import Style

from console.rows.amounts import amount_text, bare_amount, due_text, pace_text, shares
from console.rows.listing import Cells, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.limits.limit_views import CapacityView, Cause, GaugeView, LimitView
from core.model.limits.limits import MICRO, LimitKind
from core.model.text import SafeText, safe_line
from core.render.columns import Column, Form

BAR = 16
"""Cells of the bar of a row."""
GLYPHS = "█▒?·"
"""What is settled, reserved, unknown and left, in a bar; so colour is not needed to tell them apart."""
_HOUR_MS = 3_600_000
_LEAST_MS = 60_000
"""Of a shorter time a pace says nothing."""
_YEAR_MS = 366 * 24 * _HOUR_MS
COLUMNS = (
    Column(name="name", title="BUDGET", form=Form.TEXT, path="limit", min_width=8, width=24),
    Column(name="state", title="STATE", form=Form.TEXT, path="state", width=8),
    Column(name="bar", title="USED OF MAX", form=Form.TEXT, path="bar", width=BAR),
    Column(name="used", title="SETTLED", form=Form.NUMBER, path="used", min_width=7, width=12, priority=2),
    Column(name="reserved", title="RESERVED", form=Form.NUMBER, path="reserved", width=9, priority=5),
    Column(name="unknown", title="UNKNOWN", form=Form.NUMBER, path="unknown", width=9, priority=6),
    Column(name="left", title="LEFT", form=Form.NUMBER, path="left", min_width=4, width=12),
    Column(name="max", title="OF", form=Form.TEXT, path="max", min_width=6, width=16),
    Column(name="turns", title="TURNS IN", form=Form.DUE, path="turns_at", width=8, priority=1),
    Column(name="pace", title="PER HOUR", form=Form.NUMBER, path="pace", min_width=8, width=10, priority=4),
    Column(name="spent", title="SPENT IN", form=Form.DUE, path="spent_at", width=8, priority=3),
    Column(name="tasks", title="WAITING", form=Form.NUMBER, path="tasks", width=7, priority=3),
)


class BudgetState(StrEnum):
    """How a budget stands under one key; the first that is true."""

    FROZEN = "frozen"
    """An operator stopped all spending."""
    OVER = "over"
    """More was spent than it allows."""
    SPENT = "spent"
    SHUT = "shut"
    """A backend refuses."""
    SOFT = "soft"
    """Its soft limit is passed."""
    OPEN = "open"


MARKS = {
    BudgetState.FROZEN: "held",
    BudgetState.OVER: "failed",
    BudgetState.SPENT: "failed",
    BudgetState.SHUT: "paused",
    BudgetState.SOFT: "retrying",
    BudgetState.OPEN: "succeeded",
}
"""The status whose glyph and colour are shown for a state."""
TROUBLE = (BudgetState.FROZEN, BudgetState.OVER, BudgetState.SPENT)
"""The states in which nothing of it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """A budget under one key, as it was read; `read_at` in ms UTC, so that a pace stands still until then."""

    limit: LimitView
    gauge: GaugeView
    frozen: Cause | None
    read_at: int

    @property
    def name(self) -> str:
        """Its name, with its key if it has one."""
        return f"{self.limit.name} · {self.gauge.key}" if self.gauge.key else self.limit.name

    @property
    def taken(self) -> int:
        """What is settled, reserved and unknown."""
        return self.gauge.used + self.gauge.reserved + self.gauge.unknown

    @property
    def free(self) -> int:
        """What is left of it, whatever else keeps it shut; below 0 = so much is over."""
        return self.gauge.max - self.taken

    @property
    def state(self) -> BudgetState:
        if self.frozen is not None:
            return BudgetState.FROZEN
        if self.free <= 0:
            return BudgetState.OVER if self.free < 0 else BudgetState.SPENT
        if self.gauge.shut_until is not None:
            return BudgetState.SHUT
        return BudgetState.OPEN if self.gauge.soft_at is None else BudgetState.SOFT

    @property
    def per_hour(self) -> float | None:
        """The mean of what was settled in an hour of this window, in units; None = unknown."""
        elapsed = self.read_at - self.gauge.began
        if not self.limit.unit or self.gauge.began <= 0 or elapsed < _LEAST_MS or self.gauge.used <= 0:
            return None
        return self.gauge.used * _HOUR_MS / elapsed / MICRO

    @property
    def spent_at(self) -> int | None:
        """When nothing is left at this pace; None = not in this window, or not within a year."""
        pace = self.per_hour
        if pace is None or self.free <= 0:
            return None
        at = self.read_at + round(self.free / MICRO / pace * _HOUR_MS)
        is_late = self.gauge.turns_at is not None and at >= self.gauge.turns_at
        return None if is_late or at - self.read_at > _YEAR_MS else at

    @property
    def changes_at(self) -> int | None:
        """When it changes by itself: its window turns, or what shuts it ends."""
        moments = (self.gauge.turns_at, self.gauge.next_at, self.gauge.shut_until)
        return min((at for at in moments if at is not None), default=None)


def is_money(limit: LimitView) -> bool:
    """Tell whether a limit is a budget, or a quota that meters a unit as one does."""
    return limit.kind is LimitKind.BUDGET or (limit.kind is LimitKind.QUOTA and bool(limit.unit))


def budget_rows(listed: CapacityView, *, now: int) -> list[BudgetRow]:
    """Return a row for each budget and key that was read; a budget that was never used has one too."""
    return [
        BudgetRow(limit=limit, gauge=gauge, frozen=listed.frozen, read_at=now)
        for limit in listed.limits
        if is_money(limit)
        for gauge in limit.gauges or (unused(limit),)
    ]


def unused(limit: LimitView) -> GaugeView:
    """Return the gauge that a limit has before its first use."""
    return GaugeView(
        limit=limit.name,
        key="",
        max=limit.max if limit.window_max is None else limit.window_max,
        used=0,
        reserved=0,
        unknown=0,
        left=limit.max,
        began=0,
    )


def bar_cells(row: BudgetRow, *, width: int) -> list[int]:
    """Return the cells of settled, reserved, unknown and left in a bar of so many."""
    gauge = row.gauge
    given = shares((gauge.used, gauge.reserved, gauge.unknown, max(0, row.free)), width=width)
    return given if any(given) else [0, 0, 0, width]


def bar_text(row: BudgetRow, *, width: int = BAR) -> SafeText:
    """Draw what is taken and left of a budget; `!` at its end = over."""
    drawn = "".join(glyph * many for glyph, many in zip(GLYPHS, bar_cells(row, width=width), strict=True))
    return SafeText(f"{drawn[:-1]}!" if row.free < 0 else drawn)


def state_text(row: BudgetRow, look: Look) -> SafeText:
    """Return glyph and word of how a budget stands."""
    return safe_line(f"{look.marks[MARKS[row.state]].glyph} {row.state}")


def budget_row_format(look: Callable[[], Look]) -> RowFormat[BudgetRow]:
    """Write budgets with exact amounts, in the colours of their states."""

    def text(row: BudgetRow, column: Column, now: int) -> SafeText:
        return budget_cell(row, column.name, look(), now=now)

    def style(row: BudgetRow, column: Column) -> Style | None:
        if column.name in ("state", "bar"):
            return style_of(MARKS[row.state], look())
        return style_of("lost", look()) if column.name == "unknown" and row.gauge.unknown else None

    return Cells(text=text, style=style).row_format(COLUMNS, lambda row: (row.limit.name, row.gauge.key))


def budget_cell(row: BudgetRow, name: str, look: Look, *, now: int) -> SafeText:
    """Write one cell of a budget, by the name of its column."""
    gauge, unit = row.gauge, row.limit.unit
    match name:
        case "name":
            return safe_line(row.name)
        case "state":
            return state_text(row, look)
        case "bar":
            return bar_text(row)
        case "used":
            return bare_amount(gauge.used, unit)
        case "reserved" | "unknown":
            amount: int = getattr(gauge, name)
            return bare_amount(amount, unit) if amount else SafeText("")
        case "left":
            return bare_amount(row.free, unit)
        case "max":
            return amount_text(gauge.max, unit)
        case "turns":
            return due_text(gauge.turns_at, now=now)
        case "pace":
            return SafeText("" if row.per_hour is None else pace_text(row.per_hour))
        case "spent":
            return due_text(row.spent_at, now=now)
        case _:
            return SafeText(f"{gauge.tasks:,}" if gauge.tasks else "")


def more_keys(listed: CapacityView) -> Iterator[SafeText]:
    """Name the budgets of which not all keys are listed."""
    for limit in listed.limits:
        if is_money(limit) and limit.keys > len(limit.gauges):
            yield safe_line(f"{limit.name}: {len(limit.gauges)} of {limit.keys:,} keys")
