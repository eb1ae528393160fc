"""Unknown amounts that a budget books as estimated after a time.

Called when something comes due; `next_estimate` tells when that is.
"""

from __future__ import annotations

from core.model.timing.durations import write_duration
from core.store.apply.limits.reconcile import MAX_PER_BATCH, Aged, settle_as_estimated
from core.store.batch import Batch
from core.store.rows import Cause

# What counts in several budgets is booked at the earliest of their times.
_POLICIES = (
    "WITH open AS (SELECT gset_id, unit, min(at) AS at FROM entry INDEXED BY entry_unknown"
    " WHERE kind = 'unknown' AND reconciled IS NULL GROUP BY gset_id, unit)"
    " SELECT o.gset_id, o.unit, o.at, min(CAST(l.body->>'estimate_after_ms' AS INTEGER)) FROM open o"
    " JOIN gset s ON s.id = o.gset_id JOIN json_each(s.gauges) m JOIN gauge g ON g.id = m.value"
    " JOIN limit_rule l ON l.name = g.name AND l.body->>'unit' = o.unit AND l.removed_at IS NULL"
    " WHERE l.body->>'estimate_after_ms' IS NOT NULL GROUP BY 1, 2 ORDER BY 3, 1, 2"
)


def next_estimate(batch: Batch) -> int | None:
    """Return when the next unknown amount is booked as estimated (engine time); None = none is."""
    if not batch.capacity.estimates_unknown:
        return None
    times = [at + after for _, _, at, after in batch.rows(_POLICIES)]
    return min(times) + batch.offset if times else None


def estimate_unknown(batch: Batch) -> None:
    """Book what has been unknown for as long as its budget waits, at most a batch full."""
    if not batch.capacity.estimates_unknown:
        return
    left = MAX_PER_BATCH
    for gset_id, unit, _, after in batch.rows(_POLICIES):
        if left > 0:
            cause = Cause(reason=f"it was unknown for {write_duration(after)}")
            aged = Aged(gset_id, unit, batch.wall - after)
            left -= settle_as_estimated(batch, aged, cause, most=left)
