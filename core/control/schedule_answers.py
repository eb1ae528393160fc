"""Schedules as clients see them, with the times to come.

Used by `ReadingControl`.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from core.model.errors import Invalid
from core.model.records import replace
from core.model.timing.schedule_views import Downtime
from core.model.timing.schedules import COUNTED_MAX
from core.model.waits import EngineFacts
from core.timetables.machine_zone import machine_zone
from core.timetables.timetable import timetable_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.control.wait_answers import EngineSight
    from core.model.timing.schedule_views import ScheduleView
    from core.model.timing.schedules import Timing
    from core.store.reports import Reports

SHOWN = 5
"""Times to come that are told."""
_NEVER = 2**53
_NO_ENGINE = EngineFacts().state


async def all_schedules(reports: Reports) -> tuple[ScheduleView, ...]:
    """Return all schedules with their next times."""
    return await asyncio.to_thread(_with_next, await reports.schedules.all())


async def one_schedule(reports: Reports, name: str) -> ScheduleView:
    """Return one schedule with its next times; raise `NotFound`."""
    (view,) = await asyncio.to_thread(_with_next, [await reports.schedules.one(name)])
    return view


async def fires_to_come(timing: Timing, *, now: int) -> tuple[int, ...]:
    """Return the next five times of a timing; raise as `timetable_of` does."""
    return await asyncio.to_thread(
        lambda: tuple(islice(timetable_of(timing).between(now + 1, _NEVER, SHOWN), SHOWN))
    )


async def zone_here() -> str:
    """Return the time zone of this machine, UTC where it has none of a name."""
    try:
        return machine_zone()
    except Invalid:
        return "UTC"


async def downtime(reports: Reports, engine: EngineSight) -> Downtime | None:
    """Return what passed since no engine runs; None = an engine runs, or nothing passed."""
    if (await engine()).state != _NO_ENGINE:
        return None
    now = reports.schedules.now()
    return await asyncio.to_thread(_passed, await reports.schedules.due(now), now)


def _passed(views: Sequence[ScheduleView], now: int) -> Downtime | None:
    found: list[Downtime] = []
    for view in views:
        left = COUNTED_MAX + 1 - sum(one.fires for one in found)
        try:
            times = timetable_of(view.schedule.timing).between(view.handled_at + 1, now + 1, max(1, left))
            first = next(times, None)
        except Invalid:
            first = view.due_at
            times = iter(())
        if first is not None:
            found.append(Downtime(since=first, fires=1 + sum(1 for _ in times), schedules=1))
    if not found:
        return None
    return Downtime(
        since=min(one.since for one in found),
        fires=min(COUNTED_MAX + 1, sum(one.fires for one in found)),
        schedules=len(found),
    )


def _with_next(views: Sequence[ScheduleView]) -> tuple[ScheduleView, ...]:
    return tuple(replace(view, next=_times(view)) for view in views)


def _times(view: ScheduleView) -> tuple[int, ...]:
    """Return the next times; none of a zone that this machine does not know."""
    if view.due_at is None:
        return ()
    try:
        timetable = timetable_of(view.schedule.timing)
    except Invalid:
        return (view.due_at,)
    return tuple(islice(timetable.between(view.due_at, _NEVER, SHOWN), SHOWN))
