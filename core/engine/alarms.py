"""Alarms on APScheduler: the only user of its scheduler.

Made by `core.app.hosting`, handed to the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

# APScheduler drops a timer that fires late unless no delay counts as too long.
_LATE_IS_FINE = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class SchedulerAlarms:
    """Named timers in memory, called on the engine's loop."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=_LATE_IS_FINE)
        self._scheduler.start()

    def arm(self, name: str, at: int, callback: Callable[[], None]) -> None:
        """Call back once at `at` (ms UTC; the past = at once), replacing the alarm of that name."""
        moment = datetime.fromtimestamp(at / 1000, UTC)
        self._scheduler.add_job(_on_loop(callback), DateTrigger(moment), id=name, replace_existing=True)

    def every(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call back each time this many seconds went by."""
        self._scheduler.add_job(
            _on_loop(callback), IntervalTrigger(seconds=seconds), id=name, replace_existing=True
        )

    def disarm(self, name: str) -> None:
        """Forget the alarm of that name."""
        try:
            self._scheduler.remove_job(name)
        except JobLookupError:
            return

    def stop(self) -> None:
        """Forget all alarms."""
        self._scheduler.shutdown(wait=False)


def _on_loop(callback: Callable[[], None]) -> Callable[[], object]:
    # A coroutine function runs on the loop; a plain one would run in the scheduler's thread pool.
    async def call() -> None:
        callback()

    return call
