"""Pools as rows: slots as cells, holders, and pauses.

Used by the screen of pools and queues.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from console.rows.amounts import shares
from console.rows.budget_lines import cause_text
from console.rows.listing import Cells, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.limits.limit_views import PoolView
from core.model.text import SafeText, safe_line
from core.render.columns import Column, Form
from core.render.times import age_text

CELLS = 16
"""Slots that have a cell each; more of them share these."""
_TAKEN, _FREE, _OVER = "●○!"
_MARKS = {
    "paused": "paused",
    "draining": "ending",
    "removed": "ending",
    "over": "held",
    "full": "running",
    "open": "open",
}
COLUMNS = (
    Column(name="name", title="POOL", form=Form.TEXT, path="name", min_width=8, width=16),
    Column(name="state", title="STATE", form=Form.TEXT, path="state", width=10),
    Column(name="slots", title="SLOTS", form=Form.TEXT, path="slots", min_width=8, width=24),
    Column(name="waiting", title="WAITING", form=Form.NUMBER, path="waiting", width=7),
    Column(name="holders", title="HELD BY", form=Form.TEXT, path="holders", min_width=10, width=28),
    Column(name="longest", title="LONGEST", form=Form.AGE, path="longest", width=7, priority=2),
    Column(name="drains", title="QUEUES", form=Form.TEXT, path="queues", min_width=6, width=16, priority=1),
    Column(name="why", title="WHY", form=Form.TEXT, path="why", min_width=10, width=40, priority=3),
)


def pool_row_format(look: Callable[[], Look]) -> RowFormat[PoolView]:
    """Write pools with their slots as cells, in the colours of their states."""

    def text(pool: PoolView, column: Column, now: int) -> SafeText:
        return _cell(pool, column, look(), now=now)

    def style(pool: PoolView, column: Column) -> Style | None:
        return style_of(_MARKS[pool_state(pool)], look()) if column.name in ("state", "slots") else None

    return Cells(text=text, style=style).row_format(COLUMNS, lambda pool: pool.name)


def pool_state(pool: PoolView) -> str:
    """Return how a pool stands: a paused one is draining as long as something runs in it."""
    if pool.is_removed:
        return "removed"
    if pool.paused is not None:
        return "draining" if pool.taken else "paused"
    if pool.taken > pool.slots:
        return "over"
    return "full" if pool.taken == pool.slots else "open"


def slots_text(pool: PoolView) -> SafeText:
    """Draw a cell for each slot, taken ones first; `!` = more runs than it has slots by now."""
    taken, free = min(pool.taken, pool.slots), max(0, pool.slots - pool.taken)
    over = max(0, pool.taken - pool.slots)
    parts = (taken, free, over)
    cells = parts if sum(parts) <= CELLS else shares(parts, width=CELLS)
    drawn = "".join(glyph * many for glyph, many in zip((_TAKEN, _FREE, _OVER), cells, strict=True))
    return SafeText(f"{drawn} {pool.taken:,}/{pool.slots:,}".lstrip())


def why_text(pool: PoolView, *, now: int) -> str:
    """Say who paused a pool or gave it other slots, and why; '' = neither."""
    told = [] if pool.paused is None else [f"paused {cause_text(pool.paused, now=now)}"]
    if pool.changed is not None and pool.slots != pool.configured_slots:
        told.append(
            f"{pool.configured_slots:,} slots configured, changed {cause_text(pool.changed, now=now)}"
        )
    if pool.is_removed:
        told.append("it is configured no more: what runs in it runs on")
    return "; ".join(told)


def queues_text(pool: PoolView) -> str:
    return ", ".join(pool.queues) or "all"


def _cell(pool: PoolView, column: Column, look: Look, *, now: int) -> SafeText:
    match column.name:
        case "state":
            state = pool_state(pool)
            return safe_line(f"{look.marks[_MARKS[state]].glyph} {state}")
        case "slots":
            return slots_text(pool)
        case "holders":
            keys = ", ".join(holder.key for holder in pool.holders)
            rest = pool.taken - len(pool.holders)
            return safe_line(f"{keys}, {rest:,} more" if pool.holders and rest > 0 else keys)
        case "longest":
            return SafeText(age_text(now - pool.holders[0].since) if pool.holders else "")
        case "drains":
            return safe_line(queues_text(pool))
        case "why":
            return safe_line(why_text(pool, now=now))
        case "waiting":
            return SafeText(f"{pool.waiting:,}" if pool.waiting else "")
        case _:
            return safe_line(pool.name)
