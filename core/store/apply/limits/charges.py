"""Book what an attempt spends while it runs.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.model.commands.limits import BudgetLeft, Charge, Charged
from core.model.errors import NotFound
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import held_by, pack_held
from core.model.limits.limits import EntryKind, Spent
from core.model.records import replace
from core.store.apply.limits.early_ends import end_one_early
from core.store.apply.limits.settle import (
    HOLDING,
    Booking,
    Holding,
    book,
    counted_at_of,
    gauges_of,
    is_booked,
    note_unpriced,
)
from core.store.batch import Batch
from core.store.rows import Subject

_READ = f"SELECT {HOLDING} FROM attempt WHERE task_id = ? AND epoch = ?"
_STATE = (
    "SELECT t.job_id, a.status = 'running' FROM attempt a JOIN task t ON t.id = a.task_id"
    " WHERE a.task_id = ? AND a.epoch = ?"
)
_HOLD = "UPDATE attempt SET held = ? WHERE task_id = ? AND epoch = ? AND status = 'running'"


def apply_charge(batch: Batch, command: Charge) -> Charged | NotFound:
    """Count a charge and write it into the ledger, unless it is there; answer what is left.

    One of an attempt that has ended is booked and marked late.
    """
    state = batch.one(_STATE, command.task_id, command.epoch)
    if state is None:
        return _unknown(command)
    job_id, is_open = state
    (one,) = batch.typed(Holding, _READ, command.task_id, command.epoch)
    gauges = [gauge for gauge in gauges_of(batch, one) if gauge.limit.is_metered]
    held = dict(held_by(one.held)) if is_open else {}
    is_new = not is_booked(batch, command.task_id, command.id)
    if is_new:
        note_unpriced(batch, Subject(job_id, command.task_id, command.epoch), command.spent)
        _count(batch, command.spent, gauges, held=held, counted_at=counted_at_of(one))
        counted_at = max([batch.wall, *(gauge.began for gauge in gauges)])
        booked = [(replace(spent, charge=command.id), EntryKind.CHARGED) for spent in command.spent]
        book(batch, [Booking([one], booked, counted_at, is_late=not is_open)])
        if is_open and one.held is not None:
            batch.run(_HOLD, pack_held(held.items()), command.task_id, command.epoch)
    left = {gauge.id: _left(batch, one, gauge, held) for gauge in sorted(gauges, key=_place)}
    for gauge in gauges:
        if left[gauge.id].is_spent and not gauge.is_frozen:
            end_one_early(batch, command.task_id, command.epoch, gauge)
    return Charged(landed=is_new, late=not is_open, spent=command.spent, budgets=tuple(left.values()))


def _count(
    batch: Batch, spent: Iterable[Spent], gauges: Iterable[Gauge], *, held: dict[int, int], counted_at: int
) -> None:
    """Count a charge in the gauges of its units; `held` becomes what the attempt holds from then on."""
    amounts: dict[str, int] = {}
    for one in spent:
        amounts[one.unit] = amounts.get(one.unit, 0) + one.amount
    for gauge in gauges:
        left = batch.rules.gauges.charge(
            gauge, amounts.get(gauge.limit.unit, 0), held=held.get(gauge.id, 0), counted_at=counted_at
        )
        if gauge.id in held:
            held[gauge.id] = left
        batch.gauges.open(gauge)


def _left(batch: Batch, one: Holding, gauge: Gauge, held: Mapping[int, int]) -> BudgetLeft:
    # What is held in a window that is over is not counted in this one.
    own = held.get(gauge.id, 0) if counted_at_of(one) >= gauge.began else 0
    return BudgetLeft(
        name=gauge.limit.name,
        key=gauge.key,
        unit=gauge.limit.unit,
        max=gauge.cap,
        left=batch.rules.gauges.available(gauge, held=own),
    )


def _place(gauge: Gauge) -> tuple[str, str]:
    return gauge.limit.name, gauge.key


def _unknown(command: Charge) -> NotFound:
    return NotFound(
        "attempt.unknown",
        f"task {command.task_id} has no attempt {command.epoch}",
        hint="run 'taskdeck charge' inside a task",
        facts={"task": command.task_id, "epoch": command.epoch},
    )
