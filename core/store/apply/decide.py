"""Carry out judgements of `when`, and queue retries whose time has come.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model.commands import ComeDue, Decide, FailIt, Proceed, SkipIt
from core.store.apply.moves import idle, queueing
from core.store.batch import MAX_PER_BATCH, Batch


def apply_decides(batch: Batch, commands: Sequence[Decide]) -> list[None]:
    """Carry out judgements; a task that no longer waits for one stays as it is."""
    for command in commands:
        match command.verdict:
            case Proceed():
                queueing.unblock_by_judgement(batch, command.task_id)
            case SkipIt():
                idle.skip_by_judgement(batch, command.task_id)
            case FailIt(error=error):
                idle.fail_by_judgement(batch, command.task_id, error.to_json())
    return [None] * len(commands)


def apply_come_due(batch: Batch, _: ComeDue) -> None:
    """Queue retrying tasks that are due, one batch full; the alarm of the rest is armed again at once."""
    queueing.come_due(batch, limit=MAX_PER_BATCH)
