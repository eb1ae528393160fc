"""Shut the gauges of backends that refuse.

Called by the completions, before an attempt is closed.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.backends import HOSTS, is_backend, shown_name
from core.model.commands import ENGINE
from core.model.gauges import Gauge
from core.model.outcomes import Failed, Outcome
from core.store.apply.configure import add_limit
from core.store.apply.lane_sets import facts_of_task
from core.store.batch import Batch
from core.store.rows import Cause, Subject, TaskPlace
from core.store.sql import raw

TOLD_MS = 1_000
"""A refusal that shuts a backend for so little longer than the one before has no event of its own."""

_GSET = "SELECT gset_id FROM attempt WHERE task_id = ? AND epoch = ? AND status = 'running'"
_SHUT = "UPDATE gauge SET shut_at = ?, shut_by = CAST(? AS TEXT), shut_reason = CAST(? AS TEXT) WHERE id = ?"


def note_end(batch: Batch, place: TaskPlace, epoch: int, outcome: Outcome) -> None:
    """Draw from the end of an open attempt what it says of its backends."""
    if not isinstance(outcome, Failed):
        return
    after = batch.rules.refused_for(outcome)
    if after is None:
        return
    subject = Subject(place.job_id, place.task_id, epoch)
    # The first refusal of a host changes the limits that bind: gauges are read after it.
    gauges = {gauge.id: gauge for gauge in (*_of_host(batch, place.task_id), *_passed(batch, subject))}
    for gauge in gauges.values():
        shut(batch, gauge, until=batch.now + after, cause=Cause(reason=outcome.error.message), of=subject)


def shut(batch: Batch, gauge: Gauge, *, until: int, cause: Cause, of: Subject) -> None:
    """Let nothing through until a moment (engine time); one that is shut for longer stays as it is."""
    before = batch.now if gauge.shut_until is None else max(batch.now, gauge.shut_until)
    if until <= before:
        return
    gauge.shut_until = until
    if gauge.is_waited_for:
        # Else the next claim would find it shut only when it looks at what waits for it.
        batch.gauges.alarm(gauge)
    batch.run(_SHUT, batch.wall, raw(cause.actor or ENGINE), raw(cause.reason), gauge.id)
    if before == batch.now or until - before > TOLD_MS:
        data = {"backend": shown_name(gauge.limit, gauge.key), "until": until - batch.offset, **cause.note}
        batch.event("backend.shut", of, actor=cause.actor, data=data)


def _passed(batch: Batch, attempt: Subject) -> Sequence[Gauge]:
    """Return the gauges of backends that an open attempt passed."""
    row = batch.one(_GSET, attempt.task_id, attempt.attempt)
    listed = batch.capacity.gauges_of(batch.db, row[0]) if row is not None else ()
    known = batch.gauges.of(listed)
    return [known[one] for one in listed if is_backend(known[one].limit)]


def _of_host(batch: Batch, task_id: int) -> Sequence[Gauge]:
    """Return the gauge of the host that a task calls, if that is known before the call."""
    host = facts_of_task(batch, task_id).host
    if host is None:
        return ()
    if HOSTS.name not in batch.capacity.limits:
        add_limit(batch, HOSTS)
    return (batch.gauges.one(batch.gauges.find(HOSTS, host)),)
