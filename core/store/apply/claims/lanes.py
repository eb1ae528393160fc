"""Aisles and lanes: made, shut and opened.

Called by the submissions, the claim and the moves of jobs. What is shut is a hint: a claim checks what it
meets, and shuts what it may not claim from.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.store.batch import Batch
from core.store.capacity import set_of
from core.store.rows import LeftOver
from core.store.sql import ids, raw

MAX_LANES = 1_000
"""Lanes of a job that one batch shuts or opens at the most."""

_SHUT_JOB = (
    "UPDATE lane SET shut_by = 0 WHERE id IN (SELECT id FROM lane INDEXED BY lane_job"
    " WHERE job_id = ? AND shut_by IS NULL LIMIT ?) RETURNING aisle_id"
)
_OPEN_JOB = (
    "UPDATE lane SET shut_by = NULL WHERE id IN (SELECT l.id FROM job j CROSS JOIN lane l INDEXED BY lane_job"
    " ON l.job_id = j.id WHERE j.id = ? AND (j.status IN ('pending', 'running') AND NOT j.paused_above"
    " AND j.place_gauge IS NULL"
    " OR j.status = 'ending' AND j.finishing = 1) AND l.shut_by = 0 LIMIT ?)"
    " RETURNING aisle_id"
)
_SHUT_LANES = "UPDATE lane SET shut_by = 0 WHERE id IN (SELECT value FROM json_each(?)) RETURNING aisle_id"
_SHUT_AISLES = "UPDATE aisle SET shut_by = 0 WHERE id IN (SELECT value FROM json_each(?))"


class Lanes:
    """The lanes of a job by queue and gauge set, made where they are missing."""

    def __init__(self, batch: Batch, job_id: int) -> None:
        self._batch = batch
        self._job_id = job_id
        self._known: dict[tuple[str, int], int] = {}

    def of(self, queue: str, gset_id: int = 0) -> int:
        """Return the id of the job's lane in a queue, for tasks that pass these gauges."""
        key = (queue, gset_id)
        lane_id = self._known.get(key)
        if lane_id is None:
            lane_id = self._known[key] = self._read(queue, gset_id) or self._make(queue, gset_id)
        return lane_id

    def _read(self, queue: str, gset_id: int) -> int | None:
        row = self._batch.one(
            "SELECT l.id FROM aisle a JOIN lane l ON l.aisle_id = a.id"
            " WHERE a.queue = CAST(? AS TEXT) AND a.gset_id = ? AND l.job_id = ?",
            raw(queue),
            gset_id,
            self._job_id,
        )
        return None if row is None else int(row[0])

    def _make(self, queue: str, gset_id: int) -> int:
        ((lane_id,),) = self._batch.rows(
            "INSERT INTO lane (aisle_id, job_id) VALUES (?, ?) RETURNING id",
            self._aisle(queue, gset_id),
            self._job_id,
        )
        return int(lane_id)

    def _aisle(self, queue: str, gset_id: int) -> int:
        known = self._batch.one(
            "SELECT id FROM aisle WHERE queue = CAST(? AS TEXT) AND gset_id = ?", raw(queue), gset_id
        )
        if known is not None:
            return int(known[0])
        if self._batch.run("INSERT OR IGNORE INTO queue (name) VALUES (CAST(? AS TEXT))", raw(queue)):
            limit_queue(self._batch, queue)
        ((aisle_id,),) = self._batch.rows(
            "INSERT INTO aisle (queue, gset_id) VALUES (CAST(? AS TEXT), ?) RETURNING id", raw(queue), gset_id
        )
        return int(aisle_id)


def limit_queue(batch: Batch, queue: str) -> None:
    """Bring a queue under the limits that all its tasks are under."""
    capacity = batch.capacity
    broad = batch.rules.broad_keys(queue, tuple(capacity.limits.values())) if capacity.limits else ()
    gset_id = set_of(batch.db, (batch.gauges.find(capacity.limits[one.name], one.key) for one in broad))
    batch.run("UPDATE queue SET gset_id = ? WHERE name = CAST(? AS TEXT)", gset_id, raw(queue))
    capacity.put_queue_set(queue, gset_id)


def shut_job(batch: Batch, job_id: int) -> None:
    """Shut the lanes of a job that is paused now, the first ones; a claim shuts the others it meets."""
    batch.reorder_aisles(batch.rows(_SHUT_JOB, job_id, MAX_LANES))


def open_job(batch: Batch, job_id: int) -> None:
    """Open the lanes of a job that may be claimed from; what is left stands in `followup`."""
    opened = batch.rows(_OPEN_JOB, job_id, MAX_LANES)
    batch.reorder_aisles(opened)
    if len(opened) == MAX_LANES:
        batch.followups.append(LeftOver("lanes", job_id))


def shut_queue(batch: Batch, queue: str) -> None:
    """Shut the aisles of a queue that is paused now."""
    batch.run("UPDATE aisle SET shut_by = 0 WHERE queue = CAST(? AS TEXT) AND shut_by IS NULL", raw(queue))


def open_queue(batch: Batch, queue: str) -> None:
    """Open the aisles of a queue that is resumed."""
    batch.run("UPDATE aisle SET shut_by = NULL WHERE queue = CAST(? AS TEXT) AND shut_by = 0", raw(queue))


def shut_met(batch: Batch, *, aisles: Iterable[int], lanes: Iterable[int]) -> None:
    """Shut what a claim met and may not claim from."""
    batch.run(_SHUT_AISLES, ids(aisles))
    batch.reorder_aisles(batch.rows(_SHUT_LANES, ids(lanes)))
