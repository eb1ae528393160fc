"""Tell of budgets that another maximum frees, or leaves spent.

Called by the changes of limits and by the configuration.
"""

from __future__ import annotations

from core.model.limits.limits import Limit
from core.store.batch import Batch
from core.store.sql import raw

# As many as one change tells of; of more its own event has to do.
_MOST = 1_000
_LAPSED = (
    "SELECT id FROM gauge WHERE name = CAST(? AS TEXT) AND turns_at <= ? AND used + unknown >= ?"
    f" ORDER BY id LIMIT {_MOST}"
)
_CROSSED = (
    "SELECT id FROM gauge WHERE name = CAST(?1 AS TEXT)"
    f" AND (used + unknown >= ?2) != (used + unknown >= ?3) ORDER BY id LIMIT {_MOST}"
)


def max_now(batch: Batch, limit: Limit) -> int:
    """Return the maximum of the window of this moment."""
    turns = batch.rules.gauges.window_of(limit, wall=batch.wall).turns
    is_raised = limit.window_max is not None and limit.window_turns == turns
    return limit.window_max if is_raised and limit.window_max is not None else limit.max


def turn_before(batch: Batch, before: Limit, wanted: Limit) -> None:
    """Turn the windows that are over while the former maximum holds: what was told is of that one."""
    if before.is_metered:
        least = min(before.max, wanted.max, max_now(batch, before), max_now(batch, wanted))
        batch.gauges.of([one for (one,) in batch.rows(_LAPSED, raw(before.name), batch.wall, least)])
        batch.gauges.flush()


def tell_crossed(batch: Batch, before: Limit, wanted: Limit) -> None:
    """Tell of those that are spent under one of two maxima; the second holds now."""
    if not (before.is_metered and wanted.is_metered):
        return
    caps = (max_now(batch, before), max_now(batch, wanted))
    for (gauge_id,) in batch.rows(_CROSSED, raw(wanted.name), *caps):
        gauge = batch.gauges.one(gauge_id)
        batch.tell_gauge("budget.spent" if batch.rules.gauges.is_used_up(gauge) else "budget.freed", gauge)
