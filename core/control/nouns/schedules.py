"""Schedules: their requests, and the verbs that ask them.

The part `schedules` of the ControlAPI.
"""

from __future__ import annotations

from enum import StrEnum

from core.control.arguments import OPERATOR, PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.commands.schedules import Fired
from core.model.commands.work import Effect, Operated
from core.model.surroundings import Surroundings
from core.model.timing.schedule_views import Backfilled, Downtime, ExpectationView, FireView, ScheduleView
from core.model.timing.schedules import Schedule, Timing
from core.model.views import Page


class Switch(StrEnum):
    """What is done to a schedule."""

    REMOVE = "remove"
    """It fires no more; what it submitted goes on."""
    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    """Its next time is passed over."""
    RESET = "reset"
    """What an operator edited or paused of it is taken back: it is as config.toml has it."""


@verb("schedules", Kind.READ)
class ListSchedules(Request[tuple[ScheduleView, ...]], frozen=True, kw_only=True):
    pass


@verb("schedule", Kind.READ)
class GetSchedule(Request[ScheduleView], frozen=True, kw_only=True):
    name: str


@verb("fires", Kind.READ)
class Fires(Request[Page[FireView]], frozen=True, kw_only=True):
    name: str
    after: str | None = None
    limit: int = PAGE


@verb("fires_to_come", Kind.READ)
class FiresToCome(Request[tuple[int, ...]], frozen=True, kw_only=True):
    timing: Timing


@verb("machine_zone", Kind.READ)
class MachineZone(Request[str], frozen=True, kw_only=True):
    pass


@verb("schedule_downtime", Kind.READ)
class GetDowntime(Request[Downtime | None], frozen=True, kw_only=True):
    pass


@verb("expected_workflows", Kind.READ)
class ExpectedWorkflows(Request[tuple[ExpectationView, ...]], frozen=True, kw_only=True):
    pass


class _Change(Request[Operated], frozen=True, kw_only=True):
    reason: str = ""
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_reason(self.reason)


@verb("add_schedule", Kind.CHANGE)
class AddSchedule(_Change, frozen=True, kw_only=True):
    schedule: Schedule
    surroundings: Surroundings | None = None
    """None = of the process that asks: the client, or `dial-stdio` for one on another machine."""


@verb("edit_schedule", Kind.CHANGE)
class EditSchedule(_Change, frozen=True, kw_only=True):
    schedule: Schedule
    surroundings: Surroundings | None = None
    """None = of the process that asks: the client, or `dial-stdio` for one on another machine."""


@verb("switch_schedule", Kind.CHANGE)
class SwitchSchedule(_Change, frozen=True, kw_only=True):
    name: str
    switch: Switch


@verb("trigger_schedule", Kind.CHANGE)
class TriggerSchedule(Request[Fired], frozen=True, kw_only=True):
    name: str
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)


@verb("backfill_schedule", Kind.CHANGE)
class BackfillSchedule(Request[Backfilled], frozen=True, kw_only=True):
    name: str
    begin: int
    """ms UTC."""
    end: int
    """ms UTC, not included."""
    effect: Effect = Effect.CHANGE
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_whole("begin", self.begin, least=0, most=2**53)
        bounds.check_whole("end", self.end, least=self.begin, most=2**53)


class SchedulesReading(Verbs):
    """Rules that submit jobs, and what became of their times."""

    async def all(self) -> tuple[ScheduleView, ...]:
        """Return the schedules by name, at most 1,000, each with its next five times."""
        return await self._control.ask(ListSchedules())

    async def one(self, name: str) -> ScheduleView:
        """Return one schedule; raise `NotFound` (`schedule.unknown`)."""
        return await self._control.ask(GetSchedule(name=name))

    async def fires(self, name: str, *, after: str | None = None, limit: int = PAGE) -> Page[FireView]:
        """Return what became of the times of a schedule, the latest first; raise as `one` does."""
        return await self._control.ask(Fires(name=name, after=after, limit=limit))

    async def fires_to_come(self, timing: Timing) -> tuple[int, ...]:
        """Return the next five times (ms UTC) of a rule that no schedule has yet; raise as `add` does."""
        return await self._control.ask(FiresToCome(timing=timing))

    async def machine_zone(self) -> str:
        """Return the time zone of the machine that answers, UTC where it has none of a name."""
        return await self._control.ask(MachineZone())

    async def expected_workflows(self) -> tuple[ExpectationView, ...]:
        """Return how often workflows have to succeed, as their newest documents say, by name."""
        return await self._control.ask(ExpectedWorkflows())

    async def downtime(self) -> Downtime | None:
        """Return what passed since no engine runs; None = an engine runs, or nothing passed."""
        return await self._control.ask(GetDowntime())


class Schedules(SchedulesReading):
    """Rules that submit jobs, read and changed."""

    async def add(self, schedule: Schedule, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Add a schedule; nothing before now is a fire of it.

        Its workflow is checked as `submit` does. Raises `Conflict` (`schedule.taken`), `Invalid`
        (`schedule.cron` and its kind, what `submit` raises).
        """
        request = AddSchedule(schedule=schedule, reason=reason, actor=actor)
        return await self._control.ask(request)

    async def edit(self, schedule: Schedule, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Put a schedule in the place of the one of its name; raise as `add` and `one` do.

        What was decided stays; nothing before now is a fire of it.
        """
        request = EditSchedule(schedule=schedule, reason=reason, actor=actor)
        return await self._control.ask(request)

    async def switch(self, name: str, switch: Switch, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Remove, pause or resume a schedule, skip its next time, or take it back to what is configured.

        What is so already changes nothing. Raises `NotFound` (`schedule.unknown`), `Conflict`
        (`schedule.no_fire`: nothing comes next; `schedule.undeclared`: config.toml does not have it).
        """
        request = SwitchSchedule(name=name, switch=switch, reason=reason, actor=actor)
        return await self._control.ask(request)

    async def trigger(self, name: str, *, actor: str = OPERATOR) -> Fired:
        """Fire now, beside the times of the schedule, by its overlap; raise as `one` does."""
        return await self._control.ask(TriggerSchedule(name=name, actor=actor))

    async def backfill(
        self, name: str, begin: int, end: int, *, effect: Effect = Effect.CHANGE, actor: str = OPERATOR
    ) -> Backfilled:
        """Fire for each time from `begin` to `end` (ms UTC) that has no job, one after the other.

        Raises as `one` does, and `Invalid` (`schedule.backfill`) for more than 1,000 of them.
        """
        request = BackfillSchedule(name=name, begin=begin, end=end, effect=effect, actor=actor)
        return await self._control.ask(request)
