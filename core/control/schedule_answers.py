"""Schedules as clients see them, with the times to come.

Used by `ReadingControl`.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from core.model.errors import Invalid
from core.model.records import replace
from core.timetables.timetable import timetable_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.model.schedule_views import ScheduleView
    from core.store.reports import Reports

SHOWN = 5
"""Times to come that are told."""
_NEVER = 2**53


async def all_schedules(reports: Reports) -> tuple[ScheduleView, ...]:
    """Return all schedules with their next times."""
    return await asyncio.to_thread(_with_next, await reports.schedules.all())


async def one_schedule(reports: Reports, name: str) -> ScheduleView:
    """Return one schedule with its next times; raise `NotFound`."""
    (view,) = await asyncio.to_thread(_with_next, [await reports.schedules.one(name)])
    return view


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
