"""Tests of lost attempts, bounces and fenced engines."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from core.connectors.registry import Registry
from core.control.api import Target
from core.model.errors import TaskdeckError
from tests.support.house import House, script, task
from tests.support.waiting import ticks, within


async def take_over(house: House, **settings: object) -> None:
    """Let another engine take the store, as after a crash of the first, whose next write is refused."""
    former = house.engine
    await house.open(**settings)
    former.journal.wake()
    await house.until(lambda: former.failure is not None, "the former engine is fenced")
    await within(house.stop(former), "the fenced engine stops")


async def test_an_inline_attempt_of_a_dead_engine_is_lost_and_runs_again_at_once(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    await take_over(house)
    house.steer.release("a")
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["lost", "succeeded"]
    assert "attempt.lost" in house.history(job, "a")


async def test_on_loss_fail_ends_the_task_with_the_first_loss(house: House):
    job = await house.submit(task("a", "block", on_loss="fail"))
    await house.running("a")
    await take_over(house)
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "a") == "attempt.lost"


async def test_on_loss_ask_holds_the_task_until_the_operator_decides(house: House):
    job = await house.submit(task("a", "block", on_loss="ask"), task("b", "block", on_loss="ask"))
    await house.running("a", "b")
    await take_over(house)
    await house.settle()
    assert house.states(job) == {"a": "held", "b": "held"}
    assert house.attempts(job, "a") == ["lost"]
    house.steer.release()
    await house.control.unhold(house.target(job, "a"))
    await house.control.retry(house.target(job, "b"))
    assert (await house.ended(job)).status == "succeeded"


async def test_a_task_under_which_three_engines_died_is_given_up(house: House):
    job = await house.submit(task("poison", "block"))
    for loss in range(3):
        await house.until(
            lambda loss=loss: len(house.steer.contexts["poison"]) == loss + 1, "the poison task runs"
        )
        await take_over(house)
        house.clock.advance(minutes=10)
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "poison") == ["lost"] * 3
    assert await house.code(job, "poison") == "attempt.lost"


async def test_losses_do_not_count_against_the_attempts_of_a_policy(house: House):
    job = await house.submit(task("a", "block", steer={"then": "fail"}))
    await house.running("a")
    await take_over(house)
    await house.running("a")
    house.steer.release("a")
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["lost", "failed"]


async def test_a_fenced_engine_stops_and_writes_nothing_more(house: House):
    job = await house.submit(task("a", "block"), task("fence", "block"))
    await house.running("a", "fence")
    former = house.engine
    waiting = asyncio.ensure_future(former.wait_job(job))
    await ticks(20)
    await take_over(house)
    with pytest.raises(TaskdeckError) as caught:
        await former.stopped()
    assert caught.value.code == "engine.fenced"
    with pytest.raises(TaskdeckError):
        await within(waiting, "who waits at the fenced engine is told")
    with pytest.raises(TaskdeckError):
        await former.submit({"name": "late", "tasks": [task("x")]})
    house.steer.release()
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'engine.stopped'") == [(0,)]


async def test_a_stop_that_was_asked_for_before_the_crash_ends_the_lost_attempt_cancelled(house: House):
    job = await house.submit(
        task("a", "stubborn", on_loss="ask"), task("b", "block"), on_task_failure="finish"
    )
    await house.running("a", "b")
    await house.control.cancel(house.target(job, "a"))
    await take_over(house)
    await house.reach(job, "a", "cancelled")
    await house.control.cancel(Target(job_id=job))
    assert (await house.ended(job)).status == "cancelled"


async def occupy(house: House, task_id: int, epochs: range) -> None:
    for epoch in epochs:
        directory = house.paths.output / str(task_id) / str(epoch)
        directory.mkdir(parents=True)
        (directory / "out").touch()


async def test_a_failed_hand_off_bounces_and_is_tried_again_at_once(house: House):
    queued = await house.submit(task("gate", "block"), script("a", "exit 0", "gate"))
    await occupy(house, house.task_id(queued, "a"), range(1, 3))
    house.steer.release("gate")
    assert (await house.ended(queued)).status == "succeeded"
    assert house.attempts(queued, "a") == ["bounced", "bounced", "succeeded"]
    assert house.history(queued, "a").count("task.bounced") == 2


async def test_a_task_that_bounces_too_often_is_given_up(house: House):
    job = await house.submit(task("gate", "block"), script("a", "exit 0", "gate"))
    await occupy(house, house.task_id(job, "a"), range(1, 20))
    house.steer.release("gate")
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["bounced"] * 5
    assert await house.code(job, "a") == "attempt.bounced"


@pytest.mark.parametrize(
    ("on_loss", "end", "attempts"),
    [("retry", "failed", ["failed"]), ("fail", "failed", ["lost"]), ("ask", "held", ["lost"])],
)
async def test_a_child_whose_wrapper_is_killed_fails_as_by_the_signal_or_is_lost(
    house: House, on_loss: str, end: str, attempts: list[str]
):
    text = 'test -e "$FLAG" && exit 0; touch "$FLAG"; exec sleep 300'
    flag = str(house.paths.home / "flag")
    job = await house.submit(
        {
            "key": "a",
            "uses": "shell",
            "on_loss": on_loss,
            "with": {"script": text, "env": {"FLAG": flag}},
        }
    )
    await house.until(Path(flag).exists, "the child runs")
    directory = house.paths.output / str(house.task_id(job, "a")) / "1"
    wrapper = int((directory / "pid").read_text().split()[0])
    os.kill(wrapper, signal.SIGKILL)
    if on_loss == "ask":
        await house.settle()
        assert house.states(job) == {"a": "running"}, "what lives on keeps its slot and is watched"
        await end_family(house, wrapper)
    await house.reach(job, "a", end)
    assert house.attempts(job, "a") == attempts


async def end_family(house: House, session: int) -> None:
    os.killpg(session, signal.SIGKILL)


async def test_a_command_that_removes_its_files_runs_once(house: House):
    ran = house.paths.home / "ran"
    text = f'echo x >>{ran}; rm -rf "$TASKDECK_DIR"; exit 0'
    assert (await house.finish(script("a", text))).status == "succeeded"
    job = await house.submit(script("a", f"echo x >>{ran}; rm -rf {house.paths.output}; kill -9 $PPID"))
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["failed"]
    assert await house.code(job, "a") == "shell.exit"
    assert ran.read_text() == "x\n" * 2


async def test_what_a_connector_that_is_not_there_any_more_started_is_looked_for(house: House):
    """Its process may live on: it is not lost because nothing here knows what made it."""
    go = house.paths.home / "go"
    os.mkfifo(go)
    job = await house.submit(script("a", f"echo x >>{go}.ran; read line <{go}"))
    await house.until(Path(f"{go}.ran").exists, "the child runs")
    former = house.engine
    registry = house.registry
    house.registry = lambda: Registry([house.steer])
    await take_over(house)
    house.registry = registry
    assert house.states(job) == {"a": "running"}
    assert house.engine.runner.count == 1
    await asyncio.to_thread(go.write_text, "x\n")
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["failed"]
    assert former is not house.engine
