"""What the ends of attempts say of the backends that they passed.

Called by the completions, before an attempt is closed.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.limits.backends import HOSTS, is_backend
from core.model.limits.gauges import Gauge
from core.model.outcomes import Failed, Outcome, Parked, TimedOut
from core.store.apply.limits import breakers
from core.store.apply.limits.configure import add_limit
from core.store.apply.limits.lane_sets import facts_of_task
from core.store.batch import Batch
from core.store.rows import Cause, Subject, Success, TaskPlace
from core.store.sql import pack

ANSWERED = "its probe was answered"

_GSET = "SELECT gset_id FROM attempt WHERE task_id = ? AND epoch = ? AND status = 'running'"
_PROBES = (
    "SELECT g.id, t.job_id, t.id, a.epoch FROM json_each(?) AS j"
    " JOIN gauge g INDEXED BY gauge_probe ON g.trial = j.value->>0 AND g.trial > 0"
    " JOIN task t ON t.id = j.value->>0"
    " JOIN attempt a ON a.task_id = t.id AND a.epoch = j.value->>1 AND a.status = 'running'"
)


def note_end(batch: Batch, place: TaskPlace, epoch: int, outcome: Outcome) -> None:
    """Draw from the end of an open attempt that did not succeed what it says of its backends."""
    if not isinstance(outcome, Failed | TimedOut | Parked):
        return
    of = Subject(place.job_id, place.task_id, epoch)
    if isinstance(outcome, Failed) and (after := batch.rules.refused_for(outcome)) is not None:
        _refused(batch, of, after, outcome.error.message)
    elif batch.capacity.has_backends:
        fault = None if isinstance(outcome, Parked) else batch.rules.fault_of(outcome)
        for gauge in _passed(batch, of):
            if fault is not None:
                breakers.note_failure(batch, gauge, code=fault, of=of)
            elif gauge.trial == of.task_id:
                breakers.close(batch, gauge, cause=Cause(reason=ANSWERED), of=of)


def note_successes(batch: Batch, attempts: Sequence[Success]) -> None:
    """Close the breakers whose probes are among open attempts that succeed."""
    if not batch.capacity.has_backends or not attempts:
        return
    batch.gauges.flush()
    for gauge_id, *of in batch.rows(_PROBES, pack([[one.task_id, one.epoch] for one in attempts])):
        breakers.close(batch, batch.gauges.one(gauge_id), cause=Cause(reason=ANSWERED), of=Subject(*of))


def _refused(batch: Batch, of: Subject, after: int, reason: str) -> None:
    # The first refusal of a host changes the limits that bind: gauges are read after it.
    gauges = {gauge.id: gauge for gauge in (*_of_host(batch, of), *_passed(batch, of))}
    for gauge in gauges.values():
        breakers.shut(batch, gauge, until=batch.now + after, cause=Cause(reason=reason), of=of)


def _passed(batch: Batch, of: Subject) -> Sequence[Gauge]:
    """Return the gauges of backends that an open attempt passed."""
    row = batch.one(_GSET, of.task_id, of.attempt)
    listed = batch.capacity.gauges_of(batch.db, row[0]) if row is not None else ()
    known = batch.gauges.of(listed)
    return [known[one] for one in listed if is_backend(known[one].limit)]


def _of_host(batch: Batch, of: Subject) -> Sequence[Gauge]:
    """Return the gauge of the host that a task calls, if that is known before the call."""
    host = None if of.task_id is None else facts_of_task(batch, of.task_id).host
    if host is None:
        return ()
    if HOSTS.name not in batch.capacity.limits:
        add_limit(batch, HOSTS)
    return (batch.gauges.one(batch.gauges.find(HOSTS, host)),)
