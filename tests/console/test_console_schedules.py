"""Schedules: the list, one with its fires, and their verbs."""

from __future__ import annotations

from typing import cast

import pytest

from core.control.nouns.schedules import BackfillSchedule, Switch, SwitchSchedule, TriggerSchedule
from core.model.records import replace
from core.model.text import cells
from core.model.timing.schedule_views import Backfilled, Downtime, ExpectationView
from core.model.timing.schedules import FireStatus, Schedule
from tests.console.support_console import HOSTILE, console
from tests.console.support_fake_control import NOW, FakeControl
from tests.console.support_stocked_schedules import HOUR, fire, stock_schedules


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW)
    monkeypatch.setattr("console.verbs.schedules.present_ms", lambda: NOW)


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly-etl")
    control.add_task(job, "clean")
    stock_schedules(control)
    return control


async def test_schedules_tell_when_they_fire_and_what_became_of_it() -> None:
    control = stocked()
    control.downtime = Downtime(since=NOW - 3 * HOUR, fires=36, schedules=2)
    quiet = ExpectationView(every_ms=25 * HOUR, since=NOW - 26 * HOUR, workflow="rotate")
    control.expected_views = [replace(quiet, silent_since=NOW - HOUR), replace(quiet, workflow="fine")]
    async with console(control, size=(230, 30)) as operator:
        await operator.press("5")
        screen = await operator.sees("5 schedules  1 paused  313 missed within a week")
        assert (
            "! workflow rotate: no success since 2023-11-13T20:13:20.000Z, one is expected every 1d1h"
            in screen
        )
        assert "workflow fine" not in screen
        assert "no engine since 2023-11-14T19:13:20.000Z: 36 fires of 2 schedules missed" in screen
        lines = {line.split()[0].lstrip("▌"): line for line in screen.splitlines() if line.strip()}
        for name, words in {
            "backup": ("‖ paused", "Mon-Fri at 02:30 Berlin", "✗ failed: job 6", "15h", "ana (cli)"),
            "bill-run": ("↷ ended", "once at", "✓ succeeded: job 3"),
            "month-end": ("✗ silent", "last working day at 18:00 Berlin", "12d", "queue", "all"),
            "nightly-etl": ("◐ on", "daily at 22:00 Berlin", "23h", "● running: job 2", "1 open"),
            "poll-mail": ("every 5m", "↷ skipped", "311", "replace", "none"),
        }.items():
            for word in words:
                assert word in lines[name], (word, lines[name])
        control.downtime = None
        await operator.press("slash", *"state:on missed>5", "enter")
        await operator.misses("nightly-etl  ◐", "no engine since")
        await operator.sees("poll-mail")


async def test_one_schedule_shows_its_next_times_and_its_fires_lead_to_their_jobs() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("colon", *"schedule nightly-etl", "enter")
        screen = await operator.sees("Schedule nightly-etl  on  24 hours: 1 running, 1 skipped")
        for words in (
            "fires       0 22 * * * Europe/Berlin (daily at 22:00)",
            "next        Wed 2023-11-15 22:13:20 +01:00, Thu 2023-11-16 22:13:20,",
            "? 2 missed: it was later than the window",
            "✗ failed: document.not_found",
            "manual",
        ):
            assert words in screen
        await operator.press("j", "enter")
        await operator.hears("no job stands behind this time")
        await operator.press("k", "enter")
        await operator.sees("Job 2")
        await operator.press("escape")
        await operator.sees("Schedule nightly-etl")


async def test_schedules_are_fired_paused_skipped_and_removed_each_as_its_weight_asks() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("5")
        await operator.sees("month-end")
        await operator.press("j", "j", "j", "T")
        await operator.sees("Trigger nightly-etl now (1 open, 0 wait: it would be skipped)? [y/N]")
        await operator.press("enter")
        await operator.misses("[y/N]")
        assert control.schedule_changes == []
        await operator.press("T", "y")
        await operator.hears("trigger nightly-etl: job 7")
        await operator.press("p")
        await operator.hears("pause schedule nightly-etl: z undoes it")
        await operator.press("z")
        await operator.hears("undo: pause schedule nightly-etl")
        await operator.press("s")
        await operator.sees("Skip the fire of nightly-etl at Wed 2023-11-15 22:13:20 +01:00? [y/N]")
        await operator.press("y")
        await operator.hears("skip nightly-etl")
        await operator.press("D")
        await operator.sees("Plan: remove schedule nightly-etl", "it fires no more")
        await operator.press(*"moved", "enter", "y")
        await operator.hears("remove schedule nightly-etl")
        await operator.press("k", "k", "s")
        await operator.hears("it has no next time")
    actor = cast("TriggerSchedule", control.schedule_changes[0]).actor
    assert control.schedule_changes == [
        TriggerSchedule(name="nightly-etl", actor=actor),
        *(
            SwitchSchedule(name="nightly-etl", switch=switch, actor=actor)
            for switch in (Switch.PAUSE, Switch.RESUME, Switch.SKIP)
        ),
        SwitchSchedule(name="nightly-etl", switch=Switch.REMOVE, reason="moved", actor=actor),
    ]


async def test_a_backfill_says_what_it_would_fire_for_and_asks_for_the_count_of_many() -> None:
    control = stocked()
    times = tuple(NOW - 24 * HOUR + step * HOUR for step in range(24))
    async with console(control) as operator:
        await operator.press("5")
        await operator.sees("month-end")
        await operator.press("b", *"3d", "enter")
        await operator.hears("backup: each time since then has a job")
        control.backfilled = Backfilled(times=times[:3], left_out=2)
        await operator.press("b", *"3d", "enter")
        await operator.sees(
            "Fire backup for 3 times, Mon 2023-11-13 23:13:20 +01:00 to Tue 2023-11-14 01:13:20"
        )
        await operator.press("n")
        assert control.schedule_changes == []
        control.backfilled = Backfilled(times=times)
        await operator.press("b", *"3d", "enter")
        await operator.sees("type 24 to confirm", "... and 4 more")
        await operator.press("2", "4")
        await operator.hears("backfill backup: fires for 24 times")
        await operator.press("b", *"yesterdya", "enter")
        await operator.hears("backfill backup: ")
    (change,) = control.schedule_changes
    assert isinstance(change, BackfillSchedule)
    assert (change.begin, change.end) == (NOW - 72 * HOUR, NOW)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (220, 60)])
async def test_schedules_have_room_at_every_size_and_hostile_names_are_glyphs(size: tuple[int, int]) -> None:
    control = stocked()
    first = control.schedule_views[0]
    hostile = Schedule(name=HOSTILE, timing=first.schedule.timing)
    refused = fire(HOUR, FireStatus.FAILED, reason=HOSTILE)
    control.schedule_views.insert(0, replace(first, schedule=hostile, last=refused))
    control.fire_views.insert(0, refused)
    async with console(control, size=size) as operator:
        await operator.press("5")
        screen = await operator.sees("SCHEDULE", "month-end")
        assert len(screen.splitlines()) == size[1]
        assert all(cells(line) == size[0] for line in screen.splitlines())
        await operator.press("enter")
        screen = await operator.sees("Schedule ␛[31m", "WHAT BECAME")
        assert all(cells(line) == size[0] for line in screen.splitlines())
        assert all(line.isprintable() for line in screen.splitlines())
