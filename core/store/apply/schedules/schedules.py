"""Add, edit, remove, pause and resume schedules.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from typing import NamedTuple, assert_never

from core.model.commands.schedules import (
    AddSchedule,
    ChangeSchedule,
    EditSchedule,
    PauseSchedule,
    RemoveSchedule,
    ResetSchedule,
    ResumeSchedule,
    SkipFire,
)
from core.model.commands.work import Operated
from core.model.errors import Conflict, NotFound, TaskdeckError
from core.model.near_misses import one_of
from core.model.records import replace
from core.model.text import safe_line
from core.model.timing.schedules import FireStatus, NextFire, Schedule
from core.model.values import JsonObject
from core.store.apply.moves.fires import Decided, ScheduleRef, decide, pass_over, skip_waiting
from core.store.apply.schedules.expectations import ScheduleOf, expect_of_schedule
from core.store.batch import Batch
from core.store.rows import Cause, Subject
from core.store.sql import pack, raw

_FIND = (
    "SELECT id, handled_at, due_at, paused_at, body FROM schedule"
    " WHERE name = CAST(? AS TEXT) AND removed_at IS NULL"
)
_NAMES = "SELECT name FROM schedule WHERE removed_at IS NULL ORDER BY name LIMIT 400"
_ADD = (
    "INSERT INTO schedule (name, body, handled_at, due_at, wake_at, created_at, actor)"
    " VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, CAST(? AS TEXT)) RETURNING id"
)
_EDIT = (
    "UPDATE schedule SET body = ?, handled_at = max(iif(EXISTS (SELECT 1 FROM fire f"
    " WHERE f.schedule_id = schedule.id AND f.at = schedule.handled_at AND f.status = 'skipped'),"
    " min(handled_at, ?), handled_at), ?), due_at = ?, wake_at = ?,"
    " changed_at = ?, changed_by = CAST(? AS TEXT) WHERE id = ?"
)
_REMOVE = "UPDATE schedule SET removed_at = ?, due_at = NULL, wake_at = NULL WHERE id = ?"
_PAUSE = (
    "UPDATE schedule SET paused_at = ?, paused_by = CAST(? AS TEXT), pause_reason = CAST(? AS TEXT)"
    " WHERE id = ? AND paused_at IS NULL"
)
_RESUME = (
    "UPDATE schedule SET paused_at = NULL, paused_by = NULL, pause_reason = NULL,"
    " handled_at = max(handled_at, ?), due_at = ?, wake_at = ? WHERE id = ?"
)
_DIFFERS = "SELECT 1 FROM schedule WHERE id = ? AND (changed_at IS NOT NULL OR declared IS NULL)"
_AS_DECLARED = (
    "UPDATE schedule SET declared = CAST(? AS TEXT), changed_at = NULL, changed_by = NULL WHERE id = ?"
)
ADVANCE = "UPDATE schedule SET handled_at = ?, due_at = ?, wake_at = ? WHERE id = ?"
"""A schedule goes on to its next time."""


class ScheduleRow(NamedTuple):
    """What decides about a schedule."""

    id: int
    handled_at: int
    due_at: int | None
    paused_at: int | None
    body: str


def apply_change_schedule(batch: Batch, command: ChangeSchedule) -> Operated | TaskdeckError:
    """Carry out one change; what is so already changes nothing."""
    change, cause = command.change, Cause(reason=command.reason, actor=command.actor)
    found = batch.typed(ScheduleRow, _FIND, raw(change.name))
    if isinstance(change, AddSchedule):
        return _taken(change.name) if found else add_schedule(batch, change, cause)
    if not found:
        return _unknown(batch, change.name)
    (row,) = found
    match change:
        case EditSchedule():
            return edit_schedule(batch, row, change, cause)
        case RemoveSchedule():
            return _remove(batch, row, change, cause)
        case PauseSchedule():
            return pause_schedule(batch, row, change, cause)
        case ResumeSchedule():
            return resume_schedule(batch, row, change, cause)
        case SkipFire():
            return _skip(batch, row, change, cause)
        case ResetSchedule():
            return _reset(batch, row, change, cause)
        case _:
            assert_never(change)


def body_of(schedule: Schedule) -> str:
    """Return the stored form of a schedule."""
    return pack(schedule.to_json())


def times(fire: NextFire | None) -> tuple[int | None, int | None]:
    """Return the columns of a next fire."""
    return (None, None) if fire is None else (fire.at, fire.wake_at)


def add_schedule(batch: Batch, change: AddSchedule, cause: Cause) -> Operated:
    """Add a schedule under a name that none has."""
    row = (raw(change.name), body_of(change.schedule), change.from_, *times(change.next))
    ((schedule_id,),) = batch.rows(_ADD, *row, batch.wall, raw(cause.actor))
    _expect(batch, schedule_id, change.schedule, cause)
    return _told(batch, "schedule.added", ScheduleRef(schedule_id, change.name), cause=cause)


def edit_schedule(batch: Batch, row: ScheduleRow, change: EditSchedule, cause: Cause) -> Operated:
    """Put a rule in the place of that of a row."""
    body = body_of(change.schedule)
    if body == row.body:
        return Operated(changed=0)
    # Up to a time that was skipped the rule of before had nothing more to fire; that of now may have.
    batch.run(
        _EDIT, body, batch.wall, change.from_, *times(change.next), batch.wall, raw(cause.actor), row.id
    )
    _expect(batch, row.id, change.schedule, cause)
    return _told(batch, "schedule.edited", ScheduleRef(row.id, change.name), cause=cause)


def _reset(batch: Batch, row: ScheduleRow, change: ResetSchedule, cause: Cause) -> Operated:
    one, differs = change.declared, bool(batch.rows(_DIFFERS, row.id))
    cause = replace(cause, facts={**cause.facts, "reset": True})
    edit = EditSchedule(schedule=one.schedule, next=one.next, from_=one.from_)
    edited = edit_schedule(batch, row, edit, cause)
    batch.run(_AS_DECLARED, raw(one.text), row.id)
    resume = ResumeSchedule(name=change.name, next=one.next, from_=one.from_)
    resumed = resume_schedule(batch, row, resume, cause)
    if edited.changed or resumed.changed or not differs:
        return Operated(changed=int(bool(edited.changed or resumed.changed)))
    return _told(batch, "schedule.edited", ScheduleRef(row.id, change.name), cause=cause)


def _remove(batch: Batch, row: ScheduleRow, change: RemoveSchedule, cause: Cause) -> Operated:
    skip_waiting(
        batch, ScheduleRef(row.id, change.name), reason="its schedule was removed", actor=cause.actor
    )
    batch.run(_REMOVE, batch.wall, row.id)
    expect_of_schedule(batch, ScheduleOf(id=row.id, name=change.name), None, actor=cause.actor)
    return _told(batch, "schedule.removed", ScheduleRef(row.id, change.name), cause=cause)


def pause_schedule(batch: Batch, row: ScheduleRow, change: PauseSchedule, cause: Cause) -> Operated:
    """Let a schedule fire nothing more."""
    if not batch.run(_PAUSE, batch.wall, raw(cause.actor), raw(cause.reason or None), row.id):
        return Operated(changed=0)
    return _told(batch, "schedule.paused", ScheduleRef(row.id, change.name), cause=cause)


def resume_schedule(batch: Batch, row: ScheduleRow, change: ResumeSchedule, cause: Cause) -> Operated:
    """Let a schedule fire again."""
    if row.paused_at is None:
        return Operated(changed=0)
    for passed in change.passed:
        pass_over(
            batch,
            ScheduleRef(row.id, change.name),
            passed,
            status=FireStatus.SKIPPED,
            actor=cause.actor,
        )
    batch.run(_RESUME, change.from_, *times(change.next), row.id)
    return _told(batch, "schedule.resumed", ScheduleRef(row.id, change.name), cause=cause)


def _skip(batch: Batch, row: ScheduleRow, change: SkipFire, cause: Cause) -> Operated | TaskdeckError:
    if row.due_at != change.at:
        shown = safe_line(change.name)
        return Conflict(
            "schedule.moved",
            f"the next fire of `{shown}` is another by now",
            hint="see 'taskdeck schedules', then skip that one",
            facts={"schedule": shown},
        )
    skipped = Decided(
        schedule=ScheduleRef(row.id, change.name),
        at=change.at,
        status=FireStatus.SKIPPED,
        reason=cause.reason or "an operator skipped it",
        actor=cause.actor,
    )
    decide(batch, skipped)
    batch.run(ADVANCE, change.at, *times(change.next), row.id)
    return Operated(changed=1)


def _expect(batch: Batch, schedule_id: int, schedule: Schedule, cause: Cause) -> None:
    of = ScheduleOf(id=schedule_id, name=schedule.name)
    expect_of_schedule(batch, of, schedule.policy.expect_ms, actor=cause.actor)


def _told(batch: Batch, kind: str, schedule: ScheduleRef, *, cause: Cause) -> Operated:
    note: JsonObject = {"schedule": schedule.name, "schedule_id": schedule.id, **cause.note}
    batch.event(kind, Subject(), actor=cause.actor, data=note)
    return Operated(changed=1)


def _taken(name: str) -> Conflict:
    shown = safe_line(name)
    return Conflict(
        "schedule.taken",
        f"there is a schedule `{shown}` already",
        hint=f"taskdeck schedule edit {shown} ..., or another --name",
        facts={"schedule": shown},
    )


def _unknown(batch: Batch, name: str) -> NotFound:
    shown = safe_line(name)
    return NotFound(
        "schedule.unknown",
        f"`{shown}` is not a schedule{one_of(name, [known for (known,) in batch.rows(_NAMES)])}",
        hint="'taskdeck schedules' lists them",
        facts={"schedule": shown},
    )
