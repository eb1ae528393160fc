"""Alarms on APScheduler: the only user of its scheduler.

Made by `core.app.hosting`, handed to the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from core.model.ports import Clock

# APScheduler drops a timer that fires late unless no delay counts as too long.
# It also drops one that is armed again, for now, before it has seen that the last of that name has ended.
_LATE_IS_FINE = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1_000}
_EARLY_MS = 50
"""How much too soon an alarm may call back; more means that the wall clock was set meanwhile."""
_FARTHEST_MS = 86_400_000
"""How far ahead the scheduler is told of at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alarm:
    at: int
    callback: Callable[[], None]


class SchedulerAlarms:
    """Named timers in memory, called on the engine's loop.

    The scheduler's timers are dates of the wall clock. Whenever it wakes up or falls asleep and that clock
    was set, all are armed again; repeated ones are single dates as well: its own would catch up on every
    missed one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = clock.offset
        self._alarms: dict[str, _Alarm] = {}
        self._scheduler = _Scheduler(self._arm_again, timezone=UTC, job_defaults=_LATE_IS_FINE)
        self._scheduler.start()

    def arm(self, name: str, at: int, callback: Callable[[], None]) -> None:
        """Call back once at `at` (engine time; the past = at once), replacing the alarm of that name."""
        self._alarms[name] = _Alarm(at=at, callback=callback)
        self._schedule(name, at)

    def every(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call back each time this many seconds went by."""

        def call() -> None:
            self.every(name, seconds, callback)
            callback()

        self.arm(name, self._clock.now() + round(seconds * 1_000), call)

    def disarm(self, name: str) -> None:
        """Forget the alarm of that name."""
        self._alarms.pop(name, None)
        try:
            self._scheduler.remove_job(name)
        except JobLookupError:
            return

    def stop(self) -> None:
        """Forget all alarms."""
        self._alarms.clear()
        self._scheduler.shutdown(wait=False)

    def _schedule(self, name: str, at: int) -> None:
        # What is farther away is armed again when this rings: a date behind the year 9999 is none.
        away = min(at - self._clock.now(), _FARTHEST_MS)
        moment = datetime.now(UTC) + timedelta(milliseconds=away)
        # A coroutine function runs on the loop; a plain one would run in the scheduler's thread pool.
        self._scheduler.add_job(
            self._ring, DateTrigger(moment), args=(name, at), id=name, replace_existing=True
        )

    def _arm_again(self) -> None:
        self._clock.now()
        if self._clock.offset == self._offset:
            return
        self._offset = self._clock.offset
        for name, alarm in self._alarms.items():
            self._schedule(name, alarm.at)

    async def _ring(self, name: str, at: int) -> None:
        alarm = self._alarms.get(name)
        if alarm is None or alarm.at != at:
            return
        if at - self._clock.now() > _EARLY_MS:
            self._schedule(name, at)
            return
        del self._alarms[name]
        alarm.callback()


class _Scheduler(AsyncIOScheduler):  # type: ignore[misc] # it comes without types
    """Calls a function before it looks for what is due, and when it knows how long to wait."""

    def __init__(self, look: Callable[[], None], **options: object) -> None:
        self._look = look
        super().__init__(**options)

    def wakeup(self) -> None:
        self._look()
        # In a later turn of the loop.
        super().wakeup()

    def _start_timer(self, wait_seconds: float | None) -> None:
        super()._start_timer(wait_seconds)
        # A clock that was set back since the look above makes this wait as long as it was set back by.
        self._look()
