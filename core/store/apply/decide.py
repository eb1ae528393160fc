"""Carry out judgements of `when`, and queue retries whose time has come.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.commands.work import ComeDue
from core.model.limits.terms import Terms
from core.model.patterns.judgements import (
    Await,
    BeginChild,
    BeginWorklet,
    Decide,
    Expand,
    FailIt,
    GiveUp,
    Proceed,
    SkipIt,
    TakeOutputs,
    TakeResult,
)
from core.model.values import JsonValue
from core.store.apply.children import child_answers, children, worklets
from core.store.apply.groups.make_instances import expand
from core.store.apply.late_judgements import note_late
from core.store.apply.limits.lane_sets import bind
from core.store.apply.limits.unknown_estimates import estimate_unknown
from core.store.apply.moves import idle, queueing
from core.store.apply.waits import answers
from core.store.batch import Batch
from core.store.sql import pack

_ASKED = (
    "SELECT j.key FROM json_each(?) AS j CROSS JOIN task t ON t.id = j.value->>0"
    " AND t.generation = j.value->>2 AND t.epoch = j.value->>3"
    " LEFT JOIN awaited w ON w.task_id = t.id WHERE w.asks IS j.value->>1"
)


def apply_decides(batch: Batch, commands: Sequence[Decide]) -> list[None]:
    """Carry out judgements; one that comes too late is an event without effect."""
    asked = _asked(batch, commands)
    for at, command in enumerate(commands):
        if at not in asked or not _landed(batch, command):
            note_late(batch, command.task_id, command.verdict)
    return [None] * len(commands)


def _asked(batch: Batch, commands: Sequence[Decide]) -> set[int]:
    """Return which of the judgements answer what their tasks ask now."""
    said: list[JsonValue] = [
        [one.task_id, one.question.asks, one.question.generation, one.question.epoch] if one.question else []
        for one in commands
    ]
    unnamed = {at for at, one in enumerate(commands) if one.question is None}
    return unnamed | {at for (at,) in batch.rows(_ASKED, pack(said))}


def _landed(batch: Batch, command: Decide) -> bool:
    match command.verdict:
        case Proceed(terms=terms):
            return _proceed(batch, command.task_id, terms)
        case Await():
            return answers.begin(batch, command.task_id, command.verdict)
        case Expand():
            return expand(batch, command.task_id, command.verdict)
        case BeginChild():
            return children.begin_child(batch, command.task_id, command.verdict)
        case BeginWorklet():
            return worklets.begin_worklet(batch, command.task_id, command.verdict)
        case TakeOutputs() | TakeResult() | GiveUp():
            return child_answers.take(batch, command.task_id, command.verdict)
        case SkipIt():
            return idle.skip_by_judgement(batch, command.task_id)
        case FailIt(error=error):
            failed = idle.fail_by_judgement(batch, command.task_id, error.to_json())
            return failed or child_answers.fail(batch, command.task_id, error)


def _proceed(batch: Batch, task_id: int, terms: Terms | None) -> bool:
    if terms is None:
        return queueing.unblock_by_judgement(batch, task_id)
    bound = bind(batch, task_id, terms)
    return bound is not None and queueing.unblock_under_terms(batch, task_id, bound)


def apply_come_due(batch: Batch, _: ComeDue) -> None:
    """Queue retrying tasks that are due, one batch full; the alarm of the rest is armed again at once.

    Unknown amounts that are due are booked as well.
    """
    queueing.come_due(batch, limit=batch.limit)
    answers.come_due(batch, limit=batch.limit)
    estimate_unknown(batch)
