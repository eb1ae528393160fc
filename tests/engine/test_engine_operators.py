"""Tests of operators' commands while tasks run, and of timeouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.control import operator_requests, operator_verbs
from core.control.api import EventQuery, Target
from core.model.commands.work import Effect, Force
from core.model.errors import Conflict
from core.model.records import replace
from tests.support.actors import by
from tests.support.house import House, script, task
from tests.support.refused import Refused
from tests.support.waiting import ticks

STUBBORN = "trap '' TERM; touch \"$FLAG\"; while :; do sleep 1; done"
# The signal may end the sleep before the shell has it: with `set -e` that would be its end.
LATE = 'trap "echo late; exit 0" TERM; touch "$FLAG"; while :; do sleep 0.02 || :; done'
PLAIN = 'touch "$FLAG"; exec sleep 300'


def child(house: House, key: str, text: str, **more: object) -> tuple[dict, Path]:
    flag = house.paths.home / f"{key}.flag"
    made = script(key, text, **more)
    made["with"]["env"] = {"FLAG": str(flag)}
    return made, flag


async def test_an_inline_call_beyond_its_timeout_is_ended_then(house: House):
    job = await house.submit(task("a", "block", timeout="90s"))
    await house.running("a")
    house.clock.advance(ms=89_999)
    await house.settle()
    assert house.states(job) == {"a": "running"}
    house.clock.advance(ms=1)
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["timed_out"]
    assert await house.code(job, "a") == "timeout"
    assert house.steer.cancelled == ["a"]


async def test_a_timeout_counts_as_an_attempt_and_is_retried_by_its_code(house: House):
    house.draws = [0.0]
    policy = {"max_attempts": 2, "on": ["timeout"], "base": "1s"}
    job = await house.submit(task("a", "block", timeout="1m", retry=policy))
    await house.running("a")
    house.clock.advance(minutes=1)
    await house.until(lambda: house.steer.started == ["a", "a"], "the second attempt starts")
    house.clock.advance(minutes=1)
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["timed_out", "timed_out"]


async def test_a_task_that_names_no_timeout_has_the_default(empty_house: House):
    await empty_house.open(default_timeout=5)
    job = await empty_house.submit(task("a", "block"))
    await empty_house.running("a")
    empty_house.clock.advance(seconds=5)
    assert (await empty_house.ended(job)).status == "failed"


async def test_a_task_has_no_time_limit_unless_one_is_named(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    house.clock.advance(minutes=500_000)
    await house.settle()
    assert house.states(job) == {"a": "running"}


async def test_no_limit_lifts_a_configured_one(empty_house: House):
    await empty_house.open(default_timeout=5)
    job = await empty_house.submit(
        task("a", "block", timeout="none"), task("b", "block"), on_task_failure="finish"
    )
    await empty_house.running("a", "b")
    empty_house.clock.advance(seconds=5)
    await empty_house.reach(job, "b", "failed")
    assert empty_house.states(job)["a"] == "running"


async def test_a_child_beyond_its_timeout_is_asked_and_its_output_kept(house: House):
    made, flag = child(house, "a", 'echo partly; touch "$FLAG"; exec sleep 300', timeout="1m")
    job = await house.submit(made)
    await house.until(flag.exists, "the child runs")
    house.clock.advance(minutes=1)
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["timed_out"]
    assert (await house.control.logs.chunk(house.task_id(job, "a"))).data == b"partly\n"


async def test_a_child_that_ignores_the_request_is_killed_after_the_grace(house: House):
    made, flag = child(house, "a", STUBBORN)
    job = await house.submit(made)
    await house.until(flag.exists, "the child runs")
    await house.control.cancel(house.target(job, "a"))
    await house.until(lambda: 5_000 in house.clock.pending(), "the grace runs")
    house.clock.advance(ms=4_999)
    await house.settle()
    assert house.states(job) == {"a": "running"}
    house.clock.advance(ms=1)
    await house.reach(job, "a", "cancelled")
    assert house.attempts(job, "a") == ["cancelled"]


async def test_a_child_that_succeeds_after_the_request_has_succeeded(house: House):
    made, flag = child(house, "a", LATE)
    job = await house.submit(made)
    await house.until(flag.exists, "the child runs")
    await house.control.cancel(house.target(job, "a"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.history(job, "a") == ["task.claimed", "task.stop_requested", "task.succeeded"]
    # The shell may tell first that its own child was terminated.
    assert (await house.look(job, "a")).output["text"].endswith("late\n")


async def test_a_cancelled_inline_call_ends_cancelled_and_is_never_retried(house: House):
    policy = {"max_attempts": 3, "base": "1s"}
    job = await house.submit(task("a", "block", retry=policy), task("b"), on_task_failure="finish")
    await house.running("a")
    done = await house.control.cancel(house.target(job, "a"), reason="enough", actor="kim")
    assert done.changed == 1
    assert (await house.ended(job)).status == "cancelled"
    assert house.history(job, "a") == [
        "task.claimed",
        "task.stop_requested",
        "attempt.cancelled",
        "task.cancelled",
    ]
    (note,) = house.rows("SELECT actor, data FROM event WHERE kind = 'task.stop_requested'")
    assert note == (by("kim"), '{"reason":"enough"}')


async def test_an_inline_call_that_ignores_its_cancel_is_abandoned_after_the_grace(house: House):
    job = await house.submit(task("a", "stubborn"))
    await house.running("a")
    await house.control.cancel(house.target(job, "a"))
    await house.until(lambda: house.steer.cancelled, "the call was asked")
    await house.settle()
    assert house.states(job) == {"a": "running"}
    house.clock.advance(seconds=5)
    assert (await house.ended(job)).status == "cancelled"
    assert house.engine.info().running == 0
    house.steer.release("a")
    await house.settle()
    assert house.history(job, "a").count("task.duplicate") == 0


async def test_an_inline_call_that_succeeds_in_spite_of_its_cancel_has_succeeded(house: House):
    job = await house.submit(task("a", "stubborn"))
    await house.running("a")
    await house.control.cancel(house.target(job, "a"))
    await house.until(lambda: house.steer.cancelled, "the call was asked")
    house.steer.release("a")
    assert (await house.ended(job)).status == "succeeded"


async def test_a_failure_after_a_request_to_stop_is_a_cancel(house: House):
    made, flag = child(house, "a", 'trap "exit 9" TERM; touch "$FLAG"; while :; do sleep 0.02 || :; done')
    job = await house.submit(made)
    await house.until(flag.exists, "the child runs")
    await house.control.cancel(house.target(job, "a"))
    assert (await house.ended(job)).status == "cancelled"
    assert house.attempts(job, "a") == ["cancelled"]


async def test_a_cancelled_job_stops_what_runs_and_starts_nothing_more(house: House):
    made, flag = child(house, "child", PLAIN)
    job = await house.submit(task("a", "block"), made, task("b", "succeed", "a"), task("c", "fail", "child"))
    await house.running("a")
    await house.until(flag.exists, "the child runs")
    await house.control.cancel(Target(job_id=job), reason="enough")
    result = await house.ended(job)
    assert (result.status, result.tasks) == ("cancelled", {"cancelled": 4})
    assert house.steer.started == ["a"]


async def test_a_paused_job_goes_on_with_what_runs_and_starts_nothing(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    await house.control.pause(Target(job_id=job))
    house.steer.release("a")
    await house.reach(job, "b", "queued")
    await house.settle()
    assert (house.job_status(job), house.states(job)) == ("paused", {"a": "succeeded", "b": "queued"})
    await house.control.resume(Target(job_id=job))
    assert (await house.ended(job)).status == "succeeded"


async def test_a_job_paused_while_its_last_task_runs_succeeds(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    await house.control.pause(Target(job_id=job))
    house.steer.release("a")
    assert (await house.ended(job)).status == "succeeded"


async def test_a_paused_queue_keeps_its_tasks_and_others_go_on(house: House):
    gate = await house.submit(task("gate", "block", queue="slow"))
    await house.running("gate")
    await house.control.pause(Target(queue="slow"), reason="night")
    job = await house.submit(task("a", queue="slow"), task("b"))
    await house.reach(job, "b", "succeeded")
    house.steer.release("gate")
    assert (await house.ended(gate)).status == "succeeded"
    await house.settle()
    assert house.states(job)["a"] == "queued"
    await house.control.resume(Target(queue="slow"))
    assert (await house.ended(job)).status == "succeeded"


async def test_pauses_of_its_queue_are_told_among_the_events_of_a_job(house: House):
    job = await house.submit(task("a", "block", queue="slow"))
    await house.running("a")
    for queue in ("slow", "default"):
        await house.control.pause(Target(queue=queue), reason="night")
        await house.control.resume(Target(queue=queue))
    house.steer.release("a")
    await house.ended(job)
    page = await house.control.events(EventQuery(job_id=job, around=True), limit=500)
    told = [(event.kind, event.data) for event in page.rows if event.job_id is None]
    assert told == [
        ("queue.paused", {"queue": "slow", "reason": "night"}),
        ("queue.resumed", {"queue": "slow"}),
    ]


async def test_a_held_task_waits_and_those_that_run_cannot_be_held(empty_house: House):
    house = empty_house
    await house.open(slots=1)
    job = await house.submit(task("a", "block"), task("b"), task("c"))
    await house.running("a")
    done = await house.control.hold(house.target(job, "a", "b"))
    assert (done.changed, [ref[0] for ref in done.refused]) == (1, [house.task_id(job, "a")])
    house.steer.release("a")
    await house.reach(job, "c", "succeeded")
    assert house.states(job)["b"] == "held"
    await house.control.unhold(house.target(job, "b"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.steer.started == ["a", "c", "b"]


async def test_a_rerun_of_a_job_runs_what_went_wrong_and_what_depended_on_it(house: House):
    bad = task("bad", "fail", steer={"times": 1})
    job = await house.submit(task("good"), bad, task("after", "succeed", "bad"), on_task_failure="finish")
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"good": "succeeded", "bad": "failed", "after": "skipped"}
    assert (await house.control.retry(Target(job_id=job))).changed == 2
    assert (await house.ended(job)).status == "succeeded"
    assert sorted(house.steer.started) == ["after", "bad", "bad", "good"]


async def test_a_rerun_starts_a_new_count_of_attempts(house: House):
    house.draws = [0.0, 0.0]
    policy = {"max_attempts": 2, "base": "1s"}
    job = await house.submit(task("a", "fail", retry=policy, steer={"times": 3}))
    assert (await house.ended(job)).status == "failed"
    await house.control.retry(house.target(job, "a"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["failed", "failed", "failed", "succeeded"]


@pytest.mark.parametrize(("downstream", "runs"), [(False, ["a", "b", "a"]), (True, ["a", "b", "a", "b"])])
async def test_a_rerun_of_a_task_leaves_its_dependants_unless_told(
    house: House, downstream: bool, runs: list[str]
):
    job = await house.submit(task("a"), task("b", "succeed", "a"))
    await house.ended(job)
    await house.control.retry(house.target(job, "a"), downstream=downstream)
    assert (await house.ended(job)).status == "succeeded"
    assert house.steer.started == runs


async def test_a_rerun_while_the_job_is_ending_is_refused(house: House):
    job = await house.submit(task("a", "stubborn"), task("b"))
    await house.running("a")
    await house.reach(job, "b", "succeeded")
    await house.control.cancel(Target(job_id=job))
    with pytest.raises(Conflict):
        await house.control.retry(Target(job_id=job))
    assert (await house.control.retry(house.target(job, "b"))).changed == 0
    house.clock.advance(seconds=5)
    assert (await house.ended(job)).status == "cancelled"


async def test_a_stage_that_was_rerun_opens_the_next_one_again(house: House):
    stages = [
        {"name": "one", "tasks": [task("a", "fail", steer={"times": 1})]},
        {"name": "two", "tasks": [task("b")]},
    ]
    job = await house.submit(stages=stages)
    assert (await house.ended(job)).status == "failed"
    await house.control.retry(Target(job_id=job))
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "succeeded", "b": "succeeded"}


async def test_the_grace_of_a_call_that_ended_in_time_harms_nobody_after_it(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    await house.control.cancel(house.target(job, "a"))
    await house.ended(job)
    await house.control.retry(house.target(job, "a"))
    await house.running("a")
    house.clock.advance(minutes=1)
    await ticks(50)
    house.steer.release("a")
    assert (await house.ended(job)).status == "succeeded"


async def open_group(house: House) -> int:
    """Submit a group of five instances, two of which run; return its job."""
    group = {**task("g", "block"), "for_each": [1, 2, 3, 4, 5]}
    job = await house.submit(group)
    await house.running("g[0]", "g[1]")
    return job


def priorities(house: House) -> dict[str, int]:
    return dict(house.rows("SELECT key, priority FROM task ORDER BY id"))


async def test_a_priority_of_a_group_reaches_its_instances_that_have_not_ended_in_parts(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(operator_verbs, "MAX_PER_BATCH", 2)
    house = empty_house
    await house.open(slots=2)
    job = await open_group(house)
    house.steer.release("g[0]")
    await house.until(lambda: "succeeded" in house.states(job).values(), "an instance has ended")
    await house.settle()
    ended = {key for key, status in house.states(job).items() if status == "succeeded"}
    target = Target(task_ids=(house.task_id(job, "g"),))
    ask = operator_requests.Prioritise(target=target, priority=5, effect=Effect.NONE)
    planned = await house.control.ask(ask)
    done = await house.control.prioritise(target, priority=5, actor="ann")
    assert planned.changed == done.changed == 6 - len(ended)
    assert priorities(house) == {key: 0 if key in ended else 5 for key in priorities(house)}
    told = house.rows("SELECT count(*) FROM event WHERE kind = 'task.prioritised' AND actor LIKE '%ann%'")
    assert (done.refused, told) == ((), [(6 - len(ended),)])


async def test_a_kill_of_a_group_ends_those_of_its_instances_that_run(empty_house: House):
    house = empty_house
    await house.open(slots=2)
    job = await open_group(house)
    target = Target(task_ids=(house.task_id(job, "g"),))
    planned = await house.control.ask(operator_requests.Kill(target=target, effect=Effect.NONE))
    killed = await house.control.kill(target, actor="ann")
    assert (planned.changed, killed.changed, killed.refused) == (2, 2, ())
    asked = house.rows("SELECT key FROM task WHERE stop_how = 'kill' ORDER BY id")
    assert asked == [("g[0]",), ("g[1]",)]


async def test_a_kill_of_a_group_of_which_nothing_runs_is_refused(empty_house: House):
    house = empty_house
    await house.open(slots=2)
    job = await open_group(house)
    waiting = await house.submit({**task("w", "block"), "for_each": [1]})
    await house.settle()
    target = Target(task_ids=tuple(house.task_id(one, key) for one, key in ((job, "g"), (waiting, "w"))))
    planned = await house.control.ask(operator_requests.Kill(target=target, effect=Effect.NONE))
    killed = await house.control.kill(target, actor="ann")
    refused = (Refused(house.task_id(waiting, "w"), "it is waiting: nothing of it runs"),)
    assert (planned.changed, planned.refused, killed.changed, killed.refused) == (2, refused, 2, refused)


async def test_a_cancel_at_once_of_a_group_kills_its_instances_and_cancels_the_others(empty_house: House):
    house = empty_house
    await house.open(slots=2)
    job = await open_group(house)
    target = Target(task_ids=(house.task_id(job, "g"),))
    ask = operator_requests.Cancel(target=target, force=Force.KILL, reason="wrong", effect=Effect.NONE)
    planned = await house.control.ask(ask)
    done = await house.control.ask(replace(ask, effect=Effect.CHANGE))
    assert (planned.changed, done.changed) == (1, 1)
    asked = house.rows("SELECT key FROM task WHERE stop_how = 'kill' ORDER BY id")
    assert asked == [("g[0]",), ("g[1]",)]
    assert (await house.ended(job)).status == "cancelled"
    assert set(house.states(job).values()) == {"cancelled"}
