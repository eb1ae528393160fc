"""Limits on starts as rows: what is used, when they open.

Used by the screen of pools and queues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.style import Style

from console.rows.amounts import due_text, shares
from console.rows.budget_lines import cause_text
from console.rows.budget_rows import is_money, unused
from console.rows.listing import Cells, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.limits.backends import is_backend
from core.model.limits.limit_views import CapacityView, GaugeView, LimitView
from core.model.limits.limits import LimitKind
from core.model.text import SafeText, safe_line
from core.render.columns import Column, Form

_CELLS = 10
_MARKS = {"full": "waiting", "open": "open"}
COLUMNS = (
    Column(name="name", title="LIMIT", form=Form.TEXT, path="name", min_width=8, width=20),
    Column(name="state", title="STATE", form=Form.TEXT, path="state", width=7),
    Column(name="used", title="USED", form=Form.TEXT, path="used", min_width=14, width=20),
    Column(name="kind", title="KIND", form=Form.TEXT, path="kind", min_width=11, width=12, priority=2),
    Column(name="opens", title="OPENS IN", form=Form.DUE, path="opens", width=8),
    Column(name="turns", title="TURNS IN", form=Form.DUE, path="turns", width=8, priority=3),
    Column(name="tasks", title="WAITING", form=Form.NUMBER, path="tasks", width=7),
    Column(name="why", title="WHY", form=Form.TEXT, path="why", min_width=10, width=40, priority=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """A limit under one key."""

    limit: LimitView
    gauge: GaugeView

    @property
    def name(self) -> str:
        """Its name, with its key if it has one."""
        return f"{self.limit.name} · {self.gauge.key}" if self.gauge.key else self.limit.name

    @property
    def used(self) -> int:
        """Attempts that are open, tokens that are taken, or starts in this window."""
        gauge = self.gauge
        if self.limit.kind is LimitKind.RATE:
            return max(0, gauge.max - max(0, gauge.left))
        return gauge.used + gauge.reserved + gauge.unknown

    @property
    def state(self) -> str:
        return "full" if self.gauge.left <= 0 else "open"

    @property
    def opens_at(self) -> int | None:
        """When it lets something start again by itself."""
        return self.gauge.next_at


def limit_rows(listed: CapacityView) -> list[LimitRow]:
    """Return a row for each limit and key that was read, but for budgets and backends."""
    return [
        LimitRow(limit=limit, gauge=gauge)
        for limit in listed.limits
        if not is_money(limit) and not is_backend(limit)
        for gauge in limit.gauges or (unused(limit),)
    ]


def kind_text(limit: LimitView) -> str:
    """Say what a limit counts: its rate, its window, or what is open."""
    match limit.kind:
        case LimitKind.RATE:
            return limit.rate or "rate"
        case LimitKind.QUOTA:
            return f"per {limit.window.per}"
        case LimitKind.RETRIES if limit.share is not None:
            return f"retries {limit.share:.0%}"
        case kind:
            return str(kind)


def used_text(row: LimitRow) -> SafeText:
    """Draw what is used of a limit, with its numbers."""
    if row.gauge.starts is not None:
        taken = shares((row.used, row.gauge.starts - row.used), width=_CELLS)[0] if row.gauge.starts else 0
        return SafeText(f"{row.used:,}/{row.gauge.starts:,} {'█' * taken}{'·' * (_CELLS - taken)}")
    left = max(0, row.gauge.max - row.used)
    taken, free = shares((row.used, left), width=_CELLS) if row.used + left else (0, _CELLS)
    return SafeText(f"{row.used:,}/{row.gauge.max:,} {'█' * taken}{'·' * free}")


def limit_why(row: LimitRow, *, now: int) -> str:
    """Say what shuts or holds a limit, and who changed it."""
    limit, gauge = row.limit, row.gauge
    told = []
    if gauge.holders:
        told.append(f"held by {', '.join(holder.label for holder in gauge.holders)}")
    if limit.keys > len(limit.gauges) > 0:
        told.append(f"{len(limit.gauges)} of {limit.keys:,} keys")
    if limit.changed is not None:
        told.append(f"changed {cause_text(limit.changed, now=now)}")
    return "; ".join(told)


def limit_row_format(look: Callable[[], Look]) -> RowFormat[LimitRow]:
    """Write limits in the colours of their states."""

    def text(row: LimitRow, column: Column, now: int) -> SafeText:
        return _cell(row, column.name, look(), now=now)

    def style(row: LimitRow, column: Column) -> Style | None:
        return style_of(_MARKS[row.state], look()) if column.name in ("state", "used") else None

    return Cells(text=text, style=style).row_format(COLUMNS, lambda row: (row.limit.name, row.gauge.key))


def _cell(row: LimitRow, name: str, look: Look, *, now: int) -> SafeText:
    match name:
        case "state":
            return safe_line(f"{look.marks[_MARKS[row.state]].glyph} {row.state}")
        case "used":
            return used_text(row)
        case "kind":
            return safe_line(kind_text(row.limit))
        case "opens":
            return due_text(row.opens_at, now=now)
        case "turns":
            return due_text(row.gauge.turns_at, now=now)
        case "tasks":
            return SafeText(f"{row.gauge.tasks:,}" if row.gauge.tasks else "")
        case "why":
            return safe_line(limit_why(row, now=now))
        case _:
            return safe_line(row.name)
