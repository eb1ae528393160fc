"""Sight of a claim: the earliest open lanes and what is behind.

Used by the claim.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from core.model.lanes import Head
from core.model.status import JOB, JobStatus
from core.store.batch import Batch
from core.store.sql import among, ids, raw

MANY = 16
"""From so many aisles on, their lanes are read by one statement."""
LAST = 2**63 - 1
"""A sort key that no task is behind."""
FIRST_READ = 4
"""Tasks that are read behind a picked one; each further read of that lane doubles it."""

_AISLE = "a.id, a.queue, a.head_key, a.gset_id, q.paused_at IS NOT NULL, a.shut_by"
_AISLES = (
    f"SELECT {_AISLE} FROM aisle a INDEXED BY aisle_open CROSS JOIN queue q ON q.name = a.queue"
    " WHERE a.head_key IS NOT NULL AND a.shut_by IS NULL ORDER BY a.head_key LIMIT ?"
)
_AISLES_OF_QUEUE = (
    f"SELECT {_AISLE} FROM aisle a INDEXED BY aisle_of_queue CROSS JOIN queue q ON q.name = a.queue"
    " WHERE a.queue = CAST(? AS TEXT) AND a.head_key IS NOT NULL AND a.shut_by IS NULL"
    " ORDER BY a.head_key LIMIT ?"
)
_AISLES_BUT = _AISLES_OF_QUEUE.replace(
    " ORDER BY", " AND a.gset_id NOT IN (SELECT value FROM json_each(?)) ORDER BY"
)
# Of an ending job only `finally` is queued once that is open, and goes on as if the job ran.
_STATUS = (
    "CASE WHEN j.status = 'ending' AND j.finishing = 1 THEN 'running'"
    " WHEN (j.paused_above OR j.place_gauge IS NOT NULL) AND j.status IN ('pending', 'running')"
    " THEN 'paused' ELSE j.status END"
)
# Of what it is not, nothing may be claimed.
_IS_CLAIMABLE = among(JOB["start"].sources | {JobStatus.RUNNING}, f"({_STATUS})")
# A job with all its children has one share: that of the job above them all.
_SHARE = "coalesce(j.root_id, j.id), coalesce((SELECT r.vtime FROM job r WHERE r.id = j.root_id), j.vtime)"
_LANE = f"l.head_key, l.id, l.head_id, l.aisle_id, {_SHARE}, {_IS_CLAIMABLE}"
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
    "SELECT id, sort_key, NULL FROM task INDEXED BY task_claim WHERE lane_id = ? AND status = 'queued'"
    " AND (sort_key, id) > (?, ?) ORDER BY sort_key, id LIMIT ?"
)
_BEHIND_COST = _BEHIND.replace("NULL", "cost")
_COSTS = "SELECT id, cost FROM task WHERE id IN (SELECT value FROM json_each(?)) AND cost IS NOT NULL"
_SHUT_BY_GAUGES = (
    "SELECT 1 FROM json_each(?) AS x JOIN lane l ON l.id = x.value JOIN aisle a ON a.id = l.aisle_id"
    " WHERE l.shut_by > 0 OR a.shut_by > 0 LIMIT 1"
)
_WAITING = "SELECT 1 FROM aisle INDEXED BY aisle_open WHERE head_key IS NOT NULL AND shut_by IS NULL LIMIT 1"
_REORDERED = (
    f"SELECT t.sort_key, l.id, t.id, l.aisle_id, {_SHARE}, {_IS_CLAIMABLE}, a.queue, a.gset_id,"
    " q.paused_at IS NOT NULL"
    " FROM json_each(?) AS x CROSS JOIN lane l ON l.id = x.value AND l.shut_by IS NULL"
    " CROSS JOIN aisle a ON a.id = l.aisle_id AND a.shut_by IS NULL CROSS JOIN queue q ON q.name = a.queue"
    " CROSS JOIN job j ON j.id = l.job_id"
    " CROSS JOIN task t ON t.id = (SELECT id FROM task INDEXED BY task_claim WHERE lane_id = l.id"
    " AND status = 'queued' AND sort_key > -9223372036854775807 ORDER BY sort_key, id LIMIT 1)"
)
_by_head = attrgetter("head_key")
_Lane: TypeAlias = tuple[int, int, int, int, int, int, int]
"""An open lane as it is read (`_LANE`), in order of its head; a claim reads many and takes few."""


class Aisle(NamedTuple):
    """An aisle as it is read, in sight of a claim."""

    id: int
    queue: str
    head_key: int
    gset_id: int
    is_paused: int
    shut_by: int | None


class QueueGroup(NamedTuple):
    """Queues that are looked at together, and the aisles of them that were woken."""

    queues: Sequence[str] | None
    """None = all."""
    woken: Sequence[Aisle]


@dataclass(slots=True, kw_only=True)
class Seen:
    """The first task of each of the earliest lanes, and what was met that ought to be shut."""

    heads: list[Head] = field(default_factory=list)
    shut_aisles: list[int] = field(default_factory=list)
    shut_lanes: list[int] = field(default_factory=list)
    aisles: dict[int, Aisle] = field(default_factory=dict)
    """Those whose lanes were looked at."""
    refused: dict[int, int] = field(default_factory=dict)
    """Aisles of which a gauge has nothing left, and that gauge."""
    is_cut: bool = False
    """There may be more lanes behind these."""

    def note(self, lanes: Iterable[_Lane]) -> None:
        """Note the heads of lanes of its aisles, or that a lane ought to be shut."""
        for head_key, lane_id, head_id, aisle_id, job_id, vtime, is_claimable in lanes:
            if not is_claimable:
                self.shut_lanes.append(lane_id)
                continue
            aisle = self.aisles[aisle_id]
            self.heads.append(
                Head(
                    lane_id=lane_id,
                    task_id=head_id,
                    job_id=job_id,
                    queue=aisle.queue,
                    sort_key=head_key,
                    vtime=vtime,
                    aisle_id=aisle_id,
                    gset_id=aisle.gset_id,
                )
            )


@dataclass(slots=True, kw_only=True)
class View:
    """Which aisles a claim may look at, and which of them it looks at although they are shut."""

    queues: Sequence[str] | None = None
    """Those of whose pools one has a free slot, and whose gauges have something left; None = all."""
    apart: frozenset[str] = frozenset()
    """Queues that are looked at by themselves: lower heads of others must not hide theirs."""
    full_sets: Callable[[str], Sequence[int]] = lambda _: ()
    """Return the gauge sets whose tasks prefer, of the pools of a queue, only those without a free slot."""
    woken: Mapping[int, Aisle] = field(default_factory=dict)
    """Aisles that were shut by gauges which have something left."""
    empty_of: Callable[[Collection[int]], Mapping[int, int]] = lambda _: {}
    """Return the gauge sets of which a gauge has nothing left, and that gauge."""

    def groups(self) -> Iterator[QueueGroup]:
        """Yield the queues that are looked at together."""
        woken = list(self.woken.values())
        if self.queues is None or not self.apart:
            yield QueueGroup(self.queues, woken)
            return
        yield QueueGroup(
            [queue for queue in self.queues if queue not in self.apart],
            [aisle for aisle in woken if aisle.queue not in self.apart],
        )
        for queue in sorted(self.apart.intersection((*self.queues, *(aisle.queue for aisle in woken)))):
            yield QueueGroup([queue], [aisle for aisle in woken if aisle.queue == queue])


EVERYTHING = View()


def look(batch: Batch, limit: int, view: View = EVERYTHING) -> Seen:
    """Look at the `limit` lanes with the lowest heads of each group in view; changes nothing."""
    seen = Seen()
    for queues, woken in view.groups():
        rows = _open_aisles(batch, limit, view, queues)
        candidates = sorted((*rows, *woken), key=_by_head) if woken else rows
        if candidates:
            seen.is_cut |= len(rows) >= limit
            _look_into(batch, limit, view=view, candidates=candidates, seen=seen)
    return seen


def _look_into(batch: Batch, limit: int, *, view: View, candidates: Sequence[Aisle], seen: Seen) -> None:
    """Note the lanes of aisles in order of their heads."""
    empty = view.empty_of({aisle.gset_id for aisle in candidates})
    aisles: dict[int, Aisle] = {}
    for aisle in candidates:
        if aisle.is_paused:
            seen.shut_aisles.append(aisle.id)
        elif aisle.gset_id in empty:
            seen.refused[aisle.id] = empty[aisle.gset_id]
        else:
            aisles[aisle.id] = aisle
    lanes = _earliest(batch, aisles, limit)
    seen.aisles |= aisles
    seen.is_cut |= len(lanes) == limit
    seen.note(lanes)


def note_costs(batch: Batch, heads: Sequence[Head]) -> None:
    """Read the estimates of the tasks at these heads, which have metered gauges."""
    costs = dict(batch.rows(_COSTS, ids([head.task_id for head in heads])))
    for head in heads:
        head.cost = costs.get(head.task_id)


def _open_aisles(batch: Batch, limit: int, view: View, queues: Sequence[str] | None) -> list[Aisle]:
    if queues is None:
        return batch.typed(Aisle, _AISLES, limit)
    found: list[Aisle] = []
    for queue in queues:
        full = view.full_sets(queue)
        if full:
            found += batch.typed(Aisle, _AISLES_BUT, raw(queue), ids(full), limit)
        else:
            found += batch.typed(Aisle, _AISLES_OF_QUEUE, raw(queue), limit)
    return heapq.nsmallest(limit, found, key=_by_head)


def look_at_reordered(batch: Batch, limit: int) -> Seen | None:
    """Look at the lanes whose heads this batch changed, without writing them; None where others wait too.

    What becomes queued while slots are free is mostly claimed by the same batch: neither its lane nor its
    aisle is written then.
    """
    lanes = batch.reordered_lanes()
    if not 0 < len(lanes) <= limit or batch.rows(_WAITING):
        return None
    if batch.capacity.is_shared and batch.rows(_SHUT_BY_GAUGES, ids(lanes)):
        # A lane of another head is not too dear any more, which is seen when it is written.
        return None
    seen = Seen()
    for *lane, queue, gset_id, paused in batch.rows(_REORDERED, ids(lanes)):
        head_key, _, _, aisle_id, *_ = lane
        if paused:
            seen.shut_aisles.append(aisle_id)
        else:
            seen.aisles[aisle_id] = Aisle(aisle_id, queue, head_key, gset_id, 0, None)
            seen.note([tuple(lane)])
    return seen


def _earliest(batch: Batch, aisles: Mapping[int, Aisle], limit: int) -> list[_Lane]:
    """Return the lanes of these aisles (in order of their heads) with the lowest heads."""
    if len(aisles) >= MANY:
        # Each has a lane whose head is not behind the last of these heads, and may have many more lanes.
        last = max(aisle.head_key for aisle in aisles.values())
        for bound, least in ((last, limit), (LAST, 0)):
            lanes = batch.rows(_LANES_OF_MANY, ids(aisles), bound, 4 * limit)
            if least <= len(lanes) < 4 * limit:
                return heapq.nsmallest(limit, lanes)
    found: list[_Lane] = []
    bound = LAST
    for aisle in aisles.values():
        if aisle.head_key > bound:
            break
        found += batch.rows(_LANES, aisle.id, bound, limit)
        if len(found) >= limit:
            found = heapq.nsmallest(limit, found)
            bound = found[-1][0]
    return found


class Ahead:
    """Reads behind the heads of lanes, a few tasks at a time; their estimates where `is_metered` says so."""

    def __init__(self, batch: Batch, *, is_metered: Callable[[int, str], bool] = lambda _, __: False) -> None:
        self._batch = batch
        self._is_metered = is_metered
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
        sql = _BEHIND_COST if self._is_metered(head.gset_id, head.queue) else _BEHIND
        rows = self._batch.rows(sql, head.lane_id, head.sort_key, head.task_id, number)
        return [
            Head(
                lane_id=head.lane_id,
                task_id=task_id,
                job_id=head.job_id,
                queue=head.queue,
                sort_key=sort_key,
                vtime=head.vtime,
                aisle_id=head.aisle_id,
                gset_id=head.gset_id,
                cost=cost,
            )
            for task_id, sort_key, cost in rows
        ]
