"""Sight of a claim: the earliest open lanes and what is behind.

Used by the claim.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.model.lanes import Head
from core.model.status import JOB, JobStatus
from core.store.batch import Batch
from core.store.sql import ids

MANY = 16
"""From so many aisles on, their lanes are read by one statement."""
LAST = 2**63 - 1
"""A sort key that no task is behind."""
FIRST_READ = 4
"""Tasks that are read behind a picked one; each further read of that lane doubles it."""

_AISLES = (
    "SELECT a.id, a.queue, a.head_key, q.paused_at IS NOT NULL FROM aisle a INDEXED BY aisle_open"
    " CROSS JOIN queue q ON q.name = a.queue"
    " WHERE a.head_key IS NOT NULL AND a.shut_by IS NULL ORDER BY a.head_key LIMIT ?"
)
_LANE = "l.head_key, l.id, l.head_id, l.aisle_id, l.job_id, j.vtime, j.status"
_OPEN = "l.head_key IS NOT NULL AND l.shut_by IS NULL AND l.head_key <= ?2"
_LANES = (
    f"SELECT {_LANE} FROM lane l INDEXED BY lane_head CROSS JOIN job j ON j.id = l.job_id"
    f" WHERE l.aisle_id = ?1 AND {_OPEN} ORDER BY l.head_key, l.id LIMIT ?3"
)
_LANES_OF_MANY = (
    f"SELECT {_LANE} FROM json_each(?1) AS x CROSS JOIN lane l INDEXED BY lane_head"
    f" ON l.aisle_id = x.value AND {_OPEN} CROSS JOIN job j ON j.id = l.job_id LIMIT ?3"
)
_BEHIND = (
    "SELECT id, sort_key FROM task INDEXED BY task_claim WHERE lane_id = ? AND status = 'queued'"
    " AND (sort_key, id) > (?, ?) ORDER BY sort_key, id LIMIT ?"
)
_WAITING = "SELECT 1 FROM aisle INDEXED BY aisle_open WHERE head_key IS NOT NULL AND shut_by IS NULL LIMIT 1"
_REORDERED = (
    "SELECT t.sort_key, l.id, t.id, l.aisle_id, l.job_id, j.vtime, j.status, a.queue, q.paused_at IS NOT NULL"
    " FROM json_each(?) AS x CROSS JOIN lane l ON l.id = x.value AND l.shut_by IS NULL"
    " CROSS JOIN aisle a ON a.id = l.aisle_id AND a.shut_by IS NULL CROSS JOIN queue q ON q.name = a.queue"
    " CROSS JOIN job j ON j.id = l.job_id"
    " CROSS JOIN task t ON t.id = (SELECT id FROM task INDEXED BY task_claim WHERE lane_id = l.id"
    " AND status = 'queued' AND sort_key > -9223372036854775807 ORDER BY sort_key, id LIMIT 1)"
)
_CLAIMABLE = JOB["start"].sources | {JobStatus.RUNNING}


class _Lane(NamedTuple):
    """An open lane as it is read; in order of its head."""

    head_key: int
    id: int
    head_id: int
    aisle_id: int
    job_id: int
    vtime: int
    status: str


@dataclass(slots=True, kw_only=True)
class Seen:
    """The first task of each of the earliest lanes, and what was met that ought to be shut."""

    heads: list[Head] = field(default_factory=list)
    shut_aisles: list[int] = field(default_factory=list)
    shut_lanes: list[int] = field(default_factory=list)
    is_cut: bool = False
    """There may be more lanes behind these."""

    def note(self, lane: _Lane, *, queue: str) -> None:
        """Note the head of a lane, or that the lane ought to be shut."""
        if lane.status not in _CLAIMABLE:
            self.shut_lanes.append(lane.id)
            return
        self.heads.append(
            Head(
                lane_id=lane.id,
                task_id=lane.head_id,
                job_id=lane.job_id,
                queue=queue,
                sort_key=lane.head_key,
                vtime=lane.vtime,
            )
        )


def look(batch: Batch, limit: int) -> Seen:
    """Look at the `limit` lanes with the lowest heads; changes nothing."""
    seen = Seen()
    aisles: dict[int, tuple[str, int]] = {}
    rows = batch.rows(_AISLES, limit)
    for aisle_id, queue, head_key, is_paused in rows:
        if is_paused:
            seen.shut_aisles.append(aisle_id)
        else:
            aisles[aisle_id] = queue, head_key
    lanes = _earliest(batch, aisles, limit)
    seen.is_cut = len(rows) == limit or len(lanes) == limit
    for lane in lanes:
        seen.note(lane, queue=aisles[lane.aisle_id][0])
    return seen


def look_at_reordered(batch: Batch, limit: int) -> Seen | None:
    """Look at the lanes whose heads this batch changed, without writing them; None where others wait too.

    What becomes queued while slots are free is mostly claimed by the same batch: neither its lane nor its
    aisle is written then.
    """
    lanes = batch.reordered_lanes()
    if not 0 < len(lanes) <= limit or batch.rows(_WAITING):
        return None
    seen = Seen()
    for *columns, queue, paused in batch.rows(_REORDERED, ids(lanes)):
        lane = _Lane(*columns)
        if paused:
            seen.shut_aisles.append(lane.aisle_id)
        else:
            seen.note(lane, queue=queue)
    return seen


def _earliest(batch: Batch, aisles: dict[int, tuple[str, int]], limit: int) -> list[_Lane]:
    """Return the lanes of these aisles (in order of their heads) with the lowest heads."""
    if len(aisles) >= MANY:
        lanes = batch.typed(_Lane, _LANES_OF_MANY, ids(aisles), LAST, 4 * limit)
        if len(lanes) < 4 * limit:
            return heapq.nsmallest(limit, lanes)
    found: list[_Lane] = []
    bound = LAST
    for aisle_id, (_, head_key) in aisles.items():
        if head_key > bound:
            break
        found += batch.typed(_Lane, _LANES, aisle_id, bound, limit)
        if len(found) >= limit:
            found = heapq.nsmallest(limit, found)
            bound = found[-1].head_key
    return found


class Ahead:
    """Reads behind the heads of lanes, a few tasks at a time."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._read: dict[int, list[Head]] = {}
        self._sizes: dict[int, int] = {}

    def further(self, head: Head) -> Head | None:
        """Return the task behind one, in the order of its lane."""
        rest = self._read.get(head.lane_id)
        if not rest:
            size = self._sizes.get(head.lane_id, FIRST_READ)
            self._sizes[head.lane_id] = 2 * size
            rest = self._read[head.lane_id] = self._behind(head, size)
            rest.reverse()
        return rest.pop() if rest else None

    def whole(self, head: Head, number: int) -> Sequence[Head]:
        """Return a head and what is behind it, so many in all."""
        return [head, *self._behind(head, number - 1)]

    def _behind(self, head: Head, number: int) -> list[Head]:
        rows = self._batch.rows(_BEHIND, head.lane_id, head.sort_key, head.task_id, number)
        return [
            Head(
                lane_id=head.lane_id,
                task_id=task_id,
                job_id=head.job_id,
                queue=head.queue,
                sort_key=sort_key,
                vtime=head.vtime,
            )
            for task_id, sort_key in rows
        ]
