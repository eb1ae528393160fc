"""Waits: before, during and after the end; cancelled callers leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from core.control.api import Target
from core.model.errors import Conflict, NotFound
from core.model.task_specs import TaskSpec
from tests.support.house import House, task
from tests.support.waiting import ticks, within


async def test_waits_that_begin_before_during_and_after_the_end_all_return(house: House):
    job = await house.submit(task("a", "block"))
    waits = [asyncio.ensure_future(house.control.wait_job(job))]
    await house.running("a")
    house.steer.release("a")
    while house.job_status(job) == "running":
        waits.append(asyncio.ensure_future(house.control.wait_job(job)))
        await ticks(1)
    waits.append(asyncio.ensure_future(house.control.wait_job(job)))
    results = await within(asyncio.gather(*waits), "every wait returns")
    assert {result.status for result in results} == {"succeeded"}
    assert_nobody_waits(house)


async def test_waits_for_tasks_count_each_once_and_ignore_unknown_ones(house: House):
    ids = await house.control.enqueue([TaskSpec(uses="steer") for _ in range(5)])
    counted = await within(house.control.wait_tasks([*ids, *ids, 10_000]), "the wait returns")
    assert counted == {"succeeded": 5}
    assert await house.control.wait_tasks([]) == {}
    assert_nobody_waits(house)


async def test_a_wait_that_finds_some_of_its_tasks_final_leaves_nothing_behind(house: House):
    job = await house.submit(task("a"), task("b", "block"))
    await house.reach(job, "a", "succeeded")
    ids = [house.task_id(job, key) for key in ("a", "b")]
    waiting = asyncio.ensure_future(house.control.wait_tasks([*ids, 10_000]))
    await house.until(lambda: house.engine.waiters._tasks, "somebody waits")
    await house.settle()
    house.steer.release("b")
    assert await within(waiting, "the wait returns") == {"succeeded": 2}
    assert_nobody_waits(house)
    await within(house.engine.waiters.until_none(), "nobody is attended to any more")


async def test_a_wait_sees_a_job_that_was_reopened_to_its_new_end(house: House):
    job = await house.submit(task("a", "fail", steer={"times": 1}))
    assert (await house.ended(job)).status == "failed"
    await house.control.retry(Target(job_id=job))
    assert (await house.ended(job)).status == "succeeded"


async def test_waits_for_what_never_ends_or_never_was_are_refused(house: House):
    with pytest.raises(Conflict):
        await house.control.wait_job(1)
    with pytest.raises(NotFound):
        await house.control.wait_job(99)
    assert_nobody_waits(house)


async def test_many_waits_for_one_job_are_all_told(house: House):
    job = await house.submit(task("a", "block"))
    waits = [asyncio.ensure_future(house.control.wait_job(job)) for _ in range(200)]
    await ticks(50)
    house.steer.release("a")
    await within(asyncio.gather(*waits), "all are told")
    assert_nobody_waits(house)


def assert_nobody_waits(house: House) -> None:
    waiters = house.engine.waiters
    assert not waiters._tasks
    assert not waiters._jobs


Caller = Callable[[House, int], Coroutine[Any, Any, object]]
DOCUMENT = {"name": "cut", "tasks": [task("a")]}
CALLERS: dict[str, Caller] = {
    "submit": lambda house, _: house.control.submit(DOCUMENT),
    "enqueue": lambda house, _: house.control.enqueue([TaskSpec(uses="steer")] * 3),
    "wait_job": lambda house, job: house.control.wait_job(job),
    "wait_tasks": lambda house, job: house.control.wait_tasks([house.task_id(job, "a")]),
    "cancel": lambda house, job: house.control.cancel(house.target(job, "b")),
    "pause": lambda house, _: house.control.pause(Target(queue="default")),
    "task": lambda house, job: house.look(job, "a"),
    "events": lambda house, _: house.control.events(),
}


@pytest.mark.parametrize("name", CALLERS)
async def test_a_caller_cancelled_at_any_await_leaves_nothing_behind(house: House, name: str):
    gate = await house.submit(task("a", "block"), task("b", "succeed", "a"), on_task_failure="finish")
    await house.running("a")
    known = asyncio.all_tasks()
    for turn in range(40):
        caller = asyncio.ensure_future(CALLERS[name](house, gate))
        await ticks(turn)
        over = caller.done()
        caller.cancel()
        await asyncio.wait([caller])
        if over:
            break
    await house.settle()
    assert_nobody_waits(house)
    await house.until(lambda: asyncio.all_tasks() <= known, f"no task is left: {asyncio.all_tasks() - known}")
    await house.control.resume(Target(queue="default"))
    house.steer.release("a")
    await house.ended(gate)
    await house.until(lambda: not house.rows("SELECT 1 FROM task WHERE status = 'queued'"), "all is claimed")
    await house.settle()
    assert house.open_attempts() == 0


async def test_what_a_cancelled_caller_asked_for_is_done_whole_or_not_at_all(house: House):
    for turn in range(12):
        caller = asyncio.ensure_future(house.control.enqueue([TaskSpec(uses="steer")] * 3))
        await ticks(turn)
        caller.cancel()
        await asyncio.wait([caller])
    await house.settle()
    ((number,),) = house.rows("SELECT count(*) FROM task")
    assert number % 3 == 0
    assert number > 0


async def test_idle_means_that_nothing_runs_waits_or_can_be_claimed(house: House):
    house.draws = [0.5]
    job = await house.submit(task("a", "fail", retry={"max_attempts": 2, "base": "2s"}, steer={"times": 1}))
    idle = asyncio.ensure_future(house.engine.wait_idle())
    await house.reach(job, "a", "retrying")
    await house.settle()
    assert not idle.done(), "a retry lies ahead"
    house.clock.advance(seconds=1)
    await within(idle, "the engine is idle at last")
    assert house.states(job) == {"a": "succeeded"}
