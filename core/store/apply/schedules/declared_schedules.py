"""Bring schedules to what the configuration declares.

Called by `configure`, in its transaction. What an operator edited, paused or removed stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.commands.schedules import (
    AddSchedule,
    DeclaredSchedule,
    EditSchedule,
    PauseSchedule,
    ResumeSchedule,
)
from core.model.timing.schedules import NextFire, Schedule
from core.store.apply.schedules.schedules import (
    ScheduleRow,
    add_schedule,
    edit_schedule,
    pause_schedule,
    resume_schedule,
)
from core.store.batch import Batch
from core.store.rows import Cause
from core.store.sql import raw

ACTOR = "config.toml"
"""Who does what the configuration says."""
_GONE = "it is not in config.toml any more"
_FIND = (
    "SELECT id, handled_at, due_at, paused_at, body, declared, changed_at, paused_by FROM schedule"
    " WHERE name = CAST(? AS TEXT) AND removed_at IS NULL"
)
_WAS_REMOVED = (
    "SELECT 1 FROM schedule WHERE name = CAST(? AS TEXT) AND removed_at IS NOT NULL"
    " AND declared = CAST(? AS TEXT)"
)
_DECLARE = (
    "UPDATE schedule SET declared = CAST(? AS TEXT) WHERE name = CAST(? AS TEXT) AND removed_at IS NULL"
)
_TAKE_OVER = "UPDATE schedule SET changed_at = ?, changed_by = actor WHERE id = ? AND changed_at IS NULL"
_UNTOUCHED = "UPDATE schedule SET changed_at = NULL, changed_by = NULL WHERE id = ?"
_DECLARED = (
    "SELECT name FROM schedule WHERE declared IS NOT NULL AND removed_at IS NULL AND paused_at IS NULL"
    " ORDER BY name"
)


class _Declared(NamedTuple):
    id: int
    handled_at: int
    due_at: int | None
    paused_at: int | None
    body: str
    declared: str | None
    changed_at: int | None
    paused_by: str | None

    @property
    def row(self) -> ScheduleRow:
        return ScheduleRow(self.id, self.handled_at, self.due_at, self.paused_at, self.body)


def declare_schedules(batch: Batch, declared: Sequence[DeclaredSchedule]) -> None:
    """Add, change, resume and pause as far as the texts differ from those that were declared before."""
    for one in declared:
        found = batch.typed(_Declared, _FIND, raw(one.schedule.name))
        if found:
            _change(batch, found[0], one)
        elif not batch.rows(_WAS_REMOVED, raw(one.schedule.name), raw(one.text)):
            add_schedule(
                batch, AddSchedule(schedule=one.schedule, next=one.next, from_=one.from_), Cause(actor=ACTOR)
            )
        batch.run(_DECLARE, raw(one.text), raw(one.schedule.name))
    names = {one.schedule.name for one in declared}
    for (name,) in batch.rows(_DECLARED):
        if name not in names:
            (row,) = batch.typed(_Declared, _FIND, raw(name))
            pause_schedule(batch, row.row, PauseSchedule(name=name), Cause(actor=ACTOR, reason=_GONE))


def _change(batch: Batch, row: _Declared, one: DeclaredSchedule) -> None:
    if row.declared is None:
        # One that an operator added under this name: it is as if it had been edited.
        batch.run(_TAKE_OVER, batch.wall, row.id)
    elif row.declared != one.text and row.changed_at is None:
        edit_schedule(batch, row.row, _edit(one.schedule, one.next, one.from_), Cause(actor=ACTOR))
        batch.run(_UNTOUCHED, row.id)
    if row.paused_by == ACTOR:
        resume = ResumeSchedule(name=one.schedule.name, next=one.next, from_=one.from_, passed=())
        resume_schedule(batch, row.row, resume, Cause(actor=ACTOR))


def _edit(schedule: Schedule, following: NextFire | None, from_: int) -> EditSchedule:
    return EditSchedule(schedule=schedule, next=following, from_=from_)
