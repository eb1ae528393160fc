"""Backends as rows: what they let through, until when, failures, probes.

Used by the screen of pools and queues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.style import Style

from console.rows.amounts import due_text
from console.rows.budget_rows import unused
from console.rows.listing import Cells, now_ms, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.limits.backends import shown_name
from core.model.limits.limit_views import BreakerState, CapacityView, GaugeView, LimitView
from core.model.text import SafeText, safe_line
from core.render.backend_shapes import (
    backend_rows,
    check_text,
    failing_text,
    match_text,
    who_shut,
    why_shut,
)
from core.render.columns import Column, Form
from core.render.times import clock_text

_MARKS = {
    BreakerState.CLOSED: "succeeded",
    BreakerState.SHUT: "paused",
    BreakerState.OPEN: "failed",
    BreakerState.DOWN: "failed",
    BreakerState.TRIED_OUT: "retrying",
}
"""The status whose glyph and colour are shown for a state."""
COLUMNS = (
    Column(name="name", title="BACKEND", form=Form.TEXT, path="name", min_width=10, width=24),
    Column(name="state", title="BREAKER", form=Form.TEXT, path="state", width=11),
    Column(name="check", title="CHECK", form=Form.TEXT, path="check", width=7),
    Column(name="until", title="FOR", form=Form.TEXT, path="until", width=7),
    Column(name="tasks", title="WAITING", form=Form.NUMBER, path="tasks", width=7),
    Column(name="why", title="WHY", form=Form.TEXT, path="why", min_width=24, width=60, priority=1),
    Column(
        name="failing", title="FAILURES", form=Form.TEXT, path="failing", min_width=14, width=24, priority=2
    ),
    Column(name="serves", title="SERVES", form=Form.TEXT, path="serves", min_width=12, width=28, priority=3),
    Column(name="retries", title="RETRIES", form=Form.TEXT, path="retries", width=7, priority=5),
    Column(name="probe", title="PROBE", form=Form.TEXT, path="probe", width=6, priority=4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRow:
    """A configured backend, or a host that refused."""

    limit: LimitView
    gauge: GaugeView

    @property
    def name(self) -> str:
        return shown_name(self.limit, self.gauge.key)


def backends_of(listed: CapacityView) -> list[BackendRow]:
    """Return a row for each backend, those without calls yet too."""
    return [BackendRow(limit=limit, gauge=gauge or unused(limit)) for limit, gauge in backend_rows(listed)]


def backend_row_format(look: Callable[[], Look]) -> RowFormat[BackendRow]:
    """Write backends in the colours of their breakers."""

    def text(row: BackendRow, column: Column, now: int) -> SafeText:
        return _cell(row, column.name, look(), now=now)

    def style(row: BackendRow, column: Column) -> Style | None:
        return style_of(_MARKS[row.gauge.breaker], look()) if column.name == "state" else None

    return Cells(text=text, style=style).row_format(COLUMNS, lambda row: row.name)


def why_text(gauge: GaugeView) -> str:
    """Say which operator shut it, and why it was shut; '' = it is closed."""
    if gauge.breaker is BreakerState.DOWN and gauge.shut is not None:
        since = clock_text(gauge.shut.at, now=now_ms())
        return ": ".join(filter(None, (f"down since {since}", gauge.shut.reason)))
    return ": ".join(filter(None, (who_shut(gauge), why_shut(gauge))))


def for_text(gauge: GaugeView, *, now: int) -> SafeText:
    """Say how long what shuts it lasts; `by hand` = until an operator closes it."""
    is_held = gauge.breaker in (BreakerState.OPEN, BreakerState.SHUT) and gauge.shut_until is None
    return SafeText("by hand") if is_held else due_text(gauge.shut_until, now=now)


def _cell(row: BackendRow, name: str, look: Look, *, now: int) -> SafeText:
    gauge, backend = row.gauge, row.limit.backend
    match name:
        case "state":
            return safe_line(f"{look.marks[_MARKS[gauge.breaker]].glyph} {gauge.breaker}")
        case "check":
            return safe_line(check_text(backend, gauge))
        case "until":
            return for_text(gauge, now=now)
        case "tasks":
            return SafeText(f"{gauge.tasks:,}" if gauge.tasks else "")
        case "why":
            return safe_line(why_text(gauge))
        case "failing":
            return safe_line(failing_text(backend, gauge))
        case "probe":
            return SafeText("" if gauge.probe is None else str(gauge.probe))
        case "retries":
            return SafeText("" if backend is None else f"{backend.retry_share:.0%}")
        case "serves":
            return safe_line(match_text(row.limit))
        case _:
            return safe_line(row.name)
