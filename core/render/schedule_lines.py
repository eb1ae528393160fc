"""Schedules as rows of a list.

Used by the command that lists them, the console and the filters.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.model.text import SafeText, safe_line
from core.model.timing.schedule_views import FireView, ScheduleView
from core.model.timing.schedules import FireStatus, ScheduleState
from core.render.schedule_texts import last_text, number_text, timing_words


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleLine:
    """A schedule as a row; times in ms UTC, texts as they were given."""

    view: ScheduleView
    id: int
    name: str
    state: ScheduleState
    fires: str
    """When, in words."""
    cron: str | None
    zone: str
    due: int | None
    """When it fires next; None = it does not, or it is paused."""
    last: SafeText
    result: str
    """Of the latest time: the status of its job, else what became of it."""
    last_at: int | None
    missed: int
    overlap: str
    catch_up: str
    open: str
    """Jobs that have not ended, and fires that wait for them."""
    by: str | None
    """Who paused it."""
    reason: str | None
    work: str

    @property
    def missed_text(self) -> str:
        """How many times were missed lately; '' = none."""
        return number_text(self.missed) if self.missed else ""


def schedule_line(view: ScheduleView) -> ScheduleLine:
    """Return the row of a schedule."""
    schedule, paused = view.schedule, view.paused
    parts = (
        f"{view.open_jobs:,} open" if view.open_jobs else "",
        f"{view.waiting} wait" if view.waiting else "",
    )
    return ScheduleLine(
        view=view,
        id=view.id,
        name=schedule.name,
        state=state_of(view),
        fires=safe_line(f"cannot be read: {view.fault}") if view.fault else timing_words(schedule.timing),
        cron=schedule.timing.cron,
        zone=schedule.timing.zone,
        due=None if paused is not None or view.fault else view.wake_at,
        last=SafeText("") if view.last is None else last_text(view.last),
        result="" if view.last is None else result_of(view.last),
        last_at=None if view.last is None else view.last.at,
        missed=view.missed,
        overlap=schedule.policy.overlap,
        catch_up=schedule.policy.catch_up,
        open=", ".join(filter(None, parts)),
        by=None if paused is None else paused.by,
        reason=None if paused is None else paused.reason,
        work=schedule.work.source,
    )


def state_of(view: ScheduleView) -> ScheduleState:
    """Return how a schedule stands; a damaged row before silence, and that before all else."""
    if view.fault:
        return ScheduleState.UNREADABLE
    if view.expected is not None and view.expected.silent_since is not None and view.due_at is not None:
        return ScheduleState.SILENT
    if view.paused is not None:
        return ScheduleState.PAUSED
    return ScheduleState.ON if view.due_at is not None else ScheduleState.ENDED


def result_of(fire: FireView) -> str:
    """Return the status of a fire's job, else what became of the fire."""
    if fire.status is FireStatus.SUBMITTED:
        return fire.job_status or "removed"
    return fire.status
