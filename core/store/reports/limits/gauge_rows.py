"""A gauge as read models read it, from a row.

Used by the reports of limits and of waits.
"""

from __future__ import annotations

from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import recent_in
from core.model.limits.limits import Limit
from core.store.reports.rows import AnyRow

GAUGE = (
    "g.id, g.name, g.key, g.used, g.reserved, g.unknown, g.tat_us, g.began, g.turns_at, g.shut_until,"
    " g.shut_at, g.shut_by, g.shut_reason, g.down_at, g.down_reason, g.trial, g.soft_at, g.waited_for,"
    " g.recent"
)
"""The columns of `gauge_in`, of a table that is called `g`."""


def gauge_in(row: AnyRow, limit: Limit, *, is_frozen: bool) -> Gauge:
    """Return the gauge of a row that has the columns of `GAUGE`; `is_frozen` = all spending is."""
    return Gauge(
        id=row.id,
        limit=limit,
        key=row.key,
        used=row.used,
        reserved=row.reserved,
        unknown=row.unknown,
        tat_us=row.tat_us,
        began=row.began,
        turns_at=row.turns_at,
        shut_until=row.shut_until,
        shut_at=row.shut_at,
        shut_by=row.shut_by,
        shut_reason=row.shut_reason,
        down_at=row.down_at,
        down_reason=row.down_reason,
        trial=row.trial,
        soft_at=row.soft_at,
        recent=recent_in(row.recent),
        is_frozen=is_frozen and limit.is_metered,
        is_waited_for=bool(row.waited_for),
    )
