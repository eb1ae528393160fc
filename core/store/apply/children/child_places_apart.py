"""Places of children given one by one where that of many fails.

Called by the transaction, when a group is replayed.
"""

from __future__ import annotations

from functools import partial

from core.store.apply.children.child_places import AT_ONCE, admit, due, go_without, let_in, waiting_for
from core.store.apply.containment import (
    error_name,
    fail_job,
    name_once,
    set_aside,
    tell,
    tried,
    would_raise,
)
from core.store.batch import Batch
from core.store.rows import Subject


def admit_apart(batch: Batch) -> bool:
    """Give free places; where that fails, child by child; return whether only what is at fault was met.

    A child at fault is failed; one that cannot be failed goes on without a place. What not even that can be
    done to is set aside, and met again by each batch. A gauge at fault keeps back its own children.
    """
    error = tried(batch, admit)
    if error is None:
        return False
    gauges: list[int] = []
    if tried(batch, lambda part: gauges.extend(due(part))) is not None:
        tell(batch, f"no child gets a place: {error_name(error)}")
    changes = [_admit_behind(batch, gauge_id) for gauge_id in gauges]
    return not any(changes)


def _admit_behind(batch: Batch, gauge_id: int) -> bool:
    """Let in those that wait for one gauge; return whether any waits for it no more."""
    if would_raise(batch, lambda part: part.gauges.take({gauge_id: 1})):
        tell(batch, f"no child gets a place: gauge {gauge_id} cannot be changed")
        return False
    waiting = waiting_for(batch, gauge_id)
    left = set(waiting)
    changed = False
    for job_id in waiting:
        if job_id not in left:
            continue
        has_room: list[bool] = []
        error = tried(batch, partial(_let_in, gauge_id=gauge_id, job_id=job_id, has_room=has_room))
        if error is not None:
            changed |= _contain(batch, job_id, error)
            # A child that is failed may end its family, and what has ended takes no place.
            left = set(waiting_for(batch, gauge_id))
        elif has_room == [True]:
            changed = True
        else:
            return changed
    batch.report.claims_left |= changed and len(waiting) == AT_ONCE
    return changed


def _let_in(batch: Batch, *, gauge_id: int, job_id: int, has_room: list[bool]) -> None:
    has_room.append(let_in(batch, gauge_id, job_id))


def _contain(batch: Batch, job_id: int, error: Exception) -> bool:
    """Keep a child at fault from being met again, and name it; return whether that could be done."""
    reason = f"it cannot be given its place: {error_name(error)}"
    if fail_job(batch, job_id, reason) or tried(batch, partial(go_without, job_id=job_id)) is None:
        set_aside(batch, Subject(job_id), reason)
        return True
    name_once(batch, Subject(job_id), reason)
    return False
