"""An engine measures itself and its machine."""

from __future__ import annotations

import json

import pytest

from core.engine.monitoring import machine
from core.engine.monitoring.loop_watch import Blocked
from core.engine.monitoring.measures import CALM
from core.model.health import HealthState, Measure
from tests.support.house import House

GIB = 2**30


class Machine:
    """A machine whose measures the test sets."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.values: dict[Measure, float] = {Measure.DISK: 9.0 * GIB, Measure.MEMORY: 0.5}
        house.measure = lambda _: dict(self.values)

    async def passes(self, *, times: int = 1) -> None:
        """Let samples be taken."""
        health, running = self.house.engine.health, self.house.engine.upkeep.janitor._running
        for _ in range(times):
            before = health._sampled_at
            while health._sampled_at == before:
                self.house.clock.advance(seconds=5)
                await self.house.settle()
                await running["health"]
            await self.house.settle()

    @property
    def told(self) -> list[dict]:
        rows = self.house.rows("SELECT json(data) FROM event WHERE kind = 'engine.health' ORDER BY id")
        return [json.loads(data) for (data,) in rows]

    def state(self, measure: Measure) -> HealthState:
        views = {one.measure: one.state for one in self.house.engine.health.view().measures}
        return views[measure]


@pytest.fixture
async def box(empty_house: House) -> Machine:
    one = Machine(empty_house)
    await empty_house.open()
    await one.passes()
    return one


async def test_a_measure_past_its_line_is_told_at_once_and_better_after_a_while(box: Machine) -> None:
    assert box.told == []
    box.values[Measure.DISK] = GIB / 2
    await box.passes()
    (event,) = box.told
    assert (event["subject"], event["from"], event["state"]) == ("disk", "ok", "warning")
    assert (event["value"], event["soft"], event["hard"]) == (GIB / 2, GIB, GIB / 4)
    box.values[Measure.DISK] = 5.0 * GIB
    await box.passes(times=CALM - 1)
    assert box.state(Measure.DISK) is HealthState.WARNING
    await box.passes()
    assert [event["state"] for event in box.told] == ["warning", "ok"]


async def test_a_machine_that_does_as_before_writes_nothing(box: Machine) -> None:
    before = box.house.last_event()
    await box.passes(times=5)
    assert box.house.last_event() == before


async def test_the_worst_of_each_minute_is_remembered(box: Machine) -> None:
    for value in (0.9, 0.2, 0.8, 0.7, 0.6, 0.6, 0.6, 0.6):
        box.values[Measure.MEMORY] = value
        await box.passes()
    (memory,) = [one for one in box.house.engine.health.view().measures if one.measure is Measure.MEMORY]
    assert min(memory.trend) == 0.2
    assert len(memory.trend) <= 4


async def test_a_wall_clock_that_was_set_is_told_for_ten_minutes(box: Machine) -> None:
    box.house.clock.set_wall(-7_200_000)
    await box.passes()
    assert box.state(Measure.CLOCK) is HealthState.CRITICAL
    await box.passes(times=40 + CALM)
    assert box.state(Measure.CLOCK) is HealthState.OK


async def test_a_blocked_loop_is_an_event_with_its_stack_and_many_are_counted(box: Machine) -> None:
    health = box.house.engine.health
    for _ in range(3):
        health._blocked(Blocked(0.0, 0.7, ("a.py:1 in main", "a.py:2 in spin: spin()")))
    await box.house.settle()
    rows = box.house.rows("SELECT json(data) FROM event WHERE kind = 'engine.blocked'")
    assert [json.loads(data)["stack"][-1] for (data,) in rows] == ["a.py:2 in spin: spin()"]
    view = health.view()
    assert (view.blocks, view.block.ms) == (3, 700)


def test_this_machine_is_measured(tmp_path) -> None:
    paths = House(tmp_path / "home").paths
    found = machine.measure(paths)
    assert found[Measure.DISK] > 0
    assert 0 < found[Measure.MEMORY] < 1
    assert machine.resident_bytes() > 10**6
    assert machine.available_share("MemTotal: 200 kB\nMemFree: 1 kB\nMemAvailable: 50 kB\n") == 0.25
    assert machine.available_share("") is None


async def test_health_is_read_beside_the_engine(box: Machine) -> None:
    view = await box.house.control.health.now()
    assert (view.engine.state, view.checks, view.known is not None) == ("serving", (), True)


async def test_a_look_for_room_is_not_each_time_a_sample(box: Machine) -> None:
    sampled = box.house.engine.health._sampled_at
    for _ in range(7):
        box.house.clock.advance(seconds=1)
        await box.house.settle()
    assert box.house.engine.health._sampled_at == sampled
    await box.passes()
    assert box.house.engine.health._sampled_at > sampled
