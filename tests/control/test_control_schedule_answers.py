"""What passed of schedules while no engine ran."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from core.control.schedule_answers import downtime
from core.model.timing.schedule_views import Downtime, ScheduleView
from core.model.timing.schedules import Schedule, Timing
from core.model.waits import EngineFacts
from core.store.reports import Reports

HOUR = 3_600_000
NOW = 1_000 * HOUR


def due(name: str, *, since: int, every: int = HOUR, zone: str = "UTC") -> ScheduleView:
    timing = Timing(every_ms=every, zone=zone)
    facts = {"handled_at": NOW - since, "due_at": NOW - since + every, "wake_at": NOW - since + every}
    return ScheduleView(id=1, schedule=Schedule(name=name, timing=timing), created_at=0, actor="kim", **facts)


@pytest.mark.parametrize(
    ("views", "told"),
    [
        ((), None),
        ((due("a", since=5 * HOUR),), Downtime(since=NOW - 4 * HOUR, fires=5, schedules=1)),
        (
            (due("a", since=HOUR), due("gone", since=3 * HOUR, zone="Europe/Gone")),
            Downtime(since=NOW - 2 * HOUR, fires=2, schedules=2),
        ),
        (
            (due("a", since=900 * HOUR, every=60_000), due("b", since=2 * HOUR)),
            Downtime(since=NOW - 900 * HOUR + 60_000, fires=10_001, schedules=2),
        ),
    ],
)
async def test_times_that_passed_are_counted_only_while_no_engine_runs(
    views: tuple[ScheduleView, ...], told: Downtime | None
) -> None:
    async def read(_: int) -> tuple[ScheduleView, ...]:
        return views

    async def state(name: str) -> EngineFacts:
        return EngineFacts(state=name)

    reports = cast("Reports", SimpleNamespace(schedules=SimpleNamespace(now=lambda: NOW, due=read)))
    assert await downtime(reports, lambda: state("none")) == told
    for name in ("serving", "draining", "silent"):
        assert await downtime(reports, lambda name=name: state(name)) is None
