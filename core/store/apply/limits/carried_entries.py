"""Sum up old entries of the ledger by month.

Called by `forgetting`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from core.model.limits.limits import EntryKind
from core.store.batch import Batch
from core.store.forgettable import PURGED_ENTRY
from core.store.sql import ids

_OF = "unit, kind, pool, project, workflow, key, queue, model, price, gset_id, gauge_id"
_DUE = (
    f"SELECT e.id, e.at, e.counted_at, e.task_id, e.epoch, e.amount, e.released, 1, {_OF} FROM entry e"
    f" WHERE e.id IN (SELECT value FROM json_each(?3)) AND {PURGED_ENTRY} ORDER BY e.id"
)
_SUMS = (
    f"SELECT id, at, counted_at, task_id, epoch, amount, released, carried, {_OF} FROM entry"
    " INDEXED BY entry_counted WHERE counted_at = ? AND carried IS NOT NULL ORDER BY id"
)
_TURNS = "SELECT DISTINCT began FROM gauge WHERE began > 0 AND began <= ? ORDER BY began"
_UNKNOWN = (
    "SELECT id, amount FROM entry INDEXED BY entry_task WHERE task_id = ? AND epoch = ? AND unit = ?"
    " AND kind = 'unknown' AND reconciled IS NOT NULL"
)
_SUM_UP = (
    "UPDATE entry SET at = ?, counted_at = ?, amount = ?, released = ?, carried = ?, task_id = NULL,"
    " epoch = NULL, job_id = NULL, actor = NULL, reason = NULL, charge = NULL, late = NULL WHERE id = ?"
)


class _Entry(NamedTuple):
    """An entry, or a sum of some."""

    id: int
    at: int
    counted_at: int
    task_id: int | None
    epoch: int | None
    amount: int
    released: int | None
    number: int
    unit: str
    kind: str
    pool: str | None
    project: str | None
    workflow: str | None
    key: str | None
    queue: str | None
    model: str | None
    price: str | None
    gset_id: int
    gauge_id: int | None


@dataclass(slots=True)
class _Sum:
    """What entries that differ in nothing that is told of them come to."""

    id: int
    at: int = 0
    amount: int = 0
    released: int = 0
    number: int = 0

    def add(self, entry: _Entry, *, released: int) -> None:
        self.at = max(self.at, entry.at)
        self.amount += entry.amount
        self.released += released
        self.number += entry.number


def carry_entries(batch: Batch, numbers: Sequence[int], *, before: int) -> int:
    """Put entries into the sums of their month; return how many rows went.

    A sum counts in the same windows of the same gauges as its parts: it never reaches over a moment at which
    one began. An unknown amount goes with the entry that reconciled it, if that took back all of it.
    """
    batch.gauges.flush()
    turns = [began for (began,) in batch.rows(_TURNS, before)]
    parts: dict[int, list[_Entry]] = defaultdict(list)
    for entry in batch.typed(_Entry, _DUE, before, batch.now, ids(numbers)):
        parts[_span_of(entry.counted_at, turns)].append(entry)
    return sum(_sum_up(batch, at, entries) for at, entries in parts.items())


def _span_of(counted_at: int, turns: Sequence[int]) -> int:
    """Return where the month began, or the last window within it, of the entries that are one sum."""
    day = datetime.fromtimestamp(counted_at / 1000, UTC)
    month = round(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp() * 1000)
    place = bisect_right(turns, counted_at)
    return max(month, turns[place - 1]) if place else month


def _sum_up(batch: Batch, at: int, entries: Sequence[_Entry]) -> int:
    sums: dict[tuple[object, ...], _Sum] = {}
    for known in batch.typed(_Entry, _SUMS, at):
        sums[known[8:]] = one = _Sum(known.id)
        one.add(known, released=known.released or 0)
    gone, changed = list[int](), set[int]()
    for entry in entries:
        unknown = _unknown_of(batch, entry)
        if unknown is None:
            continue
        total = sums.setdefault(entry[8:], _Sum(entry.id))
        total.add(entry, released=0)
        changed.add(total.id)
        gone += unknown if entry.id == total.id else [entry.id, *unknown]
    batch.many(
        _SUM_UP,
        [(s.at, at, s.amount, s.released or None, s.number, s.id) for s in sums.values() if s.id in changed],
    )
    return batch.run("DELETE FROM entry WHERE id IN (SELECT value FROM json_each(?))", ids(gone))


def _unknown_of(batch: Batch, entry: _Entry) -> list[int] | None:
    """Return the entries that go with one; None = it stays, for it took back another amount."""
    if entry.kind != EntryKind.RECONCILED:
        return []
    rows = batch.rows(_UNKNOWN, entry.task_id, entry.epoch, entry.unit)
    if sum(amount for _, amount in rows) != (entry.released or 0):
        return None
    return [number for number, _ in rows]
