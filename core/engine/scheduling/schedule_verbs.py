"""ScheduleVerbs: what operators ask of schedules, as commands.

Made by the engine.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.model.commands.schedules import (
    AddSchedule,
    ChangeSchedule,
    DeclaredSchedule,
    EditSchedule,
    Fire,
    Fired,
    PauseSchedule,
    RemoveSchedule,
    ResetSchedule,
    ResumeSchedule,
    ScheduleChange,
    SkipFire,
)
from core.model.commands.work import Effect, Operated
from core.model.errors import Conflict, Invalid
from core.model.records import replace
from core.model.text import safe_line
from core.model.timing.schedule_views import Backfilled, ScheduleView
from core.model.timing.schedules import FireKind, NextFire, Schedule
from core.model.values import to_iso
from core.rules.fires import next_fire, next_undecided, times_passed
from core.timetables.timetable import timetable_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.engine.admissions.admission import Admission
    from core.model.ports import Clock
    from core.model.surroundings import Surroundings
    from core.store.journal import Journal
    from core.store.reports.schedules import ScheduleReports

BACKFILL_MAX = 1_000
"""Times that one backfill fires for."""


class ScheduleVerbs:
    """Change schedules and fire by hand; what comes next is worked out here."""

    def __init__(
        self,
        reports: ScheduleReports,
        admission: Admission,
        journal: Journal,
        *,
        clock: Clock,
        declared: Callable[[], tuple[DeclaredSchedule, ...]],
    ) -> None:
        self._reports = reports
        self._declared = declared
        self._admission = admission
        self._journal = journal
        self._clock = clock

    async def add(
        self, schedule: Schedule, surroundings: Surroundings, *, reason: str, actor: str
    ) -> Operated:
        """Add a schedule whose workflow can be submitted."""
        kept = await self._checked(schedule, surroundings)
        now = self._wall()
        fire = _next(kept, now)
        if fire is None:
            raise Invalid(
                "schedule.never",
                "no time of this schedule is to come",
                hint="name a later time, or another rule",
                facts={"schedule": safe_line(kept.name)},
            )
        change = AddSchedule(schedule=kept, next=fire, from_=now)
        return await self._change(change, reason=reason, actor=actor)

    async def edit(
        self, schedule: Schedule, surroundings: Surroundings, *, reason: str, actor: str
    ) -> Operated:
        """Put a schedule in the place of another."""
        kept = await self._checked(schedule, surroundings)
        view = await self._reports.one(schedule.name)
        now = self._wall()
        change = EditSchedule(schedule=kept, next=await self._undecided(view, kept, now), from_=now)
        return await self._change(change, reason=reason, actor=actor)

    async def remove(self, name: str, *, reason: str, actor: str) -> Operated:
        """Fire no more."""
        return await self._change(RemoveSchedule(name=name), reason=reason, actor=actor)

    async def pause(self, name: str, *, reason: str, actor: str) -> Operated:
        """Fire nothing until it is resumed."""
        return await self._change(PauseSchedule(name=name), reason=reason, actor=actor)

    async def resume(self, name: str, *, reason: str, actor: str) -> Operated:
        """Fire again from now on."""
        view = await self._reports.one(name)
        now = self._wall()
        timetable = timetable_of(view.rule.timing)
        passed = await asyncio.to_thread(
            times_passed, timetable, view.handled_at + 1, now + 1, "it was paused"
        )
        following = await self._undecided(view, view.schedule, now)
        change = ResumeSchedule(name=name, next=following, from_=now, passed=passed)
        return await self._change(change, reason=reason, actor=actor)

    async def skip(self, name: str, *, reason: str, actor: str) -> Operated:
        """Pass over the next time; raise `Conflict` (`schedule.no_fire`)."""
        view = await self._reports.one(name)
        if view.due_at is None:
            shown = safe_line(name)
            raise Conflict(
                "schedule.no_fire",
                f"`{shown}` has no next time",
                hint=f"taskdeck schedule edit {shown} ..., or remove it",
                facts={"schedule": shown},
            )
        change = SkipFire(name=name, at=view.due_at, next=_next(view.rule, view.due_at))
        return await self._change(change, reason=reason, actor=actor)

    async def reset(self, name: str, *, reason: str, actor: str) -> Operated:
        """Take it back to what is configured; raise `Conflict` (`schedule.undeclared`)."""
        view = await self._reports.one(name)
        for declared in await asyncio.to_thread(self._declared):
            if declared.schedule.name == name:
                following = await self._undecided(view, declared.schedule, declared.from_)
                change = ResetSchedule(name=name, declared=replace(declared, next=following))
                return await self._change(change, reason=reason, actor=actor)
        shown = safe_line(name)
        raise Conflict(
            "schedule.undeclared",
            f"`{shown}` is not in the configuration that the engine has",
            hint=f"use 'taskdeck schedule edit {shown}', or declare it and 'taskdeck config reload'",
            facts={"schedule": shown},
        )

    async def trigger(self, name: str, *, actor: str) -> Fired:
        """Fire now."""
        view = await self._reports.one(name)
        fired = await self._fire(view, self._wall(), FireKind.MANUAL, actor)
        if fired.status is None:
            # It was removed a moment ago.
            await self._reports.one(name)
        return fired

    async def backfill(self, name: str, begin: int, end: int, *, effect: Effect, actor: str) -> Backfilled:
        """Fire for times that passed; raise `Invalid` (`schedule.backfill`)."""
        view = await self._reports.one(name)
        timetable = timetable_of(view.rule.timing)
        until = min(end, self._wall())
        found = await asyncio.to_thread(lambda: list(timetable.between(begin, until, BACKFILL_MAX + 1)))
        if len(found) > BACKFILL_MAX:
            raise Invalid(
                "schedule.backfill",
                f"these are more than {BACKFILL_MAX:,} times",
                hint="backfill a shorter time, then the next one",
                facts={"most": BACKFILL_MAX},
            )
        forgotten = await self._reports.forgotten(view.id)
        if forgotten is not None and begin <= forgotten:
            raise Invalid(
                "schedule.forgotten",
                f"what became of times up to {to_iso(forgotten)} was forgotten: one could run twice",
                hint="begin the backfill after that; `history` in [retention] keeps fires for longer",
                facts={"until": to_iso(forgotten)},
            )
        decided = await self._reports.decided(view.id, begin, until)
        times = [at for at in found if at not in decided]
        if effect is Effect.CHANGE:
            for at in times:
                await self._fire(view, at, FireKind.BACKFILL, actor)
        return Backfilled(times=tuple(times), left_out=len(found) - len(times), done=effect is Effect.CHANGE)

    async def _fire(self, view: ScheduleView, at: int, kind: FireKind, actor: str) -> Fired:
        submit = await self._admission.plan_fire(view.rule, at)
        command = Fire(
            schedule_id=view.id, at=at, kind=kind, submit=replace(submit, actor=actor), actor=actor
        )
        return await self._journal.submit(command)

    async def _undecided(self, view: ScheduleView, schedule: Schedule, now: int) -> NextFire | None:
        """Return the first time to come but for those that were skipped ahead."""
        decided = await self._reports.decided_after(view.id, now)
        return next_undecided(schedule, timetable_of(schedule.timing), now, decided)

    async def _checked(self, schedule: Schedule, surroundings: Surroundings) -> Schedule:
        """Return a schedule as it is kept; refuse what could not be submitted now."""
        timetable_of(schedule.timing)
        kept = self._admission.kept_surroundings(surroundings)
        schedule = replace(schedule, work=replace(schedule.work, surroundings=kept))
        await self._admission.plan_fire(schedule, self._wall())
        return schedule

    async def _change(self, change: ScheduleChange, *, reason: str, actor: str) -> Operated:
        return await self._journal.submit(ChangeSchedule(change=change, reason=reason, actor=actor))

    def _wall(self) -> int:
        return self._clock.now() - self._clock.offset


def _next(schedule: Schedule, after: int) -> NextFire | None:
    return next_fire(schedule, timetable_of(schedule.timing), after)
