"""Carry out one group of commands in one transaction, in fixed phases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from core.logs import get_logger
from core.model.commands import (
    Cancel,
    ComeDue,
    Command,
    Complete,
    Decide,
    Enqueue,
    Fail,
    FollowUp,
    Hold,
    Kill,
    Pause,
    Rerun,
    Result,
    Resume,
    Submit,
    Tell,
    Unhold,
)
from core.model.crash_points import crash_point
from core.model.errors import Bug, Invalid, TaskdeckError, Unavailable
from core.store.apply.claim import apply_claim
from core.store.apply.complete import apply_completes
from core.store.apply.consequences import apply_consequences, follow_up
from core.store.apply.decide import apply_come_due, apply_decides
from core.store.apply.operate import (
    apply_cancel,
    apply_fail,
    apply_hold,
    apply_kill,
    apply_pause,
    apply_resume,
    apply_unhold,
)
from core.store.apply.rerun import apply_rerun
from core.store.apply.submit import apply_enqueues, apply_submits
from core.store.apply.tell import apply_tell
from core.store.batch import Batch, Report, close_report
from core.store.database import full, is_full
from core.store.writer import Writer

_log = get_logger(__name__)

Answer: TypeAlias = "Result | Exception"
Apply: TypeAlias = Callable[[Batch, Sequence[Command]], Sequence[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Commands for one transaction, none two for one row; `slots` = claim until so many are taken."""

    commands: tuple[Command, ...]
    slots: int
    now: int


def carry_out(writer: Writer, group: Group) -> tuple[list[Answer], Report]:
    """Apply a group and commit it; return one answer per command, and what it means for the loops.

    An expected refusal is an answer. After any other error the group is rolled back and replayed one
    command at a time by the same functions; only the command at fault gets the error. When even that
    fails (disk full, fenced) everybody does, and nothing was written.
    """
    try:
        return _attempt(writer, group, _together)
    except TaskdeckError as error:
        if error.code == "engine.fenced":
            return _all(group, error)
    except Exception as error:
        # Whatever broke, the replay finds out whose fault it was.
        _log.debug("replaying a group", error=repr(error))
    try:
        return _attempt(writer, group, _one_by_one)
    except Exception as error:
        # The writer's thread must live: whatever broke, everybody who waits gets an answer.
        return _all(group, _refusal(error))


def _attempt(
    writer: Writer, group: Group, work: Callable[[Batch, Group, dict[int, Answer]], None]
) -> tuple[list[Answer], Report]:
    db = writer.connection
    batch = Batch(writer, now=group.now)
    answers: dict[int, Answer] = {}
    db.execute("BEGIN IMMEDIATE")
    try:
        crash_point("journal.begun")
        _verify_epoch(batch)
        work(batch, group, answers)
        apply_claim(batch, slots=group.slots)
        batch.finish()
        report = close_report(batch)
        crash_point("journal.applied")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    crash_point("journal.committed")
    return [answers[number] for number in range(len(group.commands))], report


def _verify_epoch(batch: Batch) -> None:
    (epoch,) = batch.rows("SELECT epoch FROM engine WHERE id = 1")[0]
    if epoch != batch.epoch:
        raise Unavailable(
            "engine.fenced",
            f"another engine took this store over (epoch {epoch}, ours {batch.epoch})",
            hint="attach to that engine; this one stops",
        )


def _together(batch: Batch, group: Group, answers: dict[int, Answer]) -> None:
    for apply, numbers in _phases(group):
        commands = [group.commands[number] for number in numbers]
        answers.update(zip(numbers, apply(batch, commands), strict=True))


def _one_by_one(batch: Batch, group: Group, answers: dict[int, Answer]) -> None:
    for apply, numbers in _phases(group):
        if not numbers:
            apply(batch, [])
        for number in numbers:
            answers[number] = _alone(batch, apply, group.commands[number])


