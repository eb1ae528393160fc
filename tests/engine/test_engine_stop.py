"""Tests of stop: no new claims, graces, children left or killed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from core.model.commands.work import StopMode
from core.model.errors import Unavailable
from core.model.records import replace
from core.model.values import JsonObject
from tests.support.house import House, script, task
from tests.support.waiting import ticks, until, within

SLEEPER = 'echo "$$" >"$FLAG"; exec sleep 300'


def sleeper(house: House, key: str, text: str = SLEEPER, **more: object) -> tuple[dict, Path]:
    flag = house.paths.home / f"{key}.flag"
    made = script(key, text, **more)
    made["with"]["env"] = {"FLAG": str(flag)}
    return made, flag


def alive(flag: Path) -> bool:
    try:
        return Path(f"/proc/{flag.read_text().strip()}/stat").read_text().split()[2] not in "ZX"
    except FileNotFoundError:
        return False


async def test_a_stop_waits_for_inline_calls_within_their_grace(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    house.engine.stop()
    await house.until(lambda: 10_000 in house.clock.pending(), "the grace runs")
    house.clock.advance(seconds=9)
    await ticks(20)
    assert not house.engine._stopped.is_set()
    house.steer.release("a")
    await within(house.engine.stopped(), "the engine stops as soon as its last call ended")
    assert house.states(job) == {"a": "succeeded", "b": "queued"}
    assert house.steer.started == ["a"]


async def test_inline_calls_beyond_their_grace_are_interrupted_and_queued_again(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    house.engine.stop()
    await house.until(lambda: 10_000 in house.clock.pending(), "the grace runs")
    house.clock.advance(seconds=10)
    await within(house.engine.stopped(), "the engine stops after the grace")
    assert house.states(job) == {"a": "queued"}
    assert house.attempts(job, "a") == ["interrupted"]
    assert house.history(job, "a")[-1] == "task.interrupted"
    house.steer.release()
    await house.open()
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT tries, losses FROM task WHERE job_id = ?", job) == [(0, 0)]


async def test_a_call_that_ignores_every_request_does_not_keep_the_engine(house: House):
    job = await house.submit(task("a", "stubborn"))
    await house.running("a")
    await house.stop()
    assert house.attempts(job, "a") == ["interrupted"]
    assert house.steer.cancelled, "it was asked"


@pytest.mark.parametrize(
    ("how", "left"),
    # A kill may come before the child has begun: then nothing ran, and its start is called back.
    [(StopMode.STOP, {"running"}), (StopMode.KILL, {"interrupted", "bounced"})],
)
async def test_a_stop_in_the_moment_before_a_child_starts_does_not_wait_for_its_end(
    house: House, monkeypatch: pytest.MonkeyPatch, how: StopMode, left: set[str]
):
    scopes = house.engine.runner._tools.scopes
    asked, go_on = asyncio.Event(), asyncio.Event()
    whole = scopes.scope

    async def slow(*said: Any, **more: Any) -> JsonObject:
        asked.set()
        await go_on.wait()
        return await whole(*said, **more)

    monkeypatch.setattr(scopes, "scope", slow)
    made, _ = sleeper(house, "a")
    made["with"]["env"]["JOB"] = "${{ string(job.id) }}"
    job = await house.submit(made)
    await within(asked.wait(), "its input is being made")
    house.engine.stop(how)
    await house.until(lambda: 10_000 in house.clock.pending(), "the grace runs")
    go_on.set()
    await within(house.engine.stopped(), "the engine ends and leaves the child, or kills it")
    (status,) = house.attempts(job, "a")
    assert status in left


async def test_what_is_claimed_while_the_stop_begins_is_not_lost(house: House):
    job = await house.submit(task("gate", "block"), *[task(f"t{n}", "block", "gate") for n in range(3)])
    await house.running("gate")
    house.steer.release("gate")
    await house.until(lambda: not house.steer.active["gate"], "the gate ended")
    house.engine.stop()
    await house.stop()
    assert house.open_attempts() == 0
    assert set(house.states(job).values()) == {"succeeded", "queued"}
    assert all("lost" not in house.attempts(job, f"t{n}") for n in range(3))


async def test_a_stop_at_any_moment_of_a_claim_leaves_no_open_inline_attempt(empty_house: House):
    house = empty_house
    for moment in range(0, 24, 2):
        engine = await house.open()
        submitting = asyncio.ensure_future(house.submit(task("a", "block"), name=f"at-{moment}"))
        await ticks(moment)
        engine.stop()
        await house.stop(engine)
        await asyncio.wait([submitting])
        submitting.exception()
        assert house.open_attempts() == 0, f"after {moment} turns of the loop"
    assert house.rows("SELECT count(*) FROM attempt WHERE status = 'lost'") == [(0,)]


async def test_children_outlive_a_stop_and_are_adopted(house: House):
    made, flag = sleeper(
        house, "a", 'echo "$$" >"$FLAG"; until test -e "$FLAG.end"; do sleep 0.02; done; exit 7'
    )
    job = await house.submit(made)
    await house.until(lambda: flag.exists() and flag.read_text().strip(), "the child runs")
    await house.stop()
    assert alive(flag)
    assert house.attempts(job, "a") == ["running"]
    await house.open()
    assert house.engine.info().running == 1, "an adopted child takes its slot"
    flag.with_suffix(".flag.end").touch()
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["failed"]
    assert (await house.look(job, "a")).task.error["facts"] == {"exit": 7}


async def test_a_child_that_ended_while_no_engine_ran_is_completed_from_its_status(house: House):
    made, flag = sleeper(house, "a", 'until test -e "$FLAG"; do sleep 0.02; done; echo said')
    job = await house.submit(made)
    pid = house.paths.output / str(house.task_id(job, "a")) / "1" / "pid"
    await house.until(pid.exists, "the child runs")
    await house.stop()
    flag.touch()
    await house.until((pid.parent / "status").exists, "it ends by itself")
    await house.open()
    assert (await house.ended(job)).status == "succeeded"
    assert (await house.look(job, "a")).output["text"] == "said\n"


async def test_an_adopted_child_keeps_what_is_left_of_its_timeout(house: House):
    made, flag = sleeper(house, "a", timeout="10m")
    job = await house.submit(made)
    await house.until(lambda: flag.exists() and flag.read_text().strip(), "the child runs")
    await house.stop()
    house.clock.advance(minutes=9)
    await house.open()
    house.clock.advance(minutes=1)
    await house.ended(job)
    assert house.attempts(job, "a") == ["timed_out"]


async def test_stop_kill_ends_children_and_closes_them_interrupted(house: House):
    made, flag = sleeper(house, "a")
    job = await house.submit(made)
    await house.until(lambda: flag.exists() and flag.read_text().strip(), "the child runs")
    await house.stop(kill=True)
    await house.until(lambda: not alive(flag), "the child is gone")
    assert house.attempts(job, "a") == ["interrupted"]
    assert house.states(job) == {"a": "queued"}


async def test_a_stop_cuts_the_grace_of_a_cancelled_child_which_is_never_interrupted(house: House):
    made, flag = sleeper(house, "a", "trap '' TERM; " + 'echo "$$" >"$FLAG"; while :; do sleep 1; done')
    job = await house.submit(made)
    await house.until(lambda: flag.exists() and flag.read_text().strip(), "the child runs")
    await house.control.cancel(house.target(job, "a"))
    house.engine.stop()
    await within(house.engine.stopped(), "the engine stops without any time passing")
    assert house.attempts(job, "a") == ["cancelled"]
    assert house.states(job) == {"a": "cancelled"}
    await house.until(lambda: not alive(flag), "the child is gone")


async def test_a_second_stop_changes_nothing(house: House):
    await house.submit(task("a", "block"))
    await house.running("a")
    house.engine.stop()
    house.engine.stop(StopMode.KILL)
    await house.stop()
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'engine.stopped'") == [(1,)]


async def test_a_stopped_engine_refuses_commands_and_waits(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    waiting = asyncio.ensure_future(house.control.wait_job(job))
    tasks_waiting = asyncio.ensure_future(house.control.wait_tasks([house.task_id(job, "a")]))
    await ticks(20)
    await house.stop()
    for waiter in (waiting, tasks_waiting):
        with pytest.raises(Unavailable) as caught:
            await within(waiter, "who waits is told")
        assert caught.value.code == "engine.lost"
    for work in (house.submit(task("b")), house.control.wait_job(job), house.control.wait_tasks([1])):
        with pytest.raises(Unavailable):
            await within(work, "a stopped engine answers")


async def test_a_stop_leaves_no_thread_timer_or_task_behind(empty_house: House):
    before = {thread.name for thread in threading.enumerate()}
    await empty_house.open()
    await empty_house.finish(task("a"), script("b", "exit 0"))
    await empty_house.stop()
    await until(lambda: len(asyncio.all_tasks()) == 1, f"no task is left: {asyncio.all_tasks()}")
    names = {thread.name for thread in threading.enumerate()} - before
    assert not {name for name in names if "taskdeck" in name}
    assert empty_house.engine._ports.alarms.armed == {}  # type: ignore[attr-defined]
    assert empty_house.paths.db.exists()


async def test_a_stop_ends_what_reads_beside_the_work_and_leaves_no_connection(house: House):
    reading = house.engine.upkeep.retention._ports.facts
    begun, ended = asyncio.Event(), asyncio.Event()

    class Slow:
        async def state(self) -> None:
            async with house.engine._readers._own.snapshot():
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.set()

        def __getattr__(self, name: str) -> object:
            return getattr(reading, name)

    ports = replace(house.engine.upkeep.retention._ports, facts=Slow())
    house.engine.upkeep.retention._ports = ports
    await house.until(lambda: house.engine.upkeep.retention._running.done(), "the first look is over")
    house.engine.upkeep.retention.look()
    await within(begun.wait(), "retention reads")
    house.engine.stop()
    await within(house.engine.stopped(), "it stops all the same")
    assert ended.is_set()
    assert not house.engine._readers._own._lent
