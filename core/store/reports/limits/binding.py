"""The limits that bind, as what is admitted is checked against.

Read by the engine's admission.
"""

from __future__ import annotations

from sqlalchemy import text

from core.model.limits.limit_forms import from_text
from core.model.limits.limits import Limit
from core.store.reports.source import Source

_LIMITS = text("SELECT body, changed FROM limit_rule WHERE removed_at IS NULL ORDER BY name")


class BindingReports:
    """Reads what is configured and was not removed."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def binding_limits(self) -> tuple[Limit, ...]:
        """Return the limits that bind, by name, with what was changed at run time."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_LIMITS)).all()
        return tuple(from_text(Limit, body, changed) for body, changed in rows)
