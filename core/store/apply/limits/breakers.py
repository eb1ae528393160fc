"""Breakers of backends: opened by failures, tried out by probes, closed.

Called by the claim, the ends of attempts and the operators' commands on backends. What stands in the way is
the gauge: `shut_until` while it rests, `trial` until a probe succeeds.
"""

from __future__ import annotations

from core.model.commands.work import ENGINE
from core.model.lanes import Head
from core.model.limits.backends import shown_name
from core.model.limits.gauges import ALWAYS, Gauge
from core.model.limits.limits import Backend
from core.model.timing.durations import write_duration
from core.model.values import JsonObject
from core.store.apply.limits.backend_checks import shut_again
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import raw

TOLD_MS = 1_000
"""What shuts a backend for so little longer than before has no event of its own."""

_SHUT = "UPDATE gauge SET shut_at = ?, shut_by = CAST(? AS TEXT), shut_reason = CAST(? AS TEXT) WHERE id = ?"
_COUNT = (
    "INSERT INTO backend_failure (gauge_id, code, at, task_id, epoch) VALUES (?, CAST(? AS TEXT), ?, ?, ?)"
)
_FORGET_OLD = "DELETE FROM backend_failure WHERE gauge_id = ? AND at <= ?"
_FORGET = "DELETE FROM backend_failure WHERE gauge_id = ?"
_NUMBER = "SELECT count(*) FROM backend_failure WHERE gauge_id = ? AND code = CAST(? AS TEXT)"


def shut(batch: Batch, gauge: Gauge, *, until: int, cause: Cause, of: Subject) -> None:
    """Let nothing through until a moment (engine time); one that is shut for longer stays as it is."""
    before = batch.now if gauge.shut_until is None else max(batch.now, gauge.shut_until)
    if until <= before:
        return
    _shut(batch, gauge, until=until, cause=cause)
    if before == batch.now or until - before > TOLD_MS:
        _tell(batch, "backend.shut", gauge, cause=cause, of=of)


def note_failure(batch: Batch, gauge: Gauge, *, code: str, of: Subject) -> None:
    """Count a failure of a class; the last of many within the period, and one of a probe, open the breaker.

    Neither what began before it opened nor what fails while its check says down counts.
    """
    backend = gauge.limit.backend
    if backend is None:
        return
    if gauge.trial is not None and gauge.trial == of.task_id:
        _open(batch, gauge, backend, cause=Cause(reason=f"its probe failed: {code}"), of=of)
        return
    # Of one that is down by its check the cause is known, and it is back when that says so.
    if gauge.trial is not None or gauge.down_at is not None:
        return
    batch.run(_COUNT, gauge.id, raw(code), batch.wall, of.task_id, of.attempt)
    batch.run(_FORGET_OLD, gauge.id, batch.wall - backend.period_ms)
    ((number,),) = batch.rows(_NUMBER, gauge.id, raw(code))
    if number >= backend.failures:
        reason = f"{number} failures ({code}) within {write_duration(backend.period_ms)}"
        _open(batch, gauge, backend, cause=Cause(reason=reason), of=of)


def close(batch: Batch, gauge: Gauge, *, cause: Cause, of: Subject) -> None:
    """Let everything through again."""
    gauge.trial, gauge.shut_until = None, None
    batch.run(_FORGET, gauge.id)
    batch.gauges.open(gauge)
    _tell(batch, "backend.closed", gauge, cause=cause, of=of)


def open_by_hand(batch: Batch, gauge: Gauge, *, until: int, cause: Cause) -> None:
    """Let nothing through until a moment (engine time, or `ALWAYS`); then single probes."""
    # A gauge of a host has no breaker: nothing would end its trial.
    gauge.trial = None if gauge.limit.backend is None else 0
    _shut(batch, gauge, until=until, cause=cause)
    batch.run(_FORGET, gauge.id)
    _tell(batch, "backend.opened", gauge, cause=cause, of=Subject())


def reset(batch: Batch, gauge: Gauge, *, cause: Cause) -> bool:
    """Forget what was counted, and let one task try out what is shut; return whether anything changed.

    What an operator closed while its check says down is shut again.
    """
    is_shut = gauge.shut_until is not None and gauge.shut_until > batch.now
    was_counted = bool(batch.run(_FORGET, gauge.id))
    is_down_again = shut_again(batch, gauge)
    if not is_shut and not was_counted and not is_down_again:
        return False
    if is_shut:
        gauge.trial = None if gauge.limit.backend is None else 0
        gauge.shut_until = None
        batch.gauges.open(gauge)
    _tell(batch, "backend.reset", gauge, cause=cause, of=Subject())
    return True


def note_probe(batch: Batch, gauge: Gauge, head: Head) -> None:
    """Note that a task that is claimed is the probe of a backend."""
    _tell(batch, "backend.probed", gauge, cause=Cause(), of=Subject(head.job_id, head.task_id))


def _open(batch: Batch, gauge: Gauge, backend: Backend, *, cause: Cause, of: Subject) -> None:
    """Open the breaker: nothing for a rest, then single probes."""
    gauge.trial = 0
    until = max(batch.now + backend.rest_ms, gauge.shut_until or 0)
    _shut(batch, gauge, until=until, cause=cause)
    batch.run(_FORGET, gauge.id)
    _tell(batch, "backend.opened", gauge, cause=cause, of=of)


def _shut(batch: Batch, gauge: Gauge, *, until: int, cause: Cause) -> None:
    gauge.shut_until = until
    if gauge.is_waited_for:
        # Its alarm was for another moment, or for none.
        batch.gauges.alarm(gauge)
    batch.run(_SHUT, batch.wall, raw(cause.actor or ENGINE), raw(cause.reason), gauge.id)


def _tell(batch: Batch, kind: str, gauge: Gauge, *, cause: Cause, of: Subject) -> None:
    data: JsonObject = {"backend": shown_name(gauge.limit, gauge.key), **cause.note}
    if gauge.shut_until is not None and batch.now < gauge.shut_until < ALWAYS:
        data["until"] = gauge.shut_until - batch.offset
    batch.event(kind, of, actor=cause.actor, data=data)
