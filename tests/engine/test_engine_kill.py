"""Tests of kill: children that ignore signals, inline calls, restarts between."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from core import host
from core.control.api import Target
from core.executors.family import Family
from core.model.commands.work import Force
from tests.support.actors import by
from tests.support.house import House, script, task

STUBBORN = (
    "trap '' TERM HUP INT; echo \"$$\" >\"$FLAG\"; (trap '' TERM; sleep 300) & while :; do sleep 1; done"
)


async def stubborn(house: House, key: str = "a", **more: object) -> tuple[int, int]:
    """Run a child that ignores the polite signal; return its job and the process of its command."""
    flag = house.paths.home / f"{key}.flag"
    made = script(key, STUBBORN, **more)
    made["with"]["env"] = {"FLAG": str(flag)}
    job = await house.submit(made)
    await house.until(lambda: flag.exists() and flag.read_text().endswith("\n"), "the child runs")
    return job, int(flag.read_text())


def attempt(house: House, job: int, key: str) -> Path:
    return house.paths.output / str(house.task_id(job, key)) / "1"


async def test_a_child_that_ignores_signals_is_killed_without_a_grace(house: House):
    job, pid = await stubborn(house)
    done = await house.control.kill(house.target(job, "a"), reason="stuck", actor="kim")
    assert (done.changed, done.refused) == (1, ())
    # No time passes: whatever waited for a grace would wait for ever.
    assert (await house.ended(job)).status == "cancelled"
    assert house.history(job, "a") == [
        "task.claimed",
        "task.stop_requested",
        "attempt.cancelled",
        "task.cancelled",
    ]
    (note,) = house.rows("SELECT actor, data FROM event WHERE kind = 'task.stop_requested'")
    assert note == (by("kim"), '{"reason":"stuck","how":"kill"}')
    assert host.find_process(pid) is None


async def test_all_of_its_processes_die_and_its_wrapper_stays_to_tell_the_exit(house: House):
    job, _ = await stubborn(house)
    mark = f"TASKDECK_ATTEMPT={house.engine._owner.store_id}:{house.task_id(job, 'a')}:1"
    await house.until(lambda: len(host.family(None, mark)) >= 3, "wrapper, command and its child run")
    await house.control.kill(house.target(job, "a"))
    await house.reach(job, "a", "cancelled")
    await house.until(lambda: not host.family(None, mark), "all that the kill hit has died")
    assert (attempt(house, job, "a") / "status").read_text() == "exit 137\n"


async def test_a_grace_that_goes_on_is_cut_short(house: House):
    job, pid = await stubborn(house)
    await house.control.cancel(house.target(job, "a"), actor="bob")
    await house.until(lambda: 5_000 in house.clock.pending(), "the grace runs")
    assert host.find_process(pid) is not None
    assert (await house.control.kill(house.target(job, "a"), reason="now", actor="kim")).changed == 1
    assert (await house.ended(job)).status == "cancelled"
    assert house.history(job, "a").count("task.stop_requested") == 2
    assert (await house.control.task(house.task_id(job, "a"))).attempts[0].status == "cancelled"


async def test_a_job_is_cancelled_at_once_with_everything_that_runs(house: House):
    job, _ = await stubborn(house, "a")
    done = await house.control.cancel(Target(job_id=job), reason="stuck", force=Force.KILL)
    assert done.changed == 1
    assert (await house.ended(job)).status == "cancelled"


async def test_a_call_in_the_loop_is_cancelled_at_once(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    await house.control.kill(house.target(job, "a"))
    assert (await house.ended(job)).status == "cancelled"
    assert house.steer.cancelled == ["a"]
    assert house.attempts(job, "a") == ["cancelled"]


@pytest.mark.parametrize("asked_before", [False, True])
async def test_a_call_that_ignores_its_cancel_is_abandoned_at_once(house: House, asked_before: bool):
    job = await house.submit(task("a", "stubborn"))
    await house.running("a")
    if asked_before:
        await house.control.cancel(house.target(job, "a"))
        await house.until(lambda: house.steer.cancelled, "the call was asked")
    await house.control.kill(house.target(job, "a"))
    assert (await house.ended(job)).status == "cancelled"
    assert house.steer.cancelled == ["a"], "it was asked, and no more than once"
    assert house.engine.info().running == 0
    house.steer.release("a")
    await house.settle()
    assert "task.duplicate" not in house.history(job, "a")


async def test_an_attempt_that_ended_by_itself_keeps_its_end(house: House):
    job = await house.submit(task("gate", "block"), task("a", "succeed", "gate"))
    await house.running("gate")
    house.steer.release("gate")
    await house.ended(job)
    done = await house.control.kill(house.target(job, "gate", "a"))
    assert done.changed == 0
    assert [refusal.reason for refusal in done.refused] == ["it is succeeded already"] * 2
    assert house.states(job) == {"gate": "succeeded", "a": "succeeded"}


async def test_an_end_that_is_on_its_way_into_the_store_is_not_undone(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    house.steer.release("a")
    await house.until(lambda: not house.steer.active["a"], "the call has ended")
    await house.control.kill(house.target(job, "a"))
    assert (await house.ended(job)).status == "succeeded"


@pytest.mark.parametrize("force", list(Force))
async def test_what_an_engine_did_not_live_to_do_the_next_one_does(
    house: House, monkeypatch: pytest.MonkeyPatch, force: Force
):
    job, pid = await stubborn(house)
    with monkeypatch.context() as patched:
        # The request is in the store, and the engine is gone before it has sent a signal.
        patched.setattr(house.engine.runner, "end", lambda ref, force: None)
        await house.control.cancel(house.target(job, "a"), force=force)
        assert host.find_process(pid) is not None
        await house.open()
    if force is Force.ASK:
        await house.until(lambda: 5_000 in house.clock.pending(), "the grace runs")
        assert house.states(job) == {"a": "running"}
        house.clock.advance(seconds=5)
    assert (await house.ended(job)).status == "cancelled"
    assert house.attempts(job, "a") == ["cancelled"]
    assert host.find_process(pid) is None


async def test_a_kill_that_fails_is_told_and_tried_again(house: House, monkeypatch: pytest.MonkeyPatch):
    job, pid = await stubborn(house)
    tries: list[int] = []

    async def refuse(_: Family) -> None:
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    named = f"ending the processes of task #{house.task_id(job, 'a')}, attempt 1: OSError"
    with monkeypatch.context() as patched:
        patched.setattr(Family, "kill", refuse)
        await house.control.kill(house.target(job, "a"))
        await house.until(lambda: named in house.engine.info().set_aside, "it is told")
        house.clock.advance(seconds=1)
        await house.until(lambda: len(tries) == 2, "it is tried again")
        assert host.find_process(pid) is not None
    house.clock.advance(seconds=1)
    assert (await house.ended(job)).status == "cancelled"
    await house.until(lambda: not house.engine.info().set_aside, "nothing is told any more")


async def test_a_request_to_end_that_fails_is_told_and_the_kill_after_the_grace_helps(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    job, _ = await stubborn(house)

    async def refuse(_: Family) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Family, "terminate", refuse)
        await house.control.cancel(house.target(job, "a"))
        await house.until(lambda: "ending the processes" in house.engine.info().set_aside, "it is told")
    house.clock.advance(seconds=5)
    assert (await house.ended(job)).status == "cancelled"
    await house.until(lambda: not house.engine.info().set_aside, "nothing is told any more")
