"""Settle what closed attempts held of gauges, and book what they spent.

Called by the moves of attempts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.model.gauges import Gauge
from core.model.limit_forms import held_by
from core.model.limits import MICRO, EntryKind, Spent
from core.model.values import JsonValue
from core.store.batch import Batch
from core.store.sql import pack

CALLS, SECONDS = "calls", "seconds"
"""Units that are measured where an attempt reports nothing of them."""
_BOOK = (
    "INSERT INTO entry (at, task_id, epoch, unit, amount, kind, counted_at, job_id, pool, project,"
    " workflow, key, queue, model, price, gset_id)"
    " SELECT ?1, t.id, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, t.job_id, a.pool,"
    " job.project, job.name, t.key, t.queue, j.value->>6, j.value->>7, coalesce(a.gset_id, 0)"
    " FROM json_each(?2) AS j JOIN task t ON t.id = j.value->>0 JOIN job ON job.id = t.job_id"
    " LEFT JOIN attempt a ON a.task_id = t.id AND a.epoch = j.value->>1"
)


@dataclass(slots=True)
class Holding:
    """An attempt that was closed just now, and what it held."""

    task_id: int
    epoch: int
    gset_id: int
    held: str | None
    counted_at: int | None
    started_at: int


HOLDING = "task_id, epoch, gset_id, held, counted_at, started_at"
"""The columns of a `Holding`, in its order."""


def settle(batch: Batch, closed: Iterable[Holding]) -> None:
    """Count what attempts spent and give back what they held; each unit is one entry of the ledger.

    Of a unit that nothing was reported of, what was held is booked as estimated; calls and seconds are
    measured.
    """
    entries: list[JsonValue] = []
    for one in closed:
        reported = batch.spent.get((one.task_id, one.epoch), ())
        if not one.gset_id and not reported:
            continue
        gauges = _gauges(batch, one)
        booked = _booked(batch, one, gauges, reported)
        amounts: dict[str, int] = {}
        for spent, _ in booked:
            amounts[spent.unit] = amounts.get(spent.unit, 0) + spent.amount
        held, counted_at = held_by(one.held), _counted_at(one)
        for gauge in gauges:
            batch.rules.gauges.settle(
                gauge, held.get(gauge.id, 1), amounts.get(gauge.limit.unit, 0), counted_at=counted_at
            )
            batch.gauges.open(gauge)
        entries += [_entry(one, spent, kind) for spent, kind in booked]
    _book(batch, entries)


def lose(batch: Batch, closed: Iterable[Holding]) -> None:
    """Count what attempts held as unknown: their end was not observed."""
    entries: list[JsonValue] = []
    for one in closed:
        held, counted_at = held_by(one.held), _counted_at(one)
        gauges = _gauges(batch, one)
        amounts = _held_by_unit(gauges, held)
        for gauge in gauges:
            amount = amounts.get(gauge.limit.unit, 0)
            batch.rules.gauges.lose(gauge, held.get(gauge.id, 1), amount, counted_at=counted_at)
            batch.gauges.open(gauge)
        entries += [
            _entry(one, Spent(unit=unit, amount=amount), EntryKind.UNKNOWN)
            for unit, amount in amounts.items()
        ]
    _book(batch, entries)


def give_back(batch: Batch, closed: Iterable[Holding]) -> None:
    """Undo what was taken for attempts that never began."""
    for one in closed:
        held = held_by(one.held)
        for gauge in _gauges(batch, one):
            batch.rules.gauges.give_back(gauge, held.get(gauge.id, 1), counted_at=_counted_at(one))
            batch.gauges.open(gauge)


def _gauges(batch: Batch, one: Holding) -> Sequence[Gauge]:
    listed = batch.capacity.gauges_of(batch.db, one.gset_id)
    known = batch.gauges.of(listed)
    return [known[gauge_id] for gauge_id in listed]


def _counted_at(one: Holding) -> int:
    return one.started_at if one.counted_at is None else one.counted_at


def _booked(
    batch: Batch, one: Holding, gauges: Sequence[Gauge], reported: Sequence[Spent]
) -> list[tuple[Spent, EntryKind]]:
    """Return what the ledger gets of an attempt: what it reported, what is measured, what is estimated."""
    booked = [(spent, EntryKind.SETTLED) for spent in reported]
    told = {spent.unit for spent in reported}
    measured = {CALLS: MICRO, SECONDS: max(0, batch.wall - one.started_at) * 1_000}
    for unit, amount in _held_by_unit(gauges, held_by(one.held)).items():
        if unit in told:
            continue
        if unit in measured:
            booked.append((Spent(unit=unit, amount=measured[unit]), EntryKind.SETTLED))
        elif amount:
            booked.append((Spent(unit=unit, amount=amount), EntryKind.ESTIMATED))
    return booked


def _held_by_unit(gauges: Iterable[Gauge], held: Mapping[int, int]) -> dict[str, int]:
    """Return what was held of each unit, the most where gauges of one unit hold unlike amounts."""
    found: dict[str, int] = {}
    for gauge in gauges:
        if gauge.limit.is_metered:
            unit = gauge.limit.unit
            found[unit] = max(found.get(unit, 0), held.get(gauge.id, 0))
    return found


def _entry(one: Holding, spent: Spent, kind: EntryKind) -> JsonValue:
    return [
        one.task_id,
        one.epoch,
        spent.unit,
        spent.amount,
        kind,
        _counted_at(one),
        spent.model,
        spent.price,
    ]


def _book(batch: Batch, entries: list[JsonValue]) -> None:
    if entries:
        batch.run(_BOOK, batch.wall, pack(entries))
