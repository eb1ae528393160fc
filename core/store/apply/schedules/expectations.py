"""Set expectations, tell of silence once, and take note of success.

Called by the changes of schedules, the submissions, the ends of jobs, and through `core.store.dispatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.model.commands.schedules import MissExpectations
from core.model.commands.work import ENGINE
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import raw

_COLUMNS = (
    "e.id, e.schedule_id, s.name, e.workflow, e.every_ms, e.since, e.missed_at"
    " FROM expectation e LEFT JOIN schedule s ON s.id = e.schedule_id"
)
_OF_SCHEDULE = f"SELECT {_COLUMNS} WHERE e.schedule_id = ?"
_OF_WORKFLOW = f"SELECT {_COLUMNS} WHERE e.workflow = CAST(? AS TEXT)"
# One that has no next time is expected no more.
_OVERDUE = (
    f"SELECT {_COLUMNS} WHERE e.id = ? AND e.missed_at IS NULL AND e.due_at <= ?"
    " AND (e.schedule_id IS NULL OR s.due_at IS NOT NULL)"
)
_ADD = (
    "INSERT INTO expectation (schedule_id, workflow, every_ms, since, due_at)"
    " VALUES (?, CAST(? AS TEXT), ?, ?, ?)"
)
_BEGIN = "UPDATE expectation SET every_ms = ?, since = ?, due_at = ?, missed_at = NULL WHERE id = ?"
_MISS = "UPDATE expectation SET missed_at = ? WHERE id = ?"
_DELETE = "DELETE FROM expectation WHERE id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOf:
    """A schedule whose success is expected."""

    id: int
    name: str


class _Row(NamedTuple):
    id: int
    schedule_id: int | None
    schedule: str | None
    workflow: str | None
    every_ms: int
    since: int
    missed_at: int | None

    @property
    def note(self) -> JsonObject:
        """Return what its events say."""
        return _subject(self.schedule_id, self.schedule, self.workflow)


def expect_of_schedule(
    batch: Batch, schedule: ScheduleOf, every_ms: int | None, *, actor: str | None
) -> None:
    """Expect a success of a schedule so often; None = no more. What is so already stays as it is."""
    (row,) = batch.typed(_Row, _OF_SCHEDULE, schedule.id) or (None,)
    if row is None and every_ms is not None:
        due_at = batch.now + every_ms
        batch.run(_ADD, schedule.id, None, every_ms, batch.wall, due_at)
        _told_set(batch, _subject(schedule.id, schedule.name, None), every_ms, actor=actor)
    elif row is not None:
        _change(batch, row, every_ms, actor=actor)


def expect_of_workflow(batch: Batch, name: str, every_ms: int | None, *, actor: str | None) -> None:
    """Expect a success of a workflow so often, as its newest document says; None = no more."""
    (row,) = batch.typed(_Row, _OF_WORKFLOW, raw(name)) or (None,)
    if row is None and every_ms is not None:
        batch.run(_ADD, None, raw(name), every_ms, batch.wall, batch.now + every_ms)
        _told_set(batch, _subject(None, None, name), every_ms, actor=actor)
    elif row is not None:
        _change(batch, row, every_ms, actor=actor)


def note_success(batch: Batch, job_id: int, *, name: str, schedule_id: int | None) -> None:
    """Let what was expected of the schedule or the workflow of a job be expected again from now on."""
    rows = batch.typed(_Row, _OF_WORKFLOW, raw(name))
    if schedule_id is not None:
        rows = [*rows, *batch.typed(_Row, _OF_SCHEDULE, schedule_id)]
    for row in rows:
        batch.run(_BEGIN, row.every_ms, batch.wall, batch.now + row.every_ms, row.id)
        if row.missed_at is not None:
            batch.event("expectation.met", Subject(job_id), actor=ENGINE, data=row.note)


def apply_miss_expectations(batch: Batch, command: MissExpectations) -> int:
    """Tell of each that is overdue and was not told of; return how many."""
    number = 0
    for expectation_id in command.ids:
        for row in batch.typed(_Row, _OVERDUE, expectation_id, batch.now):
            batch.run(_MISS, batch.wall, row.id)
            note: JsonObject = {**row.note, "every_ms": row.every_ms, "since": row.since}
            batch.event("expectation.missed", Subject(), actor=ENGINE, data=note)
            number += 1
    return number


def _change(batch: Batch, row: _Row, every_ms: int | None, *, actor: str | None) -> None:
    if every_ms is None:
        batch.run(_DELETE, row.id)
        batch.event("expectation.removed", Subject(), actor=actor, data=row.note)
    elif every_ms != row.every_ms:
        batch.run(_BEGIN, every_ms, batch.wall, batch.now + every_ms, row.id)
        _told_set(batch, row.note, every_ms, actor=actor)


def _told_set(batch: Batch, note: JsonObject, every_ms: int, *, actor: str | None) -> None:
    batch.event("expectation.set", Subject(), actor=actor, data={**note, "every_ms": every_ms})


def _subject(schedule_id: int | None, schedule: str | None, workflow: str | None) -> JsonObject:
    if schedule_id is None:
        return {"workflow": workflow}
    return {"schedule": schedule, "schedule_id": schedule_id}
