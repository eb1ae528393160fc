"""What the checks of backends said: the newest changes of each.

Read by the engine when it begins, and by the control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from core.model.backend_checks import CheckChange, CheckStatus, CheckView
from core.model.limits.limit_forms import from_text
from core.model.limits.limits import Limit
from core.store.reports.source import Source

SHOWN = 20
"""Changes of one backend that are read, the newest."""

_CHANGES = text(
    "SELECT backend, at, status, reason, took_ms FROM (SELECT *, row_number() OVER"
    " (PARTITION BY backend ORDER BY id DESC) AS place FROM check_change) WHERE place <= :most"
    " ORDER BY backend, place"
)
_BACKENDS = text(
    "SELECT body, changed FROM limit_rule WHERE removed_at IS NULL AND kind = 'concurrency'"
    " AND body->>'$.backend.check' IS NOT NULL ORDER BY name"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHistory:
    """What a check said last, and when it fell lately (ms UTC)."""

    status: CheckStatus = CheckStatus.UNKNOWN
    falls: Sequence[int] = ()


class CheckReports:
    """The checks that are configured, and what they said."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def histories(self) -> Mapping[str, CheckHistory]:
        """Return what the store remembers, by backend."""
        async with self._source.snapshot() as db:
            changes = _by_backend((await db.execute(_CHANGES, {"most": SHOWN})).all())
        return {
            name: CheckHistory(
                status=found[0].status,
                falls=[one.at for one in reversed(found) if one.status is CheckStatus.DOWN],
            )
            for name, found in changes.items()
        }

    async def all(self) -> tuple[CheckView, ...]:
        """Return the checks by the name of their backend."""
        async with self._source.snapshot() as db:
            bodies = (await db.execute(_BACKENDS)).all()
            changes = _by_backend((await db.execute(_CHANGES, {"most": SHOWN})).all())
        limits = [from_text(Limit, body, changed) for body, changed in bodies]
        backends = [limit.backend for limit in limits if limit.backend is not None]
        return tuple(
            CheckView(backend=one.name, check=one.check, changes=tuple(changes.get(one.name, ())))
            for one in backends
            if one.check is not None
        )


def _by_backend(rows: Sequence[Sequence[object]]) -> dict[str, list[CheckChange]]:
    found: dict[str, list[CheckChange]] = {}
    for backend, at, status, reason, took_ms in rows:
        change = CheckChange(
            at=int(str(at)),
            status=CheckStatus(str(status)),
            reason=str(reason),
            took_ms=None if took_ms is None else int(str(took_ms)),
        )
        found.setdefault(str(backend), []).append(change)
    return found
