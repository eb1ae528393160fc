"""What operators change of schedules, and what an engine fires.

Sent by the engine and operators' verbs; applied by the store.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from core.model import bounds
from core.model.commands.work import ENGINE, Command, Operation, RowRef, Submit
from core.model.timing.schedules import FireKind, FireStatus, NextFire, Schedule

REASON_MAX = 500
"""Characters that a fire keeps of why it was refused."""


class AddSchedule(Struct, frozen=True, kw_only=True, tag="add_schedule"):
    """Add a schedule; nothing before `from_` (ms UTC) is a fire of it."""

    schedule: Schedule
    next: NextFire | None
    from_: int

    @property
    def name(self) -> str:
        """Return the name of the schedule."""
        return self.schedule.name


class DeclaredSchedule(Struct, frozen=True, kw_only=True):
    """A schedule of the configuration; `text` is what stands there, `schedule` what comes of it here."""

    schedule: Schedule
    next: NextFire | None
    from_: int
    text: str


class EditSchedule(Struct, frozen=True, kw_only=True, tag="edit_schedule"):
    """Put another rule in the place of the one of that name; what was decided stays."""

    schedule: Schedule
    next: NextFire | None
    from_: int

    @property
    def name(self) -> str:
        """Return the name of the schedule."""
        return self.schedule.name


class RemoveSchedule(Struct, frozen=True, kw_only=True, tag="remove_schedule"):
    """Fire no more; jobs that it submitted go on, fires that wait are skipped."""

    name: str


class PauseSchedule(Struct, frozen=True, kw_only=True, tag="pause_schedule"):
    """Fire nothing until it is resumed."""

    name: str


class Passed(Struct, frozen=True, kw_only=True):
    """Times of a schedule that passed: how many, the first and the last; ms UTC."""

    number: int
    first: int
    last: int
    reason: str = ""


class ResumeSchedule(Struct, frozen=True, kw_only=True, tag="resume_schedule"):
    """Fire again from `from_` on; times that passed during the pause are skipped."""

    name: str
    next: NextFire | None
    from_: int
    passed: tuple[Passed, ...] = ()


class SkipFire(Struct, frozen=True, kw_only=True, tag="skip_fire"):
    """Pass over the next time of a schedule."""

    name: str
    at: int
    next: NextFire | None


class ResetSchedule(Struct, frozen=True, kw_only=True, tag="reset_schedule"):
    """Take a schedule back to what the configuration says, also from a pause."""

    name: str
    declared: DeclaredSchedule


ScheduleChange: TypeAlias = (
    AddSchedule | EditSchedule | RemoveSchedule | PauseSchedule | ResumeSchedule | SkipFire | ResetSchedule
)


class ChangeSchedule(Operation, frozen=True, kw_only=True):
    """Change a schedule; answered with whether it did."""

    change: ScheduleChange
    reason: str = ""
    actor: str = ENGINE

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("name", self.change.name)

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("schedule", self.change.name),)


class Fired(Struct, frozen=True, kw_only=True):
    """What became of a fire; None = it was decided before, or the schedule is another by now."""

    status: FireStatus | None
    at: int = 0
    job_id: int | None = None
    reason: str = ""


class Fire(Command[Fired], frozen=True, kw_only=True):
    """Decide about one time of a schedule, and about those before it that passed; at most once.

    A timed one is decided only while the schedule stands where it was read: at `after`.
    """

    schedule_id: int
    at: int
    kind: FireKind = FireKind.TIMED
    after: int | None = None
    next: NextFire | None = None
    passed: tuple[Passed, ...] = ()
    """Times before it that are missed."""
    submit: Submit | None = None
    """None = its workflow was refused, for `reason`."""
    reason: str = ""
    actor: str = ENGINE


class MissFires(Command[Fired], frozen=True, kw_only=True):
    """Decide that no time up to `handled` fires, and note those that passed; at most once."""

    schedule_id: int
    after: int
    handled: int
    """Before `after` where the clock was put back."""
    passed: tuple[Passed, ...] = ()
    next: NextFire | None = None


class MissExpectations(Command[int], frozen=True, kw_only=True):
    """Tell that no job of a schedule or workflow succeeded in time, of each once; answered with how many."""

    ids: tuple[int, ...]


class StartFire(Command[Fired], frozen=True, kw_only=True):
    """Start a fire that waits, if it still does and what it waits for has ended."""

    schedule_id: int
    at: int
    submit: Submit | None = None
    reason: str = ""
