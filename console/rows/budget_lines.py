"""What a foot says of one budget: bar, amounts, pace, changes.

Used by the screens of budgets and of the gauges of one limit.
"""

from __future__ import annotations

from collections.abc import Iterator

from console.rows.amounts import amount_text, bare_amount, due_text, pace_text
from console.rows.budget_rows import GLYPHS, BudgetRow, BudgetState, bar_cells
from console.rows.listing import style_of
from console.themes import Look
from console.widgets.styled_lines import Span, flow
from core.model.limits.limit_views import WAITING_MOST, Cause, LimitView
from core.model.limits.limits import OnExhausted, Per
from core.model.text import SafeText, clip, safe_line
from core.render.times import age_text, clock_text

PARTS = ("settled", "reserved", "unknown", "left")
"""What a bar is made of, in its order."""
_COLORS = ("running", "queued", "lost", "skipped")
_EXHAUSTED = {
    OnExhausted.WAIT: "when it is spent, tasks wait",
    OnExhausted.FAIL: "when it is spent, tasks fail",
    OnExhausted.FINISH: "when it is spent, what runs may finish and the others fail",
}


def budget_lines(row: BudgetRow, look: Look, *, width: int, now: int) -> list[list[Span]]:
    """Return the lines of a foot, the most important first."""
    room = max(1, width - 2)
    cells = bar_cells(row, width=room)
    bar = [
        Span(SafeText(glyph * many), style_of(color, look))
        for glyph, color, many in zip(GLYPHS, _COLORS, cells, strict=True)
        if many
    ]
    lines = [
        [Span(clip(safe_line(f" {heading(row.limit, row.gauge.key)}"), width))],
        [Span(SafeText(" ")), *bar],
        *flow(SafeText(" "), list(_amounts(row, look)), width),
    ]
    return [*lines, *([Span(clip(safe_line(f" {told}"), width))] for told in budget_facts(row, now=now))]


def heading(limit: LimitView, key: str) -> str:
    """Say what a limit is for: its name and key, its window, and which tasks are under it."""
    name = f"{limit.name} · {key}" if key else limit.name
    return "   ".join((name, window_text(limit), under_text(limit)))


def window_text(limit: LimitView) -> str:
    """Say how long a maximum holds."""
    match limit.window.per:
        case Per.TOTAL:
            return "in all"
        case Per.JOB:
            return "per job"
        case per:
            return f"per {per} ({limit.window.zone})"


def under_text(limit: LimitView) -> str:
    """Say which tasks are under a limit."""
    if limit.on is None:
        return "for tasks that name it"
    named = ", ".join(f"{dimension} {name}" for dimension, name in limit.on.items())
    return f"for {named}" if named else "for every task"


def budget_facts(row: BudgetRow, *, now: int) -> Iterator[str]:
    """Say in sentences how a budget stands, goes on and was changed; names are as they come."""
    limit, gauge, unit = row.limit, row.gauge, row.limit.unit
    if row.frozen is not None:
        yield f"all spending is stopped {cause_text(row.frozen, now=now)}"
    if row.state is BudgetState.OVER:
        yield f"over by {amount_text(-row.free, unit)}: it is booked in full, and nothing more starts"
    if gauge.shut_until is not None:
        yield f"shut by a refusal for {due_text(gauge.shut_until, now=now)}"
    if gauge.turns_at is not None:
        yield (
            f"its window turns in {due_text(gauge.turns_at, now=now)} ({clock_text(gauge.turns_at, now=now)})"
        )
    yield from _pace(row, now=now)
    if gauge.tasks:
        yield f"{waiting_text(gauge.tasks, gauge.lanes)}; {_EXHAUSTED[limit.on_exhausted]}"
    if gauge.soft_at is not None:
        share = "" if limit.soft is None else f" of {limit.soft:.0%}"
        yield f"its soft limit{share} was passed {age_text(now - gauge.soft_at)} ago"
    if gauge.estimated:
        yield f"{gauge.estimated:.0%} of what is settled is estimated"
    yield from _changes(limit, now=now)


def waiting_text(tasks: int, lanes: int) -> str:
    """Say how many tasks wait for a gauge; they are counted up to a bound."""
    counted = f"more than {WAITING_MOST:,} tasks" if tasks > WAITING_MOST else f"{tasks:,} task{_s(tasks)}"
    return f"{counted} in {lanes:,} lane{_s(lanes)} wait for it" if lanes else f"{counted} wait for it"


def cause_text(cause: Cause, *, now: int) -> str:
    """Say who did something, when and why."""
    reason = f": {cause.reason}" if cause.reason else ""
    return f"by {cause.by}, {age_text(now - cause.at)} ago{reason}"


def _amounts(row: BudgetRow, look: Look) -> Iterator[Span]:
    gauge, unit = row.gauge, row.limit.unit
    amounts = (gauge.used, gauge.reserved, gauge.unknown, row.free)
    for glyph, color, word, amount in zip(GLYPHS, _COLORS, PARTS, amounts, strict=True):
        yield Span(safe_line(f"{glyph} {word} {bare_amount(amount, unit)}"), style_of(color, look))
    yield Span(safe_line(f"of {amount_text(gauge.max, unit)}"))


def _pace(row: BudgetRow, *, now: int) -> Iterator[str]:
    if row.per_hour is None:
        return
    told = f"{pace_text(row.per_hour)} {row.limit.unit} an hour since its window began"
    if row.free <= 0:
        yield told
    elif row.spent_at is None:
        yield f"{told}: at this rate it lasts"
    else:
        yield f"{told}: at this rate it is spent in {due_text(row.spent_at, now=now)}"


def _changes(limit: LimitView, *, now: int) -> Iterator[str]:
    if limit.changed is None:
        return
    configured = amount_text(limit.configured_max, limit.unit)
    span = " for this window" if limit.window_max is not None else ""
    yield f"changed{span} {cause_text(limit.changed, now=now)} (configured: {configured})"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
