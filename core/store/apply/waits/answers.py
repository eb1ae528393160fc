"""Answers of waiting tasks: moments that have come, and signals.

Called through the table in `core.store.dispatch`, and when something comes due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from core.model.commands.signals import Signal, Signalled
from core.model.patterns.judgements import Await
from core.model.values import JsonObject, to_iso
from core.store.apply.children import job_answers
from core.store.apply.children.child_ends import answer_parent
from core.store.apply.children.child_stops import stop_late
from core.store.apply.children.worklet_asks import fail_parked
from core.store.apply.groups.groups import sets_of
from core.store.apply.moves import queueing, waiting
from core.store.apply.moves.groups import unhold_group
from core.store.apply.waits import item_times
from core.store.apply.waits.missed_answers import MISSED, Missed
from core.store.batch import Batch, earliest
from core.store.rows import PLACED, Awaited, Cause, Subject, TaskPlace
from core.store.sql import pack, raw, unpack

_DUE = (
    f"SELECT {PLACED}, w.job_id, w.wanted FROM awaited w INDEXED BY awaited_due"
    " JOIN task t ON t.id = w.task_id WHERE w.is_held = 0 AND w.due_at IS NOT NULL AND w.due_at <= ?"
    " ORDER BY w.due_at LIMIT ?"
)
_UNTIL = (
    f"SELECT {PLACED} FROM awaited w INDEXED BY awaited_until JOIN task t ON t.id = w.task_id"
    " WHERE w.is_held = 0 AND w.until IS NOT NULL AND w.until <= ? ORDER BY w.until LIMIT ?"
)
_LATE = (
    f"SELECT {PLACED}, {MISSED} FROM awaited w INDEXED BY awaited_fails JOIN task t ON t.id = w.task_id"
    " WHERE w.is_held = 0 AND w.fails_at IS NOT NULL AND w.fails_at <= ? ORDER BY w.fails_at LIMIT ?"
)
_NEXT = (
    "SELECT (SELECT min(due_at) FROM awaited INDEXED BY awaited_due"
    " WHERE is_held = 0 AND due_at IS NOT NULL),"
    " (SELECT min(until) FROM awaited INDEXED BY awaited_until WHERE is_held = 0 AND until IS NOT NULL),"
    " (SELECT min(fails_at) FROM awaited INDEXED BY awaited_fails"
    " WHERE is_held = 0 AND fails_at IS NOT NULL)"
)
_WAITS = (
    f"SELECT {PLACED} FROM awaited w INDEXED BY awaited_by_signal JOIN task t ON t.id = w.task_id"
    " WHERE w.is_held = 0 AND w.name = CAST(? AS TEXT) AND w.key = CAST(? AS TEXT) ORDER BY w.task_id LIMIT 1"
)
_KEPT = (
    "SELECT id, uid, data, at, actor FROM signal INDEXED BY signal_kept"
    " WHERE task_id IS NULL AND name = CAST(? AS TEXT) AND key = CAST(? AS TEXT) AND expires_at > ?"
    " ORDER BY id LIMIT 1"
)
_INSERT = (
    "INSERT INTO signal (uid, name, key, data, at, expires_at, actor)"
    " VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, CAST(? AS TEXT)) RETURNING id"
)
_READ = "UPDATE signal SET task_id = ? WHERE id = ? AND task_id IS NULL"
_EXPIRED = "DELETE FROM signal WHERE id IN (SELECT id FROM signal WHERE expires_at <= ? LIMIT 100)"

_OF_PLACE = len(PLACED.split(", "))


class _Kept(NamedTuple):
    """A signal that no task has read."""

    id: int
    uid: str | None
    data: str
    at: int
    actor: str | None

    @property
    def output(self) -> JsonObject:
        """Return what the task that reads it gives out."""
        return {"id": self.uid, "data": unpack(self.data), "at": to_iso(self.at)}


def begin(batch: Batch, task_id: int, command: Await) -> bool:
    """Let a task wait, or answer it at once; False = it does not wait for that judgement."""
    awaited = Awaited(
        due_at=None if command.for_ms is None else batch.now + command.for_ms,
        until=command.until,
        fails_at=None if command.within_ms is None else batch.now + command.within_ms,
        name=command.signal,
        key=None if command.signal is None else command.key,
        job_key=None if command.job is None else command.job.key,
        job_name=None if command.job is None else command.job.name,
        wanted=None if command.job is None else command.job.wanted,
        path=None if command.file is None else command.file.path,
        root=None if command.file is None else command.file.root,
        stable_ms=None if command.file is None else command.file.stable_ms,
    )
    place = waiting.begin(batch, task_id, awaited, command.item)
    if place is None:
        return False
    if awaited.name is not None and awaited.key is not None:
        _answer_kept(batch, place, name=awaited.name, key=awaited.key)
    if command.job is not None:
        job_answers.begin(batch, place, command.job)
    return True


def unhold(batch: Batch, place: TaskPlace, cause: Cause) -> bool:
    """Let a held task wait on, or answer it at once; False = it is not held, or waits for no answer."""
    if unhold_group(batch, place, cause):
        batch.sets.update(sets_of(batch, [place.task_id]))
        return True
    if not waiting.unhold(batch, place, cause):
        return False
    row = batch.one(
        "SELECT name, key, job_id, wanted, child_id FROM awaited WHERE task_id = ?", place.task_id
    )
    if row is not None and row[0] is not None:
        _answer_kept(batch, place, name=row[0], key=row[1])
    if row is not None and row[2] is not None:
        job_answers.decide(batch, place, row[2], wanted=row[3])
    if row is not None and row[4] is not None:
        answer_parent(batch, row[4])
    batch.report.conditions.append(place.task_id)
    return True


def release(batch: Batch, place: TaskPlace, cause: Cause) -> bool:
    """Queue a held task, or let it wait on for its answer; False = it is not held."""
    return unhold(batch, place, cause) or queueing.unhold(batch, place, cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAnswer:
    """A waiting task whose moment or deadline has come, and what ends its wait."""

    place: TaskPlace
    give: Callable[[Batch], None]


def due(batch: Batch, *, limit: int) -> Iterator[DueAnswer]:
    """Yield the tasks whose moment has come, whose deadline passed before an answer, or whose item is due."""
    for *place, job_id, wanted in batch.rows(_DUE, batch.now, limit):
        task = TaskPlace(*place)
        if wanted is None:
            yield DueAnswer(place=task, give=partial(_succeed_now, place=task))
        else:
            answer = partial(job_answers.decide, place=task, job_id=job_id, wanted=wanted)
            yield DueAnswer(place=task, give=answer)
    for task in batch.places(_UNTIL, batch.wall, limit):
        yield DueAnswer(place=task, give=partial(_succeed_now, place=task))
    for row in batch.rows(_LATE, batch.now, limit):
        task, missed = TaskPlace(*row[:_OF_PLACE]), Missed(*row[_OF_PLACE:])
        yield DueAnswer(place=task, give=partial(_fail_late, place=task, missed=missed))
    for task, give in item_times.due(batch, limit=limit):
        yield DueAnswer(place=task, give=give)


def come_due(batch: Batch, *, limit: int) -> None:
    """End the tasks whose moment has come, and those whose deadline passed before an answer."""
    for answer in due(batch, limit=limit):
        answer.give(batch)


def _succeed_now(batch: Batch, *, place: TaskPlace) -> None:
    waiting.succeed(batch, place, {"at": to_iso(batch.wall)})


def _fail_late(batch: Batch, *, place: TaskPlace, missed: Missed) -> None:
    if missed.child_id is None:
        fail_parked(batch, place, missed.failure)
    else:
        stop_late(batch, place, reason="the time of the task that waits for it is over")


def next_answer(batch: Batch) -> int | None:
    """Return when the next moment or deadline of a waiting task comes (engine time); None = none does."""
    ((due_at, until, fails_at),) = batch.rows(_NEXT)
    moment = until + batch.offset if isinstance(until, int) else None
    return earliest(due_at, moment, fails_at, item_times.next_time(batch))


def apply_signal(batch: Batch, command: Signal) -> Signalled:
    """Take a signal: it answers the task that waits longest for it, or is kept until one does."""
    batch.run(_EXPIRED, batch.now)
    if command.uid is not None:
        known = batch.one("SELECT id, task_id FROM signal WHERE uid = CAST(? AS TEXT)", raw(command.uid))
        if known is not None:
            return Signalled(signal_id=known[0], task_id=known[1], duplicate=True)
    name, key = command.name, command.key
    row = (
        raw(command.uid),
        raw(name),
        raw(key),
        pack(command.data),
        batch.wall,
        batch.now + command.keep_ms,
        raw(command.actor),
    )
    ((signal_id,),) = batch.rows(_INSERT, *row)
    note: JsonObject = {"signal": name, "key": key, "number": signal_id}
    batch.event("signal.received", Subject(), actor=command.actor, data=note)
    for place in batch.places(_WAITS, raw(name), raw(key)):
        _answer_kept(batch, place, name=name, key=key)
        return Signalled(signal_id=signal_id, task_id=place.task_id)
    return Signalled(signal_id=signal_id)


def _answer_kept(batch: Batch, place: TaskPlace, *, name: str, key: str) -> None:
    """Answer a waiting task with the oldest signal that is kept for it, if there is one."""
    for kept in batch.typed(_Kept, _KEPT, raw(name), raw(key), batch.now):
        if waiting.succeed(batch, place, kept.output, actor=kept.actor):
            batch.run(_READ, place.task_id, kept.id)
