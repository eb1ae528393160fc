"""Tests of claim order: priority, fairness, slots, large jobs, verdicts."""

from __future__ import annotations

import pytest

from core.control.api import Target
from core.model.errors import Unavailable
from core.model.task_specs import TaskSpec
from tests.support.house import House, task


async def queued_behind(house: House, *jobs: list[dict], **more: object) -> list[int]:
    """Queue jobs while the only slot is taken, so that they are chosen from all at once."""
    await house.open(slots=1)
    await house.submit(task("gate", "block"))
    await house.running("gate")
    ids = [await house.submit(*tasks, name=f"job-{n}") for n, tasks in enumerate(jobs)]
    await house.settle()
    house.steer.release("gate")
    for job in ids:
        await house.ended(job)
    return ids


async def test_a_higher_priority_starts_first_and_equals_in_their_order(empty_house: House):
    tasks = [task(f"p{p}_{n}", priority=p) for n, p in enumerate((0, 5, 100, 5, 0))]
    await queued_behind(empty_house, tasks)
    assert empty_house.steer.started == ["gate", "p100_2", "p5_1", "p5_3", "p0_0", "p0_4"]


async def test_jobs_of_one_level_take_turns(empty_house: House):
    await queued_behind(empty_house, [task(f"a{n}") for n in range(4)], [task(f"b{n}") for n in range(4)])
    started = empty_house.steer.started[1:]
    assert started == ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3"]


async def test_waiting_raises_a_task_above_newer_ones_of_a_higher_priority(empty_house: House):
    house = empty_house
    await house.open(slots=1, aging_step=60_000)
    await house.submit(task("gate", "block"))
    await house.running("gate")
    old = await house.submit(task("old"))
    house.clock.advance(minutes=6)
    new = await house.submit(task("new", priority=5))
    house.steer.release("gate")
    await house.ended(old)
    await house.ended(new)
    assert house.steer.started == ["gate", "old", "new"]


@pytest.mark.parametrize("slots", [1, 3])
async def test_no_more_than_the_slots_run_at_once(empty_house: House, slots: int):
    house = empty_house
    await house.open(slots=slots)
    job = await house.submit(*[task(f"t{n}", "block") for n in range(3 * slots)])
    for done in range(3 * slots):
        await house.until(lambda: house.steer.active.total() > 0, "something runs")
        await house.settle()
        assert house.engine.info().running == house.open_attempts() <= slots
        house.steer.release(house.steer.started[done])
    assert (await house.ended(job)).status == "succeeded"
    assert house.steer.peak == slots


async def test_one_then_a_thousand_then_one(house: House):
    wide = [task(f"w{n}", "succeed", "first") for n in range(1_000)]
    job = await house.submit(task("first"), *wide, task("last", "succeed", *[t["key"] for t in wide]))
    result = await house.ended(job)
    assert (result.status, result.tasks) == ("succeeded", {"succeeded": 1_002})
    assert (house.steer.started[0], house.steer.started[-1]) == ("first", "last")
    assert house.steer.peak <= 4


async def test_a_long_chain_runs_in_its_order(house: House):
    chain = [task("t0"), *[task(f"t{n}", "succeed", f"t{n - 1}") for n in range(1, 100)]]
    assert (await house.finish(*chain)).status == "succeeded"
    assert house.steer.started == [f"t{n}" for n in range(100)]


@pytest.mark.parametrize("number", [300, 2_300])
async def test_a_verdict_ends_all_that_has_not_started_in_bites(house: House, number: int):
    rest = [task(f"t{n}", "succeed", "gate") for n in range(number)]
    job = await house.submit(task("bad", "block", steer={"then": "fail"}), task("gate", "block"), *rest)
    await house.running("bad", "gate")
    house.steer.release("bad")
    result = await house.ended(job)
    assert (result.status, result.tasks) == ("failed", {"failed": 1, "cancelled": number + 1})
    assert result.reason == "task bad failed"
    assert sorted(house.steer.started) == ["bad", "gate"]


async def test_finish_drains_the_open_stage_and_opens_no_other(house: House):
    stages = [
        {
            "name": "one",
            "tasks": [task("bad", "fail"), task("slow", "block"), task("after", "succeed", "slow")],
        },
        {"name": "two", "tasks": [task("never")]},
    ]
    job = await house.submit(stages=stages, on_task_failure="finish")
    await house.reach(job, "bad", "failed")
    house.steer.release("slow")
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {
        "bad": "failed",
        "slow": "succeeded",
        "after": "succeeded",
        "never": "cancelled",
    }


async def test_continue_opens_the_next_stage_after_a_failure(house: House):
    stages = [{"name": "one", "tasks": [task("bad", "fail")]}, {"name": "two", "tasks": [task("good")]}]
    assert (await house.finish(stages=stages, on_task_failure="continue")).status == "succeeded"


async def test_a_late_success_does_not_change_the_verdict(house: House):
    job = await house.submit(task("bad", "block", steer={"then": "fail"}), task("slow", "stubborn"))
    await house.running("bad", "slow")
    house.steer.release("bad")
    await house.until(lambda: house.steer.cancelled, "the slow one is asked to stop")
    house.steer.release("slow")
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"bad": "failed", "slow": "succeeded"}


async def test_loose_tasks_end_alone(house: House):
    specs = [TaskSpec(uses="steer", with_={"do": do}) for do in ("succeed", "fail", "succeed")]
    ids = await house.control.enqueue(specs, group="batch")
    assert await house.control.wait_tasks(ids) == {"succeeded": 2, "failed": 1}
    assert house.job_status(1) == "running"


async def test_an_engine_that_does_not_dispatch_admits_and_starts_nothing(empty_house: House):
    house = empty_house
    await house.open(dispatch=False)
    job = await house.submit(task("a"), task("b"))
    await house.control.cancel(house.target(job, "b"))
    await house.settle()
    assert house.states(job) == {"a": "queued", "b": "cancelled"}
    assert house.engine._ports.alarms.armed == {}  # type: ignore[attr-defined]
    await house.stop()
    await house.open()
    assert (await house.ended(job)).status == "cancelled"
    assert house.steer.started == ["a"]


async def test_more_stops_than_slots_free_them_all(house: House):
    for _ in range(3):
        job = await house.submit(*[task(f"t{n}", "block") for n in range(4)])
        await house.running("t0", "t1", "t2", "t3")
        await house.control.cancel(Target(job_id=job))
        await house.ended(job)
    assert house.engine.info().running == 0
    with pytest.raises(Unavailable):
        await house.stop()
        await house.submit(task("late"))
