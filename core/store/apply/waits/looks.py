"""What looks at the world bring: answers, news, leave to look.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from core.model.commands.answers import Answer, NoteLook, PassRates, WaitRef
from core.model.limits.limits import LimitKind
from core.model.values import JsonObject
from core.store.apply.artifacts import keep_artifacts
from core.store.apply.children.worklet_asks import fail_parked
from core.store.apply.late_judgements import note_late
from core.store.apply.moves import waiting
from core.store.apply.variables import set_variables
from core.store.batch import Batch
from core.store.rows import PLACE, Subject, TaskPlace
from core.store.sql import pack

_READ = (
    f"SELECT {PLACE}, epoch FROM task WHERE id = ? AND generation = ? AND status = 'waiting'"
    " AND id IN (SELECT task_id FROM awaited)"
)
_COUNT = "UPDATE attempt SET looks = ? WHERE task_id = ? AND epoch = ? AND status = 'parked'"
_SEE = "UPDATE attempt SET looks = ?, seen = ? WHERE task_id = ? AND epoch = ? AND status = 'parked'"
_PASSED = "SELECT gset_id FROM attempt WHERE task_id = ? AND epoch = ?"

_AGAIN_MS = 100
"""When a rate that lets nothing through is asked again at the earliest."""


def apply_answer(batch: Batch, command: Answer) -> bool:
    """End a task with what a look found, unless it waits no more: that is an event without effect.

    A held one keeps waiting.
    """
    has_landed = _answer(batch, command)
    if not has_landed:
        note_late(batch, command.wait.task_id, command)
    return has_landed


def _answer(batch: Batch, command: Answer) -> bool:
    found = _waiting(batch, command.wait)
    if found is None:
        return False
    place, epoch = found
    if command.looks:
        batch.run(_COUNT, command.looks, place.task_id, epoch)
    if command.error is not None:
        return fail_parked(batch, place, command.error)
    if not waiting.succeed(batch, place, command.output or {}):
        return False
    subject = Subject(place.job_id, place.task_id, epoch)
    keep_artifacts(batch, subject, command.artifacts)
    set_variables(batch, subject, command.variables)
    return True


def apply_note_look(batch: Batch, command: NoteLook) -> bool:
    """Keep what a look saw with the attempt whose question it asks again."""
    found = _waiting(batch, command.wait)
    if found is None:
        return False
    place, epoch = found
    if batch.run(_SEE, command.looks, pack(command.seen), place.task_id, epoch) != 1:
        return False
    note: JsonObject = {"looks": command.looks, "seen": command.seen}
    batch.task_event("task.looked", place, attempt=epoch, data=note)
    return True


def apply_pass_rates(batch: Batch, command: PassRates) -> int | None:
    """Take a start of each rate that an attempt passed, or of none."""
    row = batch.one(_PASSED, command.task_id, command.epoch)
    gset_id = 0 if row is None else int(row[0])
    listed = batch.capacity.gauges_of(batch.db, gset_id) if gset_id else ()
    known = batch.gauges.of(listed)
    rates = [known[gauge_id] for gauge_id in listed if known[gauge_id].limit.kind is LimitKind.RATE]
    rules = batch.rules.gauges
    shut = [gauge for gauge in rates if rules.left(gauge, now=batch.now) < 1]
    if shut:
        opens = [rules.opens_at(gauge, now=batch.now, offset=batch.offset) for gauge in shut]
        return max(batch.now + _AGAIN_MS, *(at for at in opens if at is not None), 0)
    batch.gauges.take(dict.fromkeys((gauge.id for gauge in rates), 1))
    return None


def _waiting(batch: Batch, wait: WaitRef) -> tuple[TaskPlace, int] | None:
    row = batch.one(_READ, wait.task_id, wait.generation)
    return None if row is None else (TaskPlace(*row[:-1]), int(row[-1]))
