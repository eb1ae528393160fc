"""Carry out one group of commands in one transaction, in fixed phases.

Called by the journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from core.logs import get_logger
from core.model.commands.purges import SweepPurged
from core.model.commands.work import Command
from core.model.crash_points import crash_point
from core.model.errors import Bug, Invalid, TaskdeckError, Unavailable
from core.model.shortages import short_of_memory
from core.store.apply.children.child_places import admit
from core.store.apply.children.child_places_apart import admit_apart
from core.store.apply.children.job_answers import put_off
from core.store.apply.claims.claim import apply_claim
from core.store.apply.claims.claim_apart import apply_claim_apart
from core.store.apply.consequences import left_overs
from core.store.apply.limits.early_ends import end_early
from core.store.apply.limits.unknown_estimates import next_estimate
from core.store.apply.waits.answers import next_answer
from core.store.batch import MAX_PER_BATCH, Batch, close_report, earliest
from core.store.batch_report import Report
from core.store.database import full, is_full, is_trouble, limited_store
from core.store.dispatch import Apply, phases, phases_apart
from core.store.engine_time import note_time
from core.store.savepoints import under_savepoint
from core.store.writer import Writer

_log = get_logger(__name__)

Answer: TypeAlias = object
"""What a command is answered with: its result, or the exception that refuses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Commands for one transaction, none two for one row; `slots` = claim until so many are taken.

    `now` is engine time, `offset` how far it is ahead of the wall clock (ms). No more consequences than
    `limit` are carried out; the others are left over.
    """

    commands: tuple[Command[object], ...]
    slots: int
    now: int
    offset: int = 0
    limit: int = MAX_PER_BATCH


class Applied(NamedTuple):
    """One answer for each command of a group, and what it means for the loops."""

    answers: list[Answer]
    report: Report


def carry_out(writer: Writer, group: Group, *, foresee: Callable[[Report], None] = lambda _: None) -> Applied:
    """Apply a group and commit it.

    `foresee` hears of the report before its commit, which may still fail: the same object then never comes.

    An expected refusal is an answer. After any other error the group is rolled back and replayed one
    command at a time by the same functions; only the command at fault gets the error. What follows from
    them is carried out job by job, and a job at fault is failed; places are given child by child; a
    claim that fails is made task by task. When even that fails (disk full,
    fenced) every command gets the error, and nothing was written.
    """
    try:
        return _attempt(writer, group, _together, foresee)
    except TaskdeckError as error:
        if error.code == "engine.fenced":
            return _all(group, error)
    except Exception as error:
        # Whatever broke, the replay finds out whose fault it was.
        _log.debug("replaying a group", error=repr(error))
    try:
        return _attempt(writer, group, _one_by_one, foresee)
    except Exception as error:
        # The writer's thread must live: whatever broke, every caller who waits gets an answer.
        return _all(group, _refusal(writer.connection, error))


Work: TypeAlias = Callable[[Batch, Group, dict[int, Answer]], None]


def _attempt(writer: Writer, group: Group, work: Work, foresee: Callable[[Report], None]) -> Applied:
    if not any(isinstance(command, SweepPurged) for command in group.commands):
        return _attempt_in(writer, group, work, foresee)
    # To delete an empty job all tasks would be read for each row of its.
    writer.connection.execute("PRAGMA foreign_keys = OFF")
    try:
        return _attempt_in(writer, group, work, foresee)
    finally:
        writer.connection.execute("PRAGMA foreign_keys = ON")


def _attempt_in(writer: Writer, group: Group, work: Work, foresee: Callable[[Report], None]) -> Applied:
    db = writer.connection
    batch = Batch(writer, now=group.now, offset=group.offset, limit=group.limit)
    answers: dict[int, Answer] = {}
    capacity = writer.capacity.number
    db.execute("BEGIN IMMEDIATE")
    try:
        crash_point("journal.begun")
        _verify_epoch(batch)
        work(batch, group, answers)
        end_early(batch)
        put_off(batch)
        batch.finish()
        report = close_report(batch)
        report.next_due = earliest(report.next_due, next_estimate(batch), next_answer(batch))
        crash_point("journal.applied")
        foresee(report)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        batch.capacity.forget(since=capacity)
        raise
    writer.reached = batch.reached or writer.reached
    crash_point("journal.committed")
    return Applied([answers[number] for number in range(len(group.commands))], report)


def _verify_epoch(batch: Batch) -> None:
    """Refuse a group of an engine that another one followed; note the time of any other."""
    (row,) = batch.rows("SELECT epoch, time_at, time_offset, capacity FROM engine WHERE id = 1")
    epoch, saved, offset, capacity = row
    if epoch != batch.epoch:
        raise Unavailable(
            "engine.fenced",
            f"another engine took this store over (epoch {epoch}, ours {batch.epoch})",
            hint="attach to that engine; this one stops",
            facts={"epoch": epoch, "own": batch.epoch},
        )
    if capacity != batch.capacity.number:
        batch.capacity.read(batch.db, capacity)
    note_time(batch, saved=saved, known=offset)


def _together(batch: Batch, group: Group, answers: dict[int, Answer]) -> None:
    for apply, numbers in phases(group.commands):
        commands = [group.commands[number] for number in numbers]
        answers.update(zip(numbers, apply(batch, commands), strict=True))
    admit(batch)
    apply_claim(batch, slots=batch.capacity.most_open(group.slots))


def _one_by_one(batch: Batch, group: Group, answers: dict[int, Answer]) -> None:
    batch.left_before = frozenset(left_overs(batch))
    for apply, numbers in phases_apart(group.commands):
        if not numbers:
            apply(batch, [])
        for number in numbers:
            answers[number] = _alone(batch, apply, group.commands[number])
    is_stuck = admit_apart(batch)
    apply_claim_apart(batch, slots=batch.capacity.most_open(group.slots))
    if is_stuck and not batch.report.claimed:
        # What nothing can let in stands behind a gauge with room: it would call for group after group.
        batch.report.claims_left = False


def _alone(batch: Batch, apply: Apply, command: Command[object]) -> Answer:
    """Apply one command under a savepoint; an error undoes it alone."""
    try:
        (answer,) = under_savepoint(batch, lambda trial: apply(trial, [command]))
    except Exception as error:
        if not batch.db.in_transaction or is_trouble(error):
            # A full disk takes the whole transaction with it.
            raise
        # One command's fault, whatever it is, must not reach the others.
        return _refusal(batch.db, error)
    return answer


def _refusal(db: sqlite3.Connection, error: Exception) -> TaskdeckError:
    """Say what an error means to the callers who wait: the store's trouble, unfit values, or a bug."""
    match error:
        case TaskdeckError():
            return error
        case MemoryError():
            refusal: TaskdeckError = short_of_memory()
        case sqlite3.Error() if is_trouble(error):
            refusal = _trouble(db, error)
        case sqlite3.Error():
            refusal = Bug(
                "store.refused",
                f"the rows of the store do not allow it: {error}",
                hint="run 'taskdeck doctor'",
                facts={"reason": str(error)},
            )
        case ValueError() | TypeError() | OverflowError() | RecursionError():
            refusal = Invalid(
                "value.unfit",
                f"a value cannot be stored: {error}",
                hint="numbers of rows need 64 bits, JSON at most some hundred levels",
                facts={"reason": str(error)},
            )
        case _:
            refusal = Bug(
                "journal.broken",
                f"{type(error).__name__}: {error}",
                facts={"type": type(error).__name__, "reason": str(error)},
            )
    refusal.__cause__ = error
    return refusal


def _trouble(db: sqlite3.Connection, error: sqlite3.Error) -> Unavailable:
    limited = limited_store(db, error)
    if limited is not None:
        return limited
    if is_full(error):
        return full()
    return Unavailable(
        "store.failed",
        f"the store refused to write: {error}",
        hint="check free space and permissions of the disk, then run 'taskdeck doctor'",
        facts={"reason": str(error)},
    )


def _all(group: Group, error: TaskdeckError) -> Applied:
    return Applied([error] * len(group.commands), Report(failure=error))
