"""Claim task by task where a claim of many fails.

Called by the transaction, when a group is replayed.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from core.model.lanes import Head
from core.model.values import INBOX
from core.store.apply.claims.claim import LANES_MAX, apply_claim, claim_one, free_slots, take
from core.store.apply.claims.lanes import shut_met
from core.store.apply.claims.sight import Ahead, Seen, look
from core.store.apply.containment import (
    error_name,
    fail_job,
    keep_queued_back,
    name_once,
    set_aside,
    tell,
    tried,
    would_raise,
)
from core.store.apply.upkeep.recounts import note_repair
from core.store.batch import Batch
from core.store.rows import PLACE, Subject

TRIES = 20
"""Tasks of one lane that one claim finds at fault at the most."""

_NO_NUMBERS = "SELECT id FROM lane WHERE head_key >= '' OR head_id >= ''"
"""Lanes whose head is a text: that is larger than any number."""


@dataclass(slots=True)
class _Round:
    """What was tried: tasks that were claimed, and heads at fault with the error of each."""

    free: int
    claimed: int = 0
    tasks: list[tuple[Head, Exception]] = field(default_factory=list)
    lanes: list[tuple[Head, Exception]] = field(default_factory=list)
    jobs: dict[int, Exception] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        return len(self.tasks) + len(self.lanes) + len(self.jobs)


def apply_claim_apart(batch: Batch, *, slots: int) -> None:
    """Claim for free slots; where that fails, one task after another in the order of their keys.

    A task at fault is held, a job at fault is failed; what cannot even be held or failed is set aside, and
    found again by each claim. Where several are at fault and nothing can be claimed, the fault is not
    theirs: nothing is held or failed, and the report says that nothing can be claimed.
    """
    error = tried(batch, partial(_claim_together, slots=slots))
    if error is None:
        return
    seen = _look(batch)
    if seen is None:
        tell(batch, f"nothing can be claimed: {error_name(error)}")
        return
    tried(batch, partial(shut_met, aisles=seen.shut_aisles, lanes=seen.shut_lanes))
    done = _Round(free_slots(batch, slots))
    _claim_one_by_one(batch, seen, done, slots=slots)
    if not done.claimed and done.faults > 1:
        tell(batch, f"nothing can be claimed: {error_name(error)}")
        return
    if not done.faults:
        tell(batch, f"tasks can be claimed only one by one: {error_name(error)}")
    was_changed = _contain(batch, done)
    # Only after a change: what cannot be held would call for the next group for ever.
    batch.report.claims_left |= was_changed or (done.claimed > 0 and done.free > 0)


def _claim_together(batch: Batch, *, slots: int) -> None:
    apply_claim(batch, slots=slots)


def _look(batch: Batch) -> Seen | None:
    """Look at the heads of lanes; once more with those made again that are not numbers; None = in vain."""
    found: list[Seen] = []

    def see(part: Batch) -> None:
        found.append(look(part, LANES_MAX))

    def make_heads(part: Batch) -> None:
        for (lane_id,) in part.rows(_NO_NUMBERS):
            part.reorder_lane_id(lane_id)
        part.reorder_aisles(part.rows("SELECT id FROM aisle"))

    if tried(batch, see) is not None and tried(batch, make_heads) is None:
        tried(batch, see)
    return found[0] if found else None


def _claim_one_by_one(batch: Batch, seen: Seen, done: _Round, *, slots: int) -> None:
    ahead, tries = Ahead(batch), Counter[int]()
    heads = [(head.sort_key, head.lane_id, head) for head in seen.heads]
    heapq.heapify(heads)
    while heads and done.free > 0:
        _, _, head = heapq.heappop(heads)
        if head.job_id in done.jobs:
            continue
        admitted: list[bool] = []
        error = tried(batch, partial(_claim, head=head, slots=slots, admitted=admitted))
        if error is None and not any(admitted):
            # It and what is behind it wait for a pool or a limit.
            continue
        if error is None:
            done.claimed += 1
            done.free -= 1
        elif not _is_task_at_fault(batch, head, error, done):
            continue
        else:
            done.tasks.append((head, error))
            tries[head.lane_id] += 1
        behind = ahead.further(head) if tries[head.lane_id] < TRIES else None
        if behind is not None:
            heapq.heappush(heads, (behind.sort_key, behind.lane_id, behind))


def _claim(batch: Batch, *, head: Head, slots: int, admitted: list[bool]) -> None:
    # Without the rule that chooses: it may be what fails.
    admitted.append(claim_one(batch, head, slots=slots))


def _is_task_at_fault(batch: Batch, head: Head, error: Exception, done: _Round) -> bool:
    """Return whether neither the row of the job nor that of the lane is at fault; note the one that is."""
    if would_raise(batch, lambda part: take(part, (), {head.job_id: head.vtime + 1})):
        done.jobs[head.job_id] = error
        return False
    if would_raise(batch, lambda part: _make_head(part, head.lane_id)):
        done.lanes.append((head, error))
        return False
    return True


def _make_head(batch: Batch, lane_id: int) -> None:
    # Written even if it stays the same: a row that cannot be written is at fault.
    batch.reorder_lane_id(lane_id)
    batch.refresh_lanes()


def _contain(batch: Batch, done: _Round) -> bool:
    """Keep back what is at fault and name it; return whether a later claim will see something else."""
    kept = [_keep_task(batch, head, error) for head, error in done.tasks]
    failed = [_fail(batch, job_id, error) for job_id, error in done.jobs.items()]
    for head, error in done.lanes:
        reason = f"its lane {head.lane_id} in queue {head.queue} cannot be changed: {error_name(error)}"
        name_once(batch, Subject(head.job_id), reason)
    return any((*kept, *failed))


def _keep_task(batch: Batch, head: Head, error: Exception) -> bool:
    reason = f"it cannot be claimed: {error_name(error)}"
    places = batch.places(f"SELECT {PLACE} FROM task WHERE id = ? AND status = 'queued'", head.task_id)
    if not places:
        return _repair_head(batch, head)
    return keep_queued_back(batch, places[0], reason)


def _repair_head(batch: Batch, head: Head) -> bool:
    """Let a lane whose first task is not queued name the right one; return whether it does now."""
    heads = "SELECT head_id FROM lane WHERE id = ?"
    before = batch.one(heads, head.lane_id)

    def repair(part: Batch) -> None:
        _make_head(part, head.lane_id)
        note_repair(part, head.job_id, {"what": "lane.head", "lane": head.lane_id})

    return tried(batch, repair) is None and batch.one(heads, head.lane_id) != before


def _fail(batch: Batch, job_id: int, error: Exception) -> bool:
    reason = f"its tasks cannot be claimed: {error_name(error)}"
    if job_id != INBOX and fail_job(batch, job_id, reason):
        set_aside(batch, Subject(job_id), reason)
        return True
    name_once(batch, Subject(job_id), reason)
    return False
