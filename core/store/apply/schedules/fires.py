"""Decide about the times of schedules, each once; submit their jobs.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.commands.schedules import Fire, Fired, MissFires, StartFire
from core.model.commands.work import ENGINE
from core.model.decisions import FireDecision
from core.model.errors import Bug, TaskdeckError
from core.model.records import replace
from core.model.status import JOB_FINAL, JobStatus
from core.model.timing.schedules import FireKind, FireStatus, Overlap
from core.model.values import JsonObject
from core.store.apply.moves.fires import (
    Decided,
    ScheduleRef,
    decide,
    decide_waiting,
    pass_over,
    skip_waiting,
)
from core.store.apply.schedules.schedules import ADVANCE, times
from core.store.apply.submit import apply_submits
from core.store.batch import Batch
from core.store.sql import among

_LIVE = among(set(JobStatus) - JOB_FINAL)
_SCHEDULE = (
    "SELECT id, name, handled_at, body->>'$.policy.overlap', paused_at, coalesce(forgotten_at, 0)"
    " FROM schedule"
    " WHERE id = ? AND removed_at IS NULL"
)
_OPEN = f"SELECT id FROM job INDEXED BY job_of_schedule WHERE schedule_id = ? AND {_LIVE} LIMIT 1000"
_WAITING = "SELECT count(*) FROM fire WHERE schedule_id = ? AND status = 'waiting'"
_FIRST_WAITING = (
    "SELECT at, kind, actor FROM fire WHERE schedule_id = ? AND status = 'waiting' ORDER BY at LIMIT 1"
)
_IS_DECIDED = "SELECT 1 FROM fire WHERE schedule_id = ? AND at = ?"
_HAS_JOB = f"{_IS_DECIDED} AND (status = 'submitted' OR status = 'waiting' OR kind = 'backfill')"
_STALE = Fired(status=None)


class _Schedule(NamedTuple):
    id: int
    name: str
    handled_at: int
    overlap: str
    paused_at: int | None
    forgotten_at: int

    @property
    def ref(self) -> ScheduleRef:
        return ScheduleRef(self.id, self.name)


def apply_fire(batch: Batch, command: Fire | MissFires | StartFire) -> Fired:
    """Decide about times; what was decided before is answered with None."""
    found = batch.typed(_Schedule, _SCHEDULE, command.schedule_id)
    if not found:
        return _STALE
    (schedule,) = found
    match command:
        case Fire():
            return _fire(batch, schedule, command)
        case MissFires():
            return _miss(batch, schedule, command)
        case StartFire():
            return _start(batch, schedule, command)


def _fire(batch: Batch, schedule: _Schedule, command: Fire) -> Fired:
    is_timed = command.kind is FireKind.TIMED
    if is_timed and (schedule.paused_at is not None or schedule.handled_at != command.after):
        return _STALE
    if command.kind is FireKind.BACKFILL and command.at <= schedule.forgotten_at:
        # Whether it fired was forgotten.
        return _STALE
    if is_timed:
        for passed in command.passed:
            pass_over(
                batch,
                schedule.ref,
                passed,
                status=FireStatus.MISSED,
                actor=command.actor,
            )
        batch.run(ADVANCE, command.at, *times(command.next), schedule.id)
    if command.kind is FireKind.MANUAL:
        # Two within a millisecond are two.
        while batch.one(_IS_DECIDED, schedule.id, command.at) is not None:
            command = replace(command, at=command.at + 1)
    elif batch.one(_IS_DECIDED if is_timed else _HAS_JOB, schedule.id, command.at) is not None:
        # A backfill was there before, or an operator skipped it; what was missed may be filled in.
        return _STALE
    return _decide(batch, schedule, command)


def _decide(batch: Batch, schedule: _Schedule, command: Fire) -> Fired:
    open_jobs = len(batch.rows(_OPEN, schedule.id))
    ((waiting,),) = batch.rows(_WAITING, schedule.id)
    decision = _decision(batch, schedule, command, open_jobs=open_jobs, waiting=waiting)
    decided = Decided(
        schedule=schedule.ref,
        at=command.at,
        kind=command.kind,
        status=decision.status,
        reason=decision.reason,
        actor=command.actor,
    )
    if decision.is_replacing:
        skip_waiting(batch, schedule.ref, reason="a later fire replaced it", actor=command.actor)
    if decision.status is FireStatus.SUBMITTED:
        decided = _submitted(batch, decided, command)
    if not decide(batch, decided):
        raise _undecided(decided)
    return _answer(decided)


def _decision(
    batch: Batch, schedule: _Schedule, command: Fire, *, open_jobs: int, waiting: int
) -> FireDecision:
    if command.kind is FireKind.BACKFILL:
        # Times that are filled in stand behind each other, however many they are.
        status = FireStatus.WAITING if open_jobs or waiting else FireStatus.SUBMITTED
        return FireDecision(status=status)
    return batch.rules.decide_fire(Overlap(schedule.overlap), open_jobs=open_jobs, waiting=waiting)


def _miss(batch: Batch, schedule: _Schedule, command: MissFires) -> Fired:
    if schedule.paused_at is not None or schedule.handled_at != command.after:
        return _STALE
    batch.run(ADVANCE, command.handled, *times(command.next), schedule.id)
    for passed in command.passed:
        pass_over(batch, schedule.ref, passed, status=FireStatus.MISSED, actor=ENGINE)
    return Fired(status=FireStatus.MISSED, at=command.handled)


def _start(batch: Batch, schedule: _Schedule, command: StartFire) -> Fired:
    waiting = batch.one(_FIRST_WAITING, schedule.id)
    is_next = waiting is not None and waiting[0] == command.at
    if not is_next or waiting is None or schedule.paused_at is not None or batch.one(_OPEN, schedule.id):
        return _STALE
    decided = Decided(
        schedule=schedule.ref,
        at=command.at,
        kind=FireKind(waiting[1]),
        status=FireStatus.SUBMITTED,
        actor=waiting[2],
    )
    decided = _submitted(batch, decided, command)
    if not decide_waiting(batch, decided):
        raise _undecided(decided)
    return _answer(decided)


def _undecided(decided: Decided) -> Bug:
    """Return what undoes a fire with its job: written nowhere, it would be submitted once more."""
    facts: JsonObject = {"schedule": decided.schedule.name, "at": decided.at}
    return Bug("fire.undecided", "what became of a fire could not be written", facts=facts)


def _submitted(batch: Batch, decided: Decided, command: Fire | StartFire) -> Decided:
    """Submit the job of a fire; return what became of that."""
    if command.submit is None:
        return replace(decided, status=FireStatus.FAILED, reason=command.reason)
    (answer,) = apply_submits(batch, [replace(command.submit, schedule_id=decided.schedule.id)])
    if isinstance(answer, TaskdeckError):
        return replace(decided, status=FireStatus.FAILED, reason=answer.message)
    return replace(decided, job_id=answer.job_id)


def _answer(decided: Decided) -> Fired:
    return Fired(status=decided.status, at=decided.at, job_id=decided.job_id, reason=decided.reason)
