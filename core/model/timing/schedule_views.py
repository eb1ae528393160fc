"""Schedules and fires as readers see them.

Made by the store's reports and the control.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.errors import Invalid
from core.model.limits.limit_views import Cause
from core.model.text import safe_line
from core.model.timing.schedules import FireKind, FireStatus, Schedule


class FireView(Struct, frozen=True, kw_only=True):
    """What became of one time of a schedule, or of `number` that passed; times in ms UTC."""

    at: int
    status: FireStatus
    kind: FireKind
    decided_at: int
    job_id: int | None = None
    job_status: str | None = None
    """None = it has no job, or that was removed."""
    number: int = 1
    since: int | None = None
    """Of several: the first of them."""
    actor: str | None = None
    reason: str = ""


class ExpectationView(Struct, frozen=True, kw_only=True):
    """How often a job of a schedule or workflow has to succeed; times in ms UTC."""

    every_ms: int
    since: int
    """The last success, or when it was set."""
    silent_since: int | None = None
    """None = it is not overdue."""
    workflow: str | None = None
    """The name of a workflow; None = it is expected of a schedule."""


class ScheduleView(Struct, frozen=True, kw_only=True):
    """A schedule and where it stands; times in ms UTC."""

    id: int
    schedule: Schedule
    handled_at: int
    """What became of each time up to here is decided."""
    due_at: int | None
    """The next time; None = there is none."""
    wake_at: int | None
    """When that fires: later by its jitter."""
    created_at: int
    actor: str
    paused: Cause | None = None
    last: FireView | None = None
    """The latest time that was decided."""
    waiting: int = 0
    open_jobs: int = 0
    missed: int = 0
    """Times that were missed within the last `MISSED_MS`."""
    expected: ExpectationView | None = None
    next: tuple[int, ...] = ()
    """The next five times; filled in by the control."""
    fault: str = ""
    """Why its row cannot be read; then `schedule` has its name and its next time alone."""

    @property
    def rule(self) -> Schedule:
        """The schedule; raises `Invalid` (`schedule.unreadable`) where its row cannot be read."""
        if not self.fault:
            return self.schedule
        name = safe_line(self.schedule.name)
        raise Invalid(
            "schedule.unreadable",
            f"what is stored of `{name}` cannot be read: {self.fault}",
            hint=f"'taskdeck schedule remove {name}' and add it again, or restore a backup",
            facts={"schedule": name, "reason": self.fault},
        )


class Downtime(Struct, frozen=True, kw_only=True):
    """Times of schedules that passed while no engine ran, and that none has decided about yet."""

    since: int
    """The first of them, ms UTC: no engine has run since."""
    fires: int
    """Above 10,000 = more than 10,000."""
    schedules: int
    """How many schedules they belong to."""


SCHEDULES_MAX = 1_000
"""Schedules that are listed."""
MISSED_MS = 7 * 86_400_000
"""How far back missed times are counted."""


class Backfilled(Struct, frozen=True, kw_only=True):
    """Times that a backfill fires for, in order; those that had a fire before are left out."""

    times: tuple[int, ...]
    left_out: int = 0
    """Times that were decided already."""
    done: bool = True
    """False = it was only asked what would be done."""