def _alone(batch: Batch, apply: Apply, command: Command) -> Answer:
    """Apply one command under a savepoint; an error undoes it alone."""
    trial = batch.trial()
    batch.db.execute("SAVEPOINT one")
    try:
        (answer,) = apply(trial, [command])
        trial.finish()
    except Exception as error:
        if not batch.db.in_transaction:
            # A full disk takes the whole transaction with it.
            raise
        # One command's fault, whatever it is, must not reach the others.
        batch.db.execute("ROLLBACK TO one")
        batch.db.execute("RELEASE one")
        return _refusal(error)
    batch.db.execute("RELEASE one")
    batch.absorb(trial)
    return answer


def _phases(group: Group) -> list[tuple[Apply, list[int]]]:
    """Sort the commands into the phases of one batch; the phase of consequences has none of its own."""
    operator: list[tuple[Apply, list[int]]] = []
    chosen: dict[str, list[int]] = {"complete": [], "decide": [], "follow": [], "submit": [], "enqueue": []}
    for number, command in enumerate(group.commands):
        match command:
            case Complete():
                chosen["complete"].append(number)
            case Decide():
                chosen["decide"].append(number)
            case FollowUp():
                chosen["follow"].append(number)
            case Submit():
                chosen["submit"].append(number)
            case Enqueue():
                chosen["enqueue"].append(number)
            case _:
                operator.append((_operate, [number]))
    return [
        *operator,
        (cast("Apply", apply_completes), chosen["complete"]),
        (cast("Apply", apply_decides), chosen["decide"]),
        (_follow, chosen["follow"]),
        (_consequences, []),
        (cast("Apply", apply_submits), chosen["submit"]),
        (cast("Apply", apply_enqueues), chosen["enqueue"]),
    ]


def _operate(batch: Batch, commands: Sequence[Command]) -> Sequence[Answer]:
    return [_operate_one(batch, command) for command in commands]


def _operate_one(batch: Batch, command: Command) -> Answer:
    match command:
        case Cancel():
            return apply_cancel(batch, command)
        case Kill():
            return apply_kill(batch, command)
        case Pause():
            return apply_pause(batch, command)
        case Resume():
            return apply_resume(batch, command)
        case Hold():
            return apply_hold(batch, command)
        case Unhold():
            return apply_unhold(batch, command)
        case Fail():
            return apply_fail(batch, command)
        case Rerun():
            return apply_rerun(batch, command)
        case Tell():
            apply_tell(batch, command)
            return None
        case ComeDue():
            apply_come_due(batch)
            return None
        case _:
            raise TypeError(f"no operator's command: {type(command).__name__}")


def _follow(batch: Batch, commands: Sequence[Command]) -> Sequence[Answer]:
    if commands:
        follow_up(batch)
    return [None] * len(commands)


def _consequences(batch: Batch, _: Sequence[Command]) -> Sequence[Answer]:
    apply_consequences(batch)
    return []


def _refusal(error: Exception) -> TaskdeckError:
    """Say what an error means to whoever waits: the store's trouble, unfit values, or a bug."""
    match error:
        case TaskdeckError():
            return error
        case sqlite3.Error() if is_full(error):
            refusal: TaskdeckError = full()
        case sqlite3.Error():
            refusal = Unavailable(
                "store.failed",
                f"the store refused to write: {error}",
                hint="look at the disk's room and permissions, then 'taskdeck doctor'",
            )
        case ValueError() | TypeError() | OverflowError() | RecursionError():
            refusal = Invalid(
                "value.unfit",
                f"a value cannot be stored: {error}",
                hint="numbers of rows need 64 bits, JSON at most some hundred levels",
            )
        case _:
            refusal = Bug("journal.broken", f"{type(error).__name__}: {error}")
    refusal.__cause__ = error
    return refusal


def _all(group: Group, error: TaskdeckError) -> tuple[list[Answer], Report]:
    return [error] * len(group.commands), Report(failure=error)
