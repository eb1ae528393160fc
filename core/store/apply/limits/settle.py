"""Settle what closed attempts held of gauges, and book what they spent.

Called by the moves of attempts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeAlias

from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import held_by
from core.model.limits.limits import MICRO, UNPRICED, EntryKind, Spent
from core.model.values import JsonValue
from core.store.batch import Batch
from core.store.derived import RUN_TIME_KEY
from core.store.rows import Subject
from core.store.sql import member, pack, raw

CALLS, SECONDS = "calls", "seconds"
"""Units that are measured where an attempt reports nothing of them."""
# What is booked of many attempts is read once. The order is that of the attempts, then of what is booked:
# CROSS JOIN keeps it, and sorting took a tenth of the whole. `place` is read so that the index that SQLite
# makes of what is booked has it behind `booking`: else the columns that follow give the order.
_BOOK = (
    "WITH booked AS MATERIALIZED (SELECT value->>0 AS booking, key AS place, value->>1 AS unit,"
    " value->>2 AS amount, value->>3 AS kind, value->>4 AS counted_at, value->>5 AS model,"
    " value->>6 AS price, value->>7 AS charge, value->>8 AS late FROM json_each(?3))"
    " INSERT INTO entry (at, task_id, epoch, unit, amount, kind, counted_at, job_id, pool, project,"
    " workflow, key, queue, model, price, gset_id, charge, late)"
    " SELECT ?1, t.id, j.value->>1, b.unit, b.amount, b.kind, b.counted_at, t.job_id, a.pool,"
    f" coalesce({member('t.spec', '$.project')}, job.project), job.name, {RUN_TIME_KEY},"
    " t.queue, b.model, b.price,"
    " coalesce(a.gset_id, 0), b.charge, b.late"
    " FROM json_each(?2) AS j CROSS JOIN task t ON t.id = j.value->>0 CROSS JOIN job ON job.id = t.job_id"
    " LEFT JOIN attempt a ON a.task_id = t.id AND a.epoch = j.value->>1"
    " CROSS JOIN booked b WHERE b.booking = j.value->>2 AND b.place >= 0"
)
_IS_BOOKED = (
    "SELECT 1 FROM entry INDEXED BY entry_charge WHERE task_id = ? AND charge = CAST(? AS TEXT) LIMIT 1"
)
# The index has charges alone, and most stores have none: one look for all attempts tells.
_ANY_CHARGED = (
    "SELECT 1 FROM entry INDEXED BY entry_charge WHERE task_id BETWEEN ? AND ? AND charge IS NOT NULL LIMIT 1"
)
_CHARGED = (
    "SELECT DISTINCT e.task_id, e.epoch, e.unit FROM json_each(?) AS j"
    " CROSS JOIN entry e INDEXED BY entry_charge ON e.task_id = j.value->>0 AND e.charge IS NOT NULL"
    " WHERE e.epoch = j.value->>1 AND e.kind = 'charged'"
)
_WITHOUT_PRICE = (
    "SELECT 1 FROM entry INDEXED BY entry_unpriced WHERE price = 'none' AND model = CAST(? AS TEXT) LIMIT 1"
)
_gset_id = attrgetter("gset_id")
Booked: TypeAlias = tuple[Spent, EntryKind]
_Sets: TypeAlias = Mapping[int, tuple[int, ...]]
"""Gauge sets by id: the ids of their gauges."""


@dataclass(slots=True)
class Holding:
    """An attempt that was closed just now, and what it held."""

    task_id: int
    epoch: int
    gset_id: int
    held: str | None
    counted_at: int | None
    started_at: int


@dataclass(slots=True)
class Booking:
    """What each of some attempts spent; `counted_at` tells the windows in which it counts (ms UTC)."""

    attempts: Sequence[Holding]
    booked: Sequence[Booked]
    counted_at: int
    is_late: bool = False
    """The attempts had ended."""


@dataclass(slots=True)
class _Alike:
    """Attempts that held the same since the same moment, by the metered gauges of each."""

    metered: tuple[int, ...]
    attempts: list[Holding] = field(default_factory=list)

    def passed(self, sets: _Sets) -> Mapping[int, int]:
        """Return how many of them passed each gauge."""
        found: defaultdict[int, int] = defaultdict(int)
        for gset_id, number in Counter(map(_gset_id, self.attempts)).items():
            for gauge_id in sets[gset_id]:
                found[gauge_id] += number
        return found


HOLDING = "task_id, epoch, gset_id, held, counted_at, started_at"
"""The columns of a `Holding`, in its order."""


def settle(batch: Batch, closed: Iterable[Holding]) -> None:
    """Count what attempts spent and give back what they held; each unit is one entry of the ledger.

    Of a unit that nothing was reported of, what was held is booked as estimated; calls and seconds are
    measured.
    """
    closed = list(closed)
    bookings: list[Booking] = []
    # At once: each of many keys of a limit has a gauge of its own.
    gsets = {one.gset_id for one in closed}
    sets = batch.capacity.sets(batch.db, gsets)
    known = batch.gauges.of(set().union(*[sets[gset_id] for gset_id in gsets]))
    charged = _charged(batch, closed)
    tasks = {one.task_id for one in closed}
    for alike in _alike(batch, closed, sets, charged):
        one = alike.attempts[0]
        reported = _reported(batch, one)
        told = {spent.unit for spent, _ in reported} | charged.get((one.task_id, one.epoch), set())
        held, counted_at = held_by(one.held), counted_at_of(one)
        of_units = _held_by_unit([known[gauge_id] for gauge_id in alike.metered], held)
        booked = [*reported, *_measured_or_estimated(batch, one, of_units, told)]
        amounts = _by_unit(booked)
        for gauge_id, number in alike.passed(sets).items():
            gauge = known[gauge_id]
            amount = number * amounts.get(gauge.limit.unit, 0)
            batch.rules.gauges.settle(gauge, number * held.get(gauge_id, 1), amount, counted_at=counted_at)
            batch.gauges.let_go(gauge, tasks)
        bookings.append(Booking(alike.attempts, booked, counted_at))
    book(batch, bookings)


def lose(batch: Batch, closed: Iterable[Holding]) -> None:
    """Count what attempts reported, and the rest of what they held as unknown: their end was not observed."""
    bookings: list[Booking] = []
    for one in closed:
        held, counted_at = held_by(one.held), counted_at_of(one)
        gauges, reported = gauges_of(batch, one), _reported(batch, one)
        amounts = _by_unit(reported)
        unknown = {
            unit: max(0, amount - amounts.get(unit, 0))
            for unit, amount in _held_by_unit(gauges, held).items()
        }
        rules = batch.rules.gauges
        for gauge in gauges:
            unit = gauge.limit.unit
            rules.settle(gauge, held.get(gauge.id, 1), amounts.get(unit, 0), counted_at=counted_at)
            rules.lose(gauge, 0, unknown.get(unit, 0), counted_at=counted_at)
            batch.gauges.let_go(gauge, (one.task_id,))
        lost = [(Spent(unit=unit, amount=amount), EntryKind.UNKNOWN) for unit, amount in unknown.items()]
        bookings.append(Booking([one], [*reported, *lost], counted_at))
    book(batch, bookings)


def give_back(batch: Batch, closed: Iterable[Holding]) -> None:
    """Undo what was taken for attempts that never began."""
    for one in closed:
        held = held_by(one.held)
        passed = gauges_of(batch, one)
        batch.gauges.count_starts([gauge.id for gauge in passed], -1, counted_at=counted_at_of(one))
        for gauge in passed:
            batch.rules.gauges.give_back(gauge, held.get(gauge.id, 1), counted_at=counted_at_of(one))
            batch.gauges.let_go(gauge, (one.task_id,))


def is_booked(batch: Batch, task_id: int, charge: str) -> bool:
    """Return whether a charge of a task is in the ledger."""
    return batch.one(_IS_BOOKED, task_id, raw(charge)) is not None


def gauges_of(batch: Batch, one: Holding) -> Sequence[Gauge]:
    """Return the gauges that an attempt passed."""
    listed = batch.capacity.gauges_of(batch.db, one.gset_id)
    known = batch.gauges.of(listed)
    return [known[gauge_id] for gauge_id in listed]


def counted_at_of(one: Holding) -> int:
    """Return the moment that tells the windows of what an attempt held (ms UTC)."""
    return one.started_at if one.counted_at is None else one.counted_at


def _charged(batch: Batch, closed: Sequence[Holding]) -> dict[tuple[int, int], set[str]]:
    """Return the units that attempts were charged for while they ran, by task and epoch."""
    found: dict[tuple[int, int], set[str]] = {}
    holding = [(one.task_id, one.epoch) for one in closed if one.held is not None]
    if not holding or batch.one(_ANY_CHARGED, min(holding)[0], max(holding)[0]) is None:
        return found
    for task_id, epoch, unit in batch.rows(_CHARGED, pack([[*ref] for ref in holding])):
        found.setdefault((task_id, epoch), set()).add(unit)
    return found


def _alike(
    batch: Batch, closed: Iterable[Holding], sets: _Sets, charged: Container[tuple[int, int]]
) -> Iterable[_Alike]:
    """Put attempts together that held the same since the same moment.

    One that reported or was charged stands alone; one that did neither and passed no gauge is left out.
    """
    found: dict[tuple[object, ...], _Alike] = {}
    metered: dict[int, tuple[int, ...]] = {}
    of_metered = batch.gauges.metered
    for one in closed:
        gset_id, ref = one.gset_id, (one.task_id, one.epoch)
        if gset_id not in metered:
            metered[gset_id] = tuple([gauge_id for gauge_id in sets[gset_id] if gauge_id in of_metered])
        if ref in batch.spent or ref in charged:
            key: tuple[object, ...] = ref
        elif gset_id:
            key = (metered[gset_id], one.held, one.counted_at, one.started_at)
        else:
            continue
        alike = found.get(key)
        if alike is None:
            alike = found[key] = _Alike(metered[gset_id])
        alike.attempts.append(one)
    return found.values()


def _reported(batch: Batch, one: Holding) -> list[Booked]:
    """Return what an attempt reported, without the charges that were booked while it ran."""
    return [
        (spent, EntryKind.CHARGED if spent.charge else EntryKind.SETTLED)
        for spent in batch.spent.get((one.task_id, one.epoch), ())
        if spent.charge is None or not is_booked(batch, one.task_id, spent.charge)
    ]


def _measured_or_estimated(
    batch: Batch, one: Holding, held: Mapping[str, int], told: Container[str]
) -> list[Booked]:
    """Return what is booked of the units that are not told: nothing was reported of them, or charged."""
    booked: list[Booked] = []
    if one.held is None:
        return booked
    measured = {CALLS: MICRO, SECONDS: max(0, batch.wall - one.started_at) * 1_000}
    for unit, amount in held.items():
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


def _by_unit(booked: Iterable[Booked]) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for spent, _ in booked:
        amounts[spent.unit] = amounts.get(spent.unit, 0) + spent.amount
    return amounts


def book(batch: Batch, bookings: Iterable[Booking]) -> None:
    """Write what was spent into the ledger: one entry for each attempt and each part of it."""
    attempts: list[JsonValue] = []
    booked: list[JsonValue] = []
    for number, one in enumerate(one for one in bookings if one.booked):
        attempts += [[attempt.task_id, attempt.epoch, number] for attempt in one.attempts]
        late = 1 if one.is_late else None
        booked += [
            [number, s.unit, s.amount, kind, one.counted_at, s.model, s.price, s.charge, late]
            for s, kind in one.booked
        ]
    if booked:
        batch.run(_BOOK, batch.wall, pack(attempts), pack(booked))


def note_unpriced(batch: Batch, subject: Subject, spent: Iterable[Spent]) -> None:
    """Warn of each model without a price, once: before its first entry is booked."""
    models = {one.model for one in spent if one.price == UNPRICED and one.model is not None}
    for model in sorted(models - batch.unpriced):
        batch.unpriced.add(model)
        if batch.one(_WITHOUT_PRICE, raw(model)) is None:
            batch.event("price.unknown", subject, data={"model": model})
