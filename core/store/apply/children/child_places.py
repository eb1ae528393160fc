"""Places of children under `concurrency` limits: waited for, taken, given back.

Called by the begins, reruns and ends of children, and before each claim. A child that waits for a place is
kept from claims as a paused job is, and nothing of it is judged.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.crash_points import crash_point
from core.model.limits.gauges import Gauge
from core.model.values import JsonObject
from core.store.apply.claims.lanes import open_job, shut_job
from core.store.apply.limits.lane_sets import counting_gauges, is_being_keyed
from core.store.batch import Batch
from core.store.capacity import set_of
from core.store.rows import Subject

AT_ONCE = 256
"""Children behind one gauge that one batch looks at the most."""

_PARENT = "SELECT parent_task FROM job WHERE id = ? AND parent_task IS NOT NULL AND NOT is_worklet"
_WAITING = "SELECT id FROM job INDEXED BY job_waits WHERE place_gauge = ? ORDER BY id LIMIT ?"
_ANY = "SELECT 1 FROM job INDEXED BY job_waits WHERE place_gauge IS NOT NULL LIMIT 1"
_PUT = "UPDATE job SET place_set = ?, place_gauge = ? WHERE id = ?"
_HELD = "SELECT place_set FROM job WHERE id = ? AND (place_set > 0 OR place_gauge IS NOT NULL)"
_UNJUDGED = (
    "SELECT id FROM task INDEXED BY task_list WHERE job_id = ? AND status = 'blocked'"
    " AND wait_reason = 'condition' ORDER BY id"
)


def ask(batch: Batch, job_id: int) -> None:
    """Give a child that begins its place, or let it wait behind those that wait; any other job needs none."""
    gauges = _gauges_of(batch, job_id)
    if gauges:
        _place(batch, job_id, gauges, next((one for one in gauges if _is_waited_for(batch, one)), None))


def admit(batch: Batch) -> None:
    """Give places that are free to the children that wait for them, in the order of their numbers."""
    for gauge_id in due(batch):
        waiting = waiting_for(batch, gauge_id)
        for job_id in waiting:
            if not let_in(batch, gauge_id, job_id):
                break
        else:
            batch.report.claims_left |= len(waiting) == AT_ONCE


def due(batch: Batch) -> list[int]:
    """Return the gauges that may have room for children that wait, by id."""
    if not batch.capacity.is_shared or batch.one(_ANY) is None or is_being_keyed(batch):
        return []
    return [gauge.id for gauge in batch.gauges.due()]


def waiting_for(batch: Batch, gauge_id: int) -> list[int]:
    """Return the children that wait for a gauge, the first ones."""
    return [job_id for (job_id,) in batch.rows(_WAITING, gauge_id, AT_ONCE)]


def let_in(batch: Batch, gauge_id: int, job_id: int) -> bool:
    """Give a child behind a gauge its place, or let it wait for another gauge; False = nothing is free."""
    if not _lets_in(batch, batch.gauges.one(gauge_id)):
        return False
    gauges = _gauges_of(batch, job_id)
    _place(batch, job_id, gauges, next((one for one in gauges if batch.gauges.left(one) <= 0), None))
    return True


def go_without(batch: Batch, job_id: int) -> None:
    """Let a child that waits for a place go on without one."""
    _take(batch, job_id, ())


def give_back(batch: Batch, job_id: int) -> None:
    """Give back the place of a job that ends, or end its wait for one."""
    row = batch.one(_HELD, job_id)
    if row is None:
        return
    batch.run(_PUT, 0, None, job_id)
    for gauge_id in batch.capacity.gauges_of(batch.db, row[0]):
        gauge = batch.gauges.one(gauge_id)
        batch.rules.gauges.settle(gauge, 1, 0, counted_at=batch.wall)
        batch.gauges.open(gauge)


def stop_waiting(batch: Batch, job_id: int) -> None:
    """Let a job that gets its verdict wait for no place any more; one that it has stays until its end."""
    batch.run("UPDATE job SET place_gauge = NULL WHERE id = ? AND place_gauge IS NOT NULL", job_id)


def _gauges_of(batch: Batch, job_id: int) -> Sequence[int]:
    """Return the gauges that count a child by the limits of its task as they are now."""
    row = batch.one(_PARENT, job_id) if batch.capacity.limits else None
    return () if row is None else counting_gauges(batch, row[0])


def _lets_in(batch: Batch, gauge: Gauge) -> bool:
    """Return whether a gauge has room for a child, or belongs to a limit that binds nothing any more."""
    return gauge.limit.name not in batch.capacity.limits or batch.gauges.left(gauge.id) > 0


def _is_waited_for(batch: Batch, gauge_id: int) -> bool:
    return batch.gauges.left(gauge_id) <= 0 or bool(batch.rows(_WAITING, gauge_id, 1))


def _place(batch: Batch, job_id: int, gauges: Sequence[int], full: int | None) -> None:
    if full is None:
        _take(batch, job_id, gauges)
    else:
        _wait(batch, job_id, batch.gauges.one(full))


def _take(batch: Batch, job_id: int, gauges: Sequence[int]) -> None:
    batch.gauges.take(dict.fromkeys(gauges, 1))
    gset_id = set_of(batch.db, gauges)
    batch.run(_PUT, gset_id, None, job_id)
    open_job(batch, job_id)
    limits = ", ".join(batch.gauges.one(one).label for one in gauges)
    # Without a limit that counts it, it has no place and needs none.
    told: JsonObject = {"limit": limits, "set": gset_id} if gauges else {"set": gset_id}
    batch.event("job.took_place", Subject(job_id), data=told)
    # Nothing of it was judged while it waited.
    batch.report.conditions += [task_id for (task_id,) in batch.rows(_UNJUDGED, job_id)]
    crash_point("childjob.placed")


def _wait(batch: Batch, job_id: int, gauge: Gauge) -> None:
    batch.run(_PUT, 0, gauge.id, job_id)
    shut_job(batch, job_id)
    batch.gauges.alarm(gauge)
    # It may have room already: those that wait longer take it first.
    batch.gauges.open(gauge)
    batch.event("job.awaits_place", Subject(job_id), data={"limit": gauge.label, "gauge": gauge.id})
