"""What the overview says of pools, limits, backends and budgets.

Used by the overview in lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from console.rows.amounts import amount_text, pace_text
from console.rows.backend_rows import BackendRow
from console.rows.budget_lines import under_text, waiting_text, window_text
from console.rows.budget_rows import BudgetRow
from console.rows.limit_rows import LimitRow, kind_text
from console.rows.pool_rows import pool_state, queues_text
from console.sessions.overview_lines import line
from core.model.limits.limit_views import Cause, Holder, PoolView
from core.model.text import SafeText
from core.model.values import to_iso
from core.render.backend_shapes import failing_text, match_text, shut_text


def pool_line(pool: PoolView) -> SafeText:
    """Say how a pool stands: slots, what holds them, what waits, and why it is paused."""
    told = [
        f"{pool_state(pool)}; {pool.taken} of {pool.slots} slots taken",
        f"drains {queues_text(pool)}",
        f"{pool.waiting} wait",
        *_held(pool.holders),
        *_caused("paused", pool.paused),
        *_caused(f"{pool.configured_slots} slots configured, changed", pool.changed),
    ]
    return line(f"pool {pool.name}: {'; '.join(told)}")


def limit_line(row: LimitRow) -> SafeText:
    """Say what is used of a limit on starts, and when it opens."""
    limit, gauge = row.limit, row.gauge
    told = [
        f"{row.state}; {row.used} of {gauge.max} used; {kind_text(limit)}; {under_text(limit)}",
        *_moment("opens", row.opens_at),
        *_moment("turns", gauge.turns_at),
        *([waiting_text(gauge.tasks, gauge.lanes)] if gauge.tasks else []),
        *_held(gauge.holders),
        *_caused("changed", limit.changed),
    ]
    return line(f"limit {row.name}: {'; '.join(told)}")


def backend_line(row: BackendRow) -> SafeText:
    """Say what a backend lets through, what shut it, and how its breaker stands."""
    limit, gauge = row.limit, row.gauge
    told = [
        f"{gauge.breaker}; {match_text(limit)}",
        *_moment("until", gauge.shut_until),
        *filter(None, (shut_text(gauge, until="until then"), failing_text(limit.backend, gauge))),
        *([] if gauge.probe is None else [f"tried out by task {gauge.probe}"]),
        *([waiting_text(gauge.tasks, gauge.lanes)] if gauge.tasks else []),
    ]
    return line(f"backend {row.name}: {'; '.join(told)}")


def budget_line(row: BudgetRow) -> SafeText:
    """Say what is settled, held and left of a budget, and how long it lasts."""
    limit, gauge, unit = row.limit, row.gauge, row.limit.unit
    amounts = {"settled": gauge.used, "reserved": gauge.reserved, "unknown": gauge.unknown, "left": row.free}
    listed = ", ".join(f"{word} {amount_text(amount, unit)}" for word, amount in amounts.items())
    told = [
        f"{row.state}; {listed}",
        f"of {amount_text(gauge.max, unit)} {window_text(limit)}; {under_text(limit)}",
        *_moment("turns", gauge.turns_at),
        *([] if row.per_hour is None else [f"{pace_text(row.per_hour)} {unit} an hour"]),
        *_moment("spent at this rate", row.spent_at),
        *_moment("soft limit passed", gauge.soft_at),
        *([waiting_text(gauge.tasks, gauge.lanes)] if gauge.tasks else []),
        *_caused("changed", limit.changed),
    ]
    return line(f"budget {row.name}: {'; '.join(told)}")


def frozen_line(frozen: Cause) -> SafeText:
    """Say who stopped all spending."""
    return line("; ".join(_caused("all spending is stopped", frozen)))


def _held(holders: tuple[Holder, ...]) -> Iterator[str]:
    if holders:
        yield f"held by {', '.join(f'{one.label} (task {one.task_id})' for one in holders)}"


def _moment(word: str, at: int | None) -> Iterator[str]:
    # The moment, not the length: a line is written again when it changes.
    if at is not None:
        yield f"{word} {to_iso(at)}"


def _caused(word: str, cause: Cause | None) -> Iterator[str]:
    if cause is not None:
        reason = f": {cause.reason}" if cause.reason else ""
        yield f"{word} by {cause.by} at {to_iso(cause.at)}{reason}"
