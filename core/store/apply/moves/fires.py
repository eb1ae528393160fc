"""Moves of fires: decided once, at their time or later.

Called by the fires and the changes of schedules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.model.commands.schedules import REASON_MAX, Passed
from core.model.timing.schedules import FireKind, FireStatus
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import raw

_INSERT = (
    "INSERT INTO fire (schedule_id, at, status, kind, job_id, decided_at, n, since, actor, reason)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT))"
    " ON CONFLICT (schedule_id, at, kind) DO NOTHING"
)
_DECIDE = (
    "UPDATE fire SET status = ?, job_id = ?, decided_at = ?, reason = CAST(? AS TEXT)"
    " WHERE schedule_id = ? AND at = ? AND kind = ? AND status = 'waiting'"
)
_WAITING = "SELECT at, kind FROM fire WHERE schedule_id = ? AND status = 'waiting' ORDER BY at LIMIT 1000"


class ScheduleRef(NamedTuple):
    """A schedule, and what events call it."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of one time of a schedule, or of some that passed."""

    schedule: ScheduleRef
    at: int
    status: FireStatus
    kind: FireKind = FireKind.TIMED
    job_id: int | None = None
    number: int = 1
    since: int | None = None
    actor: str | None = None
    reason: str = ""

    @property
    def note(self) -> JsonObject:
        """Return what the event says."""
        note: JsonObject = {
            "schedule": self.schedule.name,
            "schedule_id": self.schedule.id,
            "at": self.at,
            "kind": self.kind,
        }
        if self.job_id is not None:
            note["job"] = self.job_id
        if self.number > 1:
            note |= {"number": self.number, "since": self.since}
        return {**note, "reason": self.reason} if self.reason else note


def decide(batch: Batch, decided: Decided) -> bool:
    """Write what became of a time that is not decided; False = it is."""
    row = (
        decided.schedule.id,
        decided.at,
        decided.status,
        decided.kind,
        decided.job_id,
        batch.wall,
        decided.number,
        decided.since,
        raw(decided.actor),
        raw(decided.reason[:REASON_MAX] or None),
    )
    if batch.run(_INSERT, *row) != 1:
        return False
    _tell(batch, decided)
    return True


def decide_waiting(batch: Batch, decided: Decided) -> bool:
    """Write what became of a fire that waited; False = it does not wait."""
    reason = raw(decided.reason[:REASON_MAX] or None)
    row = (decided.status, decided.job_id, batch.wall, reason, decided.schedule.id, decided.at, decided.kind)
    if batch.run(_DECIDE, *row) != 1:
        return False
    _tell(batch, decided)
    return True


def skip_waiting(batch: Batch, schedule: ScheduleRef, *, reason: str, actor: str | None) -> None:
    """Skip all fires of a schedule that wait."""
    for at, kind in batch.rows(_WAITING, schedule.id):
        skipped = Decided(
            schedule=schedule,
            at=at,
            kind=FireKind(kind),
            status=FireStatus.SKIPPED,
            reason=reason,
            actor=actor,
        )
        decide_waiting(batch, skipped)


def pass_over(
    batch: Batch, schedule: ScheduleRef, passed: Passed, *, status: FireStatus, actor: str | None
) -> bool:
    """Write what became of times that passed, as one row; False = the last of them is decided already."""
    return decide(
        batch,
        Decided(
            schedule=schedule,
            at=passed.last,
            status=status,
            number=passed.number,
            since=passed.first if passed.number > 1 else None,
            reason=passed.reason,
            actor=actor,
        ),
    )


def _tell(batch: Batch, decided: Decided) -> None:
    batch.event(f"fire.{decided.status}", Subject(), actor=decided.actor, data=decided.note)
