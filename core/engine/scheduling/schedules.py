"""ScheduleLoop: fires schedules on time, and catches up on what passed.

Made by the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from core.engine.background import BackgroundTasks
from core.engine.scheduling import silence_watch
from core.engine.scheduling.silence_watch import Expected, SilenceWatch
from core.logs import get_logger
from core.model.commands.schedules import Fire, MissFires, StartFire
from core.model.commands.work import ENGINE, Cancel, Command, Submit
from core.model.errors import TaskdeckError, Unavailable
from core.model.ports import Alarms, Clock
from core.model.timing.schedule_views import ScheduleView
from core.model.timing.schedules import NextFire, Schedule
from core.rules.fires import plan_fires
from core.store.batch_report import Report
from core.store.reports.schedules import Outlook
from core.timetables.timetable import timetable_of

_KINDS = frozenset(
    {
        "schedule.added",
        "schedule.edited",
        "schedule.removed",
        "schedule.paused",
        "schedule.resumed",
        "fire.waiting",
        "fire.skipped",
        *silence_watch.KINDS,
    }
)
R = TypeVar("R")
_ALARM = "schedules"
_LOOK_AGAIN_MS = 60_000
"""After a look that failed."""
_log = get_logger(__name__)


class Due(Expected, Protocol):
    """Where due schedules are read: the store's reports."""

    async def due(self, now: int) -> tuple[ScheduleView, ...]:
        """Return schedules whose time has come (ms UTC)."""

    async def decided_after(self, schedule_id: int, after: int) -> frozenset[int]:
        """Return times after a moment (ms UTC) about which was decided."""

    async def outlook(self, *, wall: int, now: int) -> Outlook:
        """Return what there is to decide, and when there will be more."""

    async def ready(self) -> tuple[tuple[ScheduleView, int], ...]:
        """Return schedules whose first waiting fire waits for nothing any more, with its time."""

    async def replaced(self) -> tuple[int, ...]:
        """Return jobs for whose end a replacing fire waits."""


class Planner(Protocol):
    """What turns a schedule into a job: the admission."""

    async def plan_fire(self, schedule: Schedule, at: int) -> Submit:
        """Return the submission of a fire; raise as `submit` does."""


