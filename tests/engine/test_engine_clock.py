"""The clock of an engine through steps, restarts and reboots; its alarms."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, tzinfo
from typing import Self

import apscheduler.schedulers.base
import pytest

from core import host
from core.engine.clock import STEP_MS, SystemClock, boot_ms, wall_ms
from core.engine.scheduling import alarms as alarms_module
from core.engine.scheduling.alarms import SchedulerAlarms
from core.model.ports import SavedTime
from tests.support.house import House, task
from tests.support.waiting import ticks, within

DAY = 86_400_000
YEAR = 365 * DAY


class Machine:
    """A machine whose clocks are set by hand."""

    def __init__(self, *, wall: int = 1_700_000_000_000, up: int = 50_000) -> None:
        self.wall = wall
        self.up = up

    def passes(self, ms: int) -> None:
        self.wall += ms
        self.up += ms

    def reboots(self, *, off: int = 0) -> None:
        self.wall += off
        self.up = 0

    def clock(self, saved: SavedTime | None = None) -> SystemClock:
        clock = SystemClock(wall=lambda: self.wall, since_boot=lambda: self.up)
        clock.resume(saved)
        return clock


def test_engine_time_begins_with_the_wall_clock():
    machine = Machine()
    clock = machine.clock()
    assert (clock.now(), clock.offset) == (machine.wall, 0)


@pytest.mark.parametrize("by", [STEP_MS + 1, -STEP_MS - 1, DAY, -DAY, 10 * YEAR, -10 * YEAR])
def test_a_step_moves_what_is_shown_and_nothing_else(by: int):
    machine = Machine()
    clock = machine.clock()
    before = clock.now()
    machine.wall += by
    machine.passes(7)
    assert clock.now() == before + 7
    assert clock.now() - clock.offset == machine.wall


def test_what_the_wall_clock_strays_by_its_correction_is_no_step():
    machine = Machine()
    clock = machine.clock()
    machine.wall += STEP_MS
    clock.now()
    assert clock.offset == 0
    machine.wall += 1
    clock.now()
    assert clock.offset == -STEP_MS - 1


def test_a_pause_between_two_readings_is_no_step():
    machine = Machine()
    paused = False

    def wall() -> int:
        nonlocal paused
        late, paused = 5 * STEP_MS * paused, False
        return machine.wall + late

    clock = SystemClock(wall=wall, since_boot=lambda: machine.up)
    machine.wall += 3
    paused = True
    clock.now()
    assert not paused
    assert clock.offset == 0


@pytest.mark.parametrize("by", [DAY, -DAY, 10 * YEAR, -10 * YEAR])
def test_an_engine_of_the_same_boot_goes_on_exactly_whatever_was_set_meanwhile(by: int):
    machine = Machine()
    saved = machine.clock().saved()
    machine.passes(60_000)
    machine.wall += by
    clock = machine.clock(saved)
    assert clock.now() == saved.now + 60_000
    assert clock.offset == -by


def rebooted(saved: SavedTime) -> SavedTime:
    return SavedTime(now=saved.now, offset=saved.offset, boot_at=saved.boot_at, boot_id="an earlier boot")


def test_over_a_reboot_time_goes_on_by_the_wall_clock():
    machine = Machine()
    first = machine.clock()
    machine.wall -= DAY
    first.now()
    saved = rebooted(first.saved())
    machine.reboots(off=90_000)
    clock = machine.clock(saved)
    assert clock.now() == saved.now + 90_000
    assert clock.offset == DAY


def test_a_clock_that_lost_its_battery_does_not_take_time_back():
    machine = Machine()
    saved = rebooted(machine.clock().saved())
    machine.reboots()
    machine.wall = 0
    clock = machine.clock(saved)
    assert clock.now() == saved.now
    machine.passes(1_000)
    assert clock.now() == saved.now + 1_000, "it does not stand still until the old time is reached"
    machine.wall = saved.now + 2_000
    assert clock.now() == saved.now + 1_000
    assert clock.offset == -1_000


def test_the_clocks_of_this_machine_are_read():
    clock = SystemClock()
    assert abs(clock.now() - wall_ms()) <= STEP_MS
    saved = clock.saved()
    assert saved.boot_id == host.boot_id()
    assert abs(saved.boot_at + boot_ms() - clock.now()) <= STEP_MS


class Wall:
    """The wall clock as APScheduler and the alarms see it, so many ms beside the true one."""

    def __init__(self) -> None:
        self.by = 0

    def ms(self) -> int:
        return wall_ms() + self.by


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()

    class Set(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(wall.ms() / 1000, tz or UTC)

    monkeypatch.setattr(alarms_module, "datetime", Set)
    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Set)
    return wall


@pytest.mark.parametrize("by", [DAY, -DAY, YEAR, -YEAR, 20 * YEAR, -20 * YEAR])
async def test_alarms_keep_their_time_through_a_step(wall: Wall, by: int):
    clock = SystemClock(wall=wall.ms)
    alarms = SchedulerAlarms(clock)
    loop = asyncio.get_running_loop()
    rung: list[str] = []
    over = loop.create_future()
    repeated = 0

    def repeat() -> None:
        nonlocal repeated
        repeated += 1

    def ring(name: str) -> None:
        rung.append(name)
        if name == "due":
            over.set_result(None)

    alarms.arm("far", clock.now() + DAY // 2, lambda: ring("far"))
    alarms.arm("due", clock.now() + 300, lambda: ring("due"))
    alarms.every("tick", 0.1, repeat)
    await ticks(1)
    wall.by = by
    begun = clock.now()
    await within(over, "the alarm rings")
    assert clock.now() - begun >= 200
    assert rung == ["due"], "a step forward brings nothing that is not due"
    assert repeated <= 30, "nothing catches up on what it never missed"
    alarms.stop()


async def test_a_retry_is_due_by_engine_time_and_shown_by_the_wall_clock(house: House):
    job = await house.submit(task("a", "fail", retry={"max_attempts": 2, "base": "10s", "jitter": "none"}))
    await house.reach(job, "a", "retrying")
    house.clock.set_wall(-DAY)
    house.clock.advance(seconds=5)
    await house.settle()
    house.engine.journal.wake()
    await house.settle()
    (number,) = house.rows("SELECT id FROM task")[0]
    shown = await house.control.task(number)
    assert shown.task.retry_at == house.clock.wall + 5_000
    house.steer.release()
    house.clock.advance(seconds=5)
    await house.until(lambda: len(house.steer.started) == 2, "the retry starts when it is due")


async def test_an_engine_without_work_names_a_step(house: House):
    # A sample of health would name it as well.
    house.engine.upkeep.janitor._health_at = house.clock.now() + YEAR
    house.clock.set_wall(YEAR)
    house.clock.advance(seconds=20)
    await house.until(
        lambda: house.rows("SELECT data FROM event WHERE kind = 'clock.stepped'"),
        "the step is in the history",
    )
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'clock.stepped'") == [(1,)]


async def test_an_alarm_that_no_date_can_tell_is_kept_and_may_be_moved() -> None:
    clock = SystemClock()
    alarms = SchedulerAlarms(clock)
    rang = asyncio.Event()
    alarms.arm("due", 2**63 - 1, rang.set)
    await ticks(3)
    assert not rang.is_set()
    alarms.arm("due", clock.now() + 50, rang.set)
    try:
        await within(rang.wait(), "the alarm rings")
    finally:
        alarms.stop()


async def test_an_alarm_that_is_armed_again_as_it_rings_is_not_lost() -> None:
    clock = SystemClock()
    alarms = SchedulerAlarms(clock)
    rang = asyncio.Event()
    alarms.arm("due", clock.now(), lambda: alarms.arm("due", clock.now(), rang.set))
    try:
        await within(rang.wait(), "the alarm rings again")
    finally:
        alarms.stop()


@pytest.mark.parametrize("by", [DAY, -DAY])
async def test_a_step_between_a_look_at_the_clock_and_the_timer_delays_nothing(wall: Wall, by: int) -> None:
    clock = SystemClock(wall=wall.ms)
    alarms = SchedulerAlarms(clock)
    rang = asyncio.Event()
    await ticks(1)
    alarms.arm("due", clock.now() + 100, rang.set)
    # The scheduler computes how long to wait in a later turn of the loop.
    wall.by = by
    try:
        await within(rang.wait(), "the alarm rings")
    finally:
        alarms.stop()
