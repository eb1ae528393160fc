"""What checks say of backends, and the gauges they shut.

Called through the table in `core.store.dispatch`, by the configuration and by the operators' commands.
What stands in the way is `down_at` of the gauge, beside its breaker: a task passes both.
"""

from __future__ import annotations

from core.model.backend_checks import KEPT, CheckStatus
from core.model.commands.limits import NoteCheck
from core.model.commands.work import ENGINE
from core.model.limits.backends import PREFIX
from core.model.limits.gauges import Gauge
from core.model.limits.limits import Limit
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import raw

REPLACED, REMOVED = "what its check looks at has changed", "its check was removed"

_NEWEST = (
    "SELECT status, at, reason FROM check_change WHERE backend = CAST(? AS TEXT) ORDER BY id DESC LIMIT 1"
)
_PUT = (
    "INSERT INTO check_change (backend, at, status, reason, took_ms)"
    " VALUES (CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), ?)"
)
_DROP_OLD = (
    "DELETE FROM check_change WHERE backend = CAST(?1 AS TEXT) AND id <= (SELECT id FROM check_change"
    " WHERE backend = CAST(?1 AS TEXT) ORDER BY id DESC LIMIT 1 OFFSET ?2)"
)
_REASON = "UPDATE gauge SET down_reason = CAST(? AS TEXT) WHERE id = ?"


def apply_note_check(batch: Batch, command: NoteCheck) -> bool:
    """Write what a check says from now on, if it is still the check of its backend and says something new."""
    limit = batch.capacity.limits.get(f"{PREFIX}{command.backend}")
    check = None if limit is None or limit.backend is None else limit.backend.check
    if limit is None or check is None or check.target != command.target:
        return False
    if status_of(batch, command.backend) is command.status:
        return False
    _change(batch, command.backend, command.status, reason=command.reason, took_ms=command.took_ms)
    gauge = batch.gauges.one(batch.gauges.find(limit))
    if command.status is CheckStatus.DOWN:
        shut(batch, gauge, at=batch.wall, reason=command.reason)
    else:
        _open(batch, gauge)
    return True


def status_of(batch: Batch, backend: str) -> CheckStatus:
    """Return what the check of a backend says."""
    row = batch.one(_NEWEST, raw(backend))
    return CheckStatus.UNKNOWN if row is None else CheckStatus(row[0])


def forget_former(batch: Batch, before: Limit, after: Limit | None) -> None:
    """Let go what a check said whose target is configured no more: its backend was not looked at yet."""
    former = None if before.backend is None else before.backend.check
    now = None if after is None or after.backend is None else after.backend.check
    if former is None or before.backend is None or (now is not None and now.target == former.target):
        return
    name = before.backend.name
    if status_of(batch, name) is not CheckStatus.UNKNOWN:
        _change(batch, name, CheckStatus.UNKNOWN, reason=REMOVED if now is None else REPLACED)
    let_through(batch, batch.gauges.one(batch.gauges.find(before)))


def let_through(batch: Batch, gauge: Gauge) -> bool:
    """Let a backend go on whatever its check says, until that says down again; return whether it was shut."""
    if gauge.down_at is None:
        return False
    gauge.down_at = None
    batch.gauges.open(gauge)
    return True


def shut_again(batch: Batch, gauge: Gauge) -> bool:
    """Let the check decide again, where an operator let a backend go on; return whether that shuts it."""
    if gauge.limit.backend is None or gauge.down_at is not None:
        return False
    row = batch.one(_NEWEST, raw(gauge.limit.backend.name))
    if row is None or row[0] != CheckStatus.DOWN:
        return False
    shut(batch, gauge, at=row[1], reason=row[2])
    return True


def shut(batch: Batch, gauge: Gauge, *, at: int, reason: str) -> None:
    """Let nothing through until a check says something else than down."""
    gauge.down_at = at
    if gauge.is_waited_for:
        # Nothing rings for it: the next change of the check does.
        batch.gauges.alarm(gauge)
    batch.run(_REASON, raw(reason), gauge.id)


def _open(batch: Batch, gauge: Gauge) -> None:
    if not let_through(batch, gauge):
        return
    # The check has seen it: the rest of a breaker that opened by itself need not be waited for.
    if gauge.trial == 0 and gauge.shut_until is not None and gauge.shut_until > batch.now:
        (by,) = batch.rows("SELECT shut_by FROM gauge WHERE id = ?", gauge.id)[0]
        if by == ENGINE:
            gauge.shut_until = None
            batch.gauges.open(gauge)


def _change(
    batch: Batch, backend: str, status: CheckStatus, *, reason: str, took_ms: int | None = None
) -> None:
    before = batch.one(_NEWEST, raw(backend))
    batch.run(_PUT, raw(backend), batch.wall, status, raw(reason), took_ms)
    batch.run(_DROP_OLD, raw(backend), KEPT)
    data: JsonObject = {"backend": backend, "reason": reason, "from": before[0] if before else "unknown"}
    if before is not None:
        data["since"] = before[1]
    if took_ms is not None:
        data["took_ms"] = took_ms
    batch.event(f"backend.{status}", Subject(), data=data)
