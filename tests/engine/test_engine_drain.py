"""Tests of drain: no new claims; a stop or kill overtakes it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.model.commands.work import StopMode
from core.model.errors import Bug
from tests.support.house import House, script, task
from tests.support.waiting import ticks, within

SLEEPER = 'echo "$$" >"$FLAG"; until test -e "$FLAG.end"; do sleep 0.02; done'


def sleeper(house: House, key: str, **more: Any) -> tuple[dict[str, Any], Path]:
    flag = house.paths.home / f"{key}.flag"
    made = script(key, SLEEPER, **more)
    made["with"]["env"] = {"FLAG": str(flag)}
    return made, flag


def end(flag: Path) -> None:
    flag.with_suffix(".flag.end").touch()


def alive(flag: Path) -> bool:
    try:
        return Path(f"/proc/{flag.read_text().strip()}/stat").read_text().split()[2] not in "ZX"
    except FileNotFoundError:
        return False


def began(flag: Path) -> object:
    return flag.exists() and flag.read_text().strip()


async def begin_to_drain(house: House) -> None:
    house.engine.stop(StopMode.DRAIN)
    await house.settle()
    await ticks(20)


async def test_a_drain_waits_for_calls_and_children_and_claims_nothing_more(empty_house: House):
    house = empty_house
    await house.open(slots=2)
    made, flag = sleeper(house, "child", priority=9)
    job = await house.submit(made, task("call", "block", priority=9), task("later"))
    await house.until(lambda: began(flag), "the child runs")
    await house.running("call")
    await begin_to_drain(house)
    assert house.engine.info().state == "draining"
    house.steer.release("call")
    await house.reach(job, "call", "succeeded")
    assert not house.engine._stopped.is_set(), "the child still runs"
    end(flag)
    await within(house.engine.stopped(), "the engine ends with the last of them")
    assert house.states(job) == {"child": "succeeded", "call": "succeeded", "later": "queued"}


async def test_a_drain_that_is_over_is_a_stop(house: House):
    await house.finish(task("a"))
    house.engine.stop(StopMode.DRAIN)
    assert not house.engine.stopping
    await within(house.engine.stopped(), "the engine ends")
    assert (house.engine.stopping, house.engine.info().state) == (True, "stopping")


async def test_no_grace_passes_in_a_drain(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    await begin_to_drain(house)
    house.clock.advance(seconds=300)
    await ticks(20)
    assert house.states(job) == {"a": "running"}
    house.steer.release("a")
    await within(house.engine.stopped(), "the engine ends")
    assert house.attempts(job, "a") == ["succeeded"]


async def test_an_engine_at_rest_ends_at_once(house: House):
    await house.finish(task("a"))
    house.engine.stop(StopMode.DRAIN)
    await within(house.engine.stopped(), "nothing has to run out")
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'engine.stopped'") == [(1,)]


async def test_verbs_and_submits_work_while_it_drains_and_are_for_the_next_engine(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    await begin_to_drain(house)
    late = await house.submit(task("x"))
    held = await house.control.hold(house.target(late, "x"))
    assert held.changed == 1
    assert not house.engine.stopping, "a draining engine still answers"
    house.steer.release("a")
    await within(house.engine.stopped(), "the engine ends")
    assert house.states(job) == {"a": "succeeded", "b": "queued"}
    assert house.states(late) == {"x": "held"}
    await house.open()
    assert (await house.ended(job)).status == "succeeded"


async def test_tasks_that_wait_for_their_next_attempt_are_not_waited_for(house: House):
    job = await house.submit(task("a", "fail", retry={"max_attempts": 2, "base": "10m", "jitter": "none"}))
    await house.reach(job, "a", "retrying")
    house.engine.stop(StopMode.DRAIN)
    await within(house.engine.stopped(), "the engine ends")
    assert house.states(job) == {"a": "retrying"}


async def test_a_running_task_can_be_cancelled_while_it_drains(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    await begin_to_drain(house)
    await house.control.cancel(house.target(job, "a"))
    await within(house.engine.stopped(), "the engine ends with it")
    assert house.states(job) == {"a": "cancelled"}


async def test_a_stop_overtakes_a_drain_and_leaves_the_children(house: House):
    made, flag = sleeper(house, "child")
    job = await house.submit(made, task("call", "block"))
    await house.until(lambda: began(flag), "the child runs")
    await house.running("call")
    await begin_to_drain(house)
    house.engine.stop(StopMode.STOP)
    assert house.engine.info().state == "stopping"
    await house.until(lambda: 10_000 in house.clock.pending(), "the grace of the call runs")
    house.clock.advance(seconds=10)
    await within(house.engine.stopped(), "the engine ends without the child")
    assert house.attempts(job, "call") == ["interrupted"]
    assert house.attempts(job, "child") == ["running"]
    assert alive(flag)
    await house.open()
    end(flag)
    await house.reach(job, "child", "succeeded")


async def test_a_kill_overtakes_a_drain_and_ends_the_children(house: House):
    made, flag = sleeper(house, "child")
    job = await house.submit(made)
    await house.until(lambda: began(flag), "the child runs")
    await begin_to_drain(house)
    house.engine.stop(StopMode.KILL)
    await within(house.engine.stopped(), "the engine ends")
    assert house.attempts(job, "child") == ["interrupted"]
    await house.until(lambda: not alive(flag), "the child is gone")


async def test_a_kill_overtakes_a_stop_that_still_waits_for_calls(house: House):
    made, flag = sleeper(house, "child")
    job = await house.submit(made, task("call", "block"))
    await house.until(lambda: began(flag), "the child runs")
    await house.running("call")
    house.engine.stop()
    await house.until(lambda: 10_000 in house.clock.pending(), "the grace of the call runs")
    house.engine.stop(StopMode.KILL)
    house.steer.release("call")
    await within(house.engine.stopped(), "the engine ends")
    assert house.attempts(job, "child") == ["interrupted"]
    await house.until(lambda: not alive(flag), "the child is gone")


@pytest.mark.parametrize("softer", [StopMode.DRAIN, StopMode.STOP])
async def test_a_softer_word_takes_nothing_back(house: House, softer: StopMode):
    made, flag = sleeper(house, "child")
    job = await house.submit(made, task("call", "block"))
    await house.until(lambda: began(flag), "the child runs")
    await house.running("call")
    house.engine.stop(StopMode.KILL)
    house.engine.stop(softer)
    assert house.engine.info().state == "stopping"
    house.steer.release("call")
    await within(house.engine.stopped(), "the engine ends")
    assert house.attempts(job, "child") == ["interrupted"]


async def test_a_failure_in_a_drain_ends_the_engine_without_grace(house: House):
    await house.submit(task("a", "block"))
    await house.running("a")
    await begin_to_drain(house)
    house.engine.fail(Bug("odd.bug", "something broke"))
    with pytest.raises(Bug):
        await within(house.engine.stopped(), "the engine ends with its failure")


async def test_who_waits_for_a_job_that_a_drain_leaves_is_told_at_the_end(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    waiting = asyncio.ensure_future(house.control.wait_job(job))
    await begin_to_drain(house)
    assert not waiting.done()
    house.steer.release("a")
    await within(house.engine.ended(), "the engine ends")
    await asyncio.wait([waiting])
    error = waiting.exception()
    assert error is not None
    assert error.code == "engine.lost"  # type: ignore[attr-defined]
