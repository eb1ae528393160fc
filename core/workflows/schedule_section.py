"""The `schedule` of a document: checked, and read as what it suggests.

Used by the validation and by `schedule add`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from core.model.errors import Fault, Invalid
from core.model.timing.schedules import FirePolicy, Timing, Work
from core.model.timing.zoned_moments import moment_in
from core.model.values import JsonObject
from core.timetables.timetable import timetable_of
from core.workflows.definition import Document, ScheduleUse
from core.workflows.positions import Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedSchedule:
    """What a document says of a schedule of it."""

    name: str
    timing: Timing
    policy: FirePolicy
    work: Work
    """Its parameters, variables and retries."""
    follows: bool


def suggested(document: Document, *, zone: str, now: int) -> SuggestedSchedule | None:
    """Return the schedule that a document suggests; `zone` and `now` (ms UTC) are those of this machine.

    None = it suggests none. Raises `Invalid` (`zone.unknown`).
    """
    use = document.schedule
    if use is None:
        return None
    policy = FirePolicy(
        jitter_ms=use.jitter,
        catch_up=use.catch_up,
        window_ms=use.window,
        most=use.max,
        overlap=use.overlap,
        expect_ms=None if use.expect is None else use.expect.every,
    )
    return SuggestedSchedule(
        name=use.name or document.name,
        timing=_timing(use, zone=zone, now=now),
        policy=policy,
        work=Work(params=cast("JsonObject", use.params), env={**use.env}, retry=use.retry),
        follows=use.follow,
    )


def schedule_faults(document: Document, positions: Positions) -> Iterator[Fault]:
    """Yield what makes the schedule of a document one that could not be added."""
    if document.schedule is None:
        return
    try:
        # Any moment before those that it names: one that has passed is refused when it is added.
        timetable_of(_timing(document.schedule, zone="UTC", now=0))
    except Invalid as error:
        field = error.facts.get("field")
        path = _path(document.schedule, error.code, field if isinstance(field, str) else "")
        yield positions.fault_at(path, error.code, error.message)


def _path(use: ScheduleUse, code: str, field: str) -> tuple[str, ...]:
    if code == "zone.unknown":
        return ("schedule", "zone")
    if code == "schedule.calendar":
        return ("schedule", "calendar")
    kinds = [name for name in ("cron", "calendar", "every", "at") if getattr(use, name) is not None]
    known = field if getattr(use, field, None) is not None else kinds[0]
    return ("schedule", known)


def _timing(use: ScheduleUse, *, zone: str, now: int) -> Timing:
    place = use.zone or zone
    starts = _ms(use.starts, place)
    return Timing(
        cron=use.cron,
        every_ms=use.every,
        calendar=use.calendar,
        at=_ms(use.at, place),
        zone=place,
        anchor=0 if use.every is None else (starts or now),
        starts=starts,
        ends=_ms(use.ends, place),
        exclude=tuple(use.exclude),
    )


def _ms(text: str | None, zone: str) -> int | None:
    return None if text is None else moment_in(text, zone)