class ScheduleJournal(Protocol):
    """Where fires are decided: the journal."""

    def submit(self, command: Command[R]) -> asyncio.Future[R]:
        """Carry a command out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirePorts:
    """What the loop asks of the rest of the engine."""

    due: Due
    planner: Planner
    journal: ScheduleJournal
    note: Callable[[str, BaseException | None], None]
    """Tells operators what could not be done, and that it can be again."""


class ScheduleLoop:
    """One look at a time: decides about what is due, starts what waited, arms the alarm of what is next."""

    def __init__(self, ports: FirePorts, *, clock: Clock, alarms: Alarms) -> None:
        self._due = ports.due
        self._planner = ports.planner
        self._journal = ports.journal
        self._note = ports.note
        self._clock = clock
        self._alarms = alarms
        self._silence = SilenceWatch(ports.due, ports.journal, clock=clock, alarms=alarms)
        self._work = BackgroundTasks()
        self._is_open = False
        self._is_asked = False
        self._is_looking = False
        self._waits = True
        """A fire may wait for a job; else the ends of jobs are not looked at."""
        self.has_next = False
        """A schedule may fire: the engine has something to wait for."""

    def open(self) -> None:
        """Begin to fire."""
        # Until the first look says otherwise.
        self._is_open = self.has_next = True
        self.look()

    def close(self) -> None:
        """Fire no more; what comes due meanwhile is caught up on."""
        self._is_open = False
        self._alarms.disarm(_ALARM)
        self._silence.close()

    async def end(self) -> None:
        """End the look that is under way, after `close`."""
        await self._work.end()

    def hear(self, report: Report) -> None:
        """Look again where schedules or their jobs changed."""
        if "fire.waiting" in report.kinds:
            self._waits = True
        if (report.ended_jobs and self._waits) or not _KINDS.isdisjoint(report.kinds):
            self.look()

    def look(self) -> None:
        """Decide soon about what is due."""
        self._is_asked = True
        # Not by the tasks that run: one that has just ended is still among them.
        if self._is_open and not self._is_looking:
            self._is_looking = True
            self._work.start(self._look(), self._ended)

    def _ended(self, done: asyncio.Task[None]) -> None:
        if done.cancelled():
            return
        self._note("the look at schedules", done.exception())
        if done.exception() is not None and self._is_open:
            self._alarms.arm(_ALARM, self._clock.now() + _LOOK_AGAIN_MS, self.look)

    async def _look(self) -> None:
        try:
            await self._look_until_settled()
        finally:
            self._is_looking = False

    async def _look_until_settled(self) -> None:
        while self._is_asked and self._is_open:
            self._is_asked = False
            try:
                await self._once()
            except Unavailable as error:
                # The store takes nothing at present; the engine says so by itself. Any other error is noted.
                _log.warning("schedules could not be looked at", code=error.code, reason=error.message)
                self._alarms.arm(_ALARM, self._clock.now() + _LOOK_AGAIN_MS, self.look)

    async def _once(self) -> None:
        now = self._wall()
        outlook = await self._due.outlook(wall=now, now=self._clock.now())
        if outlook.is_now:
            await self._decide(now)
            outlook = await self._due.outlook(wall=now, now=self._clock.now())
        # One that began to wait meanwhile has asked for another look.
        self._waits = outlook.waits or self._is_asked
        self._silence.arm(outlook.overdue_at, self.look)
        self.has_next = outlook.wake_at is not None
        if outlook.wake_at is not None and self._is_open:
            self._alarms.arm(_ALARM, outlook.wake_at + self._clock.offset, self.look)

    async def _decide(self, now: int) -> None:
        for view in await self._due.due(now):
            await self._fire_apart(view)
        for job_id in await self._due.replaced():
            await self._journal.submit(
                Cancel(job_id=job_id, reason="a later fire of its schedule replaces it")
            )
        for view, at in await self._due.ready():
            submit, reason = await self._planned(view, at)
            await self._journal.submit(StartFire(schedule_id=view.id, at=at, submit=submit, reason=reason))
        await self._silence.tell()

    async def _fire_apart(self, view: ScheduleView) -> None:
        """Fire a schedule; one that cannot be worked out, as in a zone that is gone, keeps back no other."""
        (error,) = await asyncio.gather(self._fire(view), return_exceptions=True)
        if isinstance(error, Unavailable):
            raise error
        self._note(f"schedule {view.schedule.name}", error)

    async def _fire(self, view: ScheduleView) -> None:
        """Decide about the times of a schedule that have come, one after the other."""
        schedule = view.rule
        timetable = timetable_of(schedule.timing)
        now = self._wall()
        decided = await self._due.decided_after(view.id, min(view.handled_at, now))
        plan = await asyncio.to_thread(
            plan_fires, schedule, timetable, handled=view.handled_at, now=now, decided=decided
        )
        after, passed = view.handled_at, plan.passed
        if not plan.due:
            # Also where nothing passed: its next time is another, as after an edit beside a clock put back.
            miss = MissFires(
                schedule_id=view.id, after=after, handled=plan.handled, passed=passed, next=plan.next
            )
            await self._journal.submit(miss)
            return
        following = [NextFire(at=at, wake_at=at) for at in plan.due[1:]]
        for at, then in zip(plan.due, [*following, plan.next], strict=True):
            submit, reason = await self._planned(view, at)
            fired = await self._journal.submit(
                Fire(
                    schedule_id=view.id,
                    at=at,
                    after=after,
                    next=then,
                    passed=passed,
                    submit=submit,
                    reason=reason,
                    actor=submit.actor if submit is not None else ENGINE,
                )
            )
            after, passed = at, ()
            if fired.status is None:
                # Another decided first, or the schedule was changed: look at how it stands.
                self._is_asked = True
                return

    async def _planned(self, view: ScheduleView, at: int) -> tuple[Submit | None, str]:
        """Return the submission of a fire, or why its workflow is refused; raise `Unavailable`."""
        try:
            return await self._planner.plan_fire(view.rule, at), ""
        except Unavailable:
            # The store cannot be read at present: that is not a fault of the fire, which would be lost.
            raise
        except TaskdeckError as error:
            return None, f"{error.code}: {error.message}"

    def _wall(self) -> int:
        return self._clock.now() - self._clock.offset
