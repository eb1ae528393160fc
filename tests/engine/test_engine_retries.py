"""Tests of retries: no slot while waiting, jitter, exact times, limits."""

from __future__ import annotations

import pytest

from core.control.api import Target
from core.model.errors import Invalid
from core.model.plans import RetryPolicy
from core.model.task_specs import TaskSpec
from tests.support.house import House, script, task

POLICY = {"max_attempts": 4, "base": "2s", "max": "5s"}


async def advance_to_retry(house: House, ms: int) -> None:
    """Move to one ms before the retry, see nothing, then on to it."""
    before = len(house.steer.started)
    house.clock.advance(ms=ms - 1)
    await house.settle()
    assert len(house.steer.started) == before, "started before its time"
    house.clock.advance(ms=1)
    await house.until(lambda: len(house.steer.started) == before + 1, "the retry starts when it is due")
    await house.settle()


async def test_a_failed_attempt_waits_off_its_slot_and_comes_due_exactly_then(empty_house: House):
    house = empty_house
    await house.open(slots=1)
    house.draws = [0.5]
    job = await house.submit(task("a", "fail", retry=POLICY, steer={"times": 1}))
    await house.reach(job, "a", "retrying")
    assert house.open_attempts() == 0
    assert (await house.finish(task("b"))).status == "succeeded", "the only slot was free meanwhile"
    await advance_to_retry(house, 1_000)
    assert (await house.ended(job)).status == "succeeded"
    assert house.history(job, "a") == [
        "task.claimed",
        "attempt.failed",
        "task.retry_scheduled",
        "task.queued",
        "task.claimed",
        "task.succeeded",
    ]


async def test_full_jitter_draws_below_a_bound_that_doubles_up_to_its_cap(house: House):
    house.draws = [0.999, 0.5, 0.25]
    job = await house.submit(task("a", "fail", retry=POLICY))
    for due in (1_998, 2_000, 1_250):
        await house.reach(job, "a", "retrying")
        await advance_to_retry(house, due)
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["failed"] * 4


async def test_a_draw_of_zero_is_due_at_once(house: House):
    house.draws = [0.0]
    result = await house.finish(task("a", "fail", retry=POLICY, steer={"times": 1}))
    assert result.status == "succeeded"


async def test_retry_after_is_a_floor_of_the_delay_and_not_a_replacement(house: House):
    house.draws = [0.5, 0.5]
    steer = {"retry_after_ms": 1_500, "times": 2}
    job = await house.submit(task("a", "fail", retry=POLICY, steer=steer))
    await house.reach(job, "a", "retrying")
    await advance_to_retry(house, 1_500)
    await advance_to_retry(house, 2_000)
    assert (await house.ended(job)).status == "succeeded"


async def test_an_exit_code_that_is_named_is_retried_and_another_is_not(house: House):
    policy = {"max_attempts": 2, "base": "1s", "on": ["shell.exit.64-78"]}
    job = await house.submit(
        script("busy", "exit 75", retry=policy),
        script("wrong", "exit 1", retry=policy),
        on_task_failure="finish",
    )
    await house.reach(job, "wrong", "failed")
    await house.reach(job, "busy", "retrying")
    assert house.attempts(job, "wrong") == ["failed"]


async def test_a_script_ends_at_the_first_command_that_fails(house: House):
    job = await house.submit(script("a", "echo one; false; echo two"))
    assert (await house.ended(job)).status == "failed"
    assert (await house.control.logs.chunk(house.task_id(job, "a"))).data == b"one\n"


async def test_a_code_that_no_error_has_is_refused_for_loose_tasks_too(house: House):
    spec = TaskSpec(
        uses="shell", with_={"argv": ["true"]}, retry=RetryPolicy(max_attempts=2, on=("shel.exit",))
    )
    with pytest.raises(Invalid) as caught:
        await house.control.enqueue([spec])
    assert (caught.value.code, caught.value.facts["code"]) == ("task.on", "shel.exit")


async def test_a_policy_that_names_codes_retries_those_alone(house: House):
    policy = {**POLICY, "on": ["net", "http.5xx"]}
    job = await house.submit(
        task("prefix", "fail", retry=policy, steer={"code": "net.reset"}),
        task("exact", "fail", retry=policy, steer={"code": "http.5xx"}),
        task("other", "fail", retry=policy, steer={"code": "http.4xx"}),
        on_task_failure="finish",
    )
    await house.reach(job, "other", "failed")
    await house.settle()
    assert house.states(job) == {"prefix": "retrying", "exact": "retrying", "other": "failed"}
    await house.control.cancel(Target(job_id=job))
    await house.ended(job)


async def test_a_permanent_error_is_never_retried(house: House):
    result = await house.finish(task("a", "fail", retry=POLICY, steer={"permanent": True}))
    assert result.status == "failed"
    assert house.steer.started == ["a"]


async def test_without_a_policy_a_task_has_one_attempt(house: House):
    result = await house.finish(task("a", "fail"))
    assert result.status == "failed"
    assert house.steer.started == ["a"]


async def test_retries_of_many_tasks_share_one_alarm_and_each_keeps_its_time(house: House):
    house.draws = [0.1, 0.2, 0.3]
    tasks = [task(key, "fail", retry=POLICY, steer={"times": 1}) for key in ("a", "b", "c")]
    job = await house.submit(*tasks)
    await house.until(lambda: set(house.states(job).values()) == {"retrying"}, "all three wait")
    for _ in range(3):
        await advance_to_retry(house, 200)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_retry_that_was_hurried_starts_at_once_and_not_again_when_it_was_due(house: House):
    job = await house.submit(task("a", "fail", retry=POLICY, steer={"times": 1}))
    await house.reach(job, "a", "retrying")
    await house.control.retry(house.target(job, "a"))
    assert (await house.ended(job)).status == "succeeded"
    house.clock.advance(minutes=10)
    await house.settle()
    assert house.steer.started == ["a", "a"]


@pytest.mark.parametrize("verb", ["cancel", "hold"])
async def test_what_waits_for_its_retry_obeys_the_operator(house: House, verb: str):
    job = await house.submit(task("a", "fail", retry=POLICY))
    await house.reach(job, "a", "retrying")
    await getattr(house.control, verb)(house.target(job, "a"))
    house.clock.advance(minutes=10)
    await house.settle()
    assert house.steer.started == ["a"]
    assert house.states(job) == {"a": "cancelled" if verb == "cancel" else "held"}


async def test_a_retry_due_in_the_life_of_a_former_engine_starts_with_the_next(house: House):
    job = await house.submit(task("a", "fail", retry=POLICY, steer={"times": 1}))
    await house.reach(job, "a", "retrying")
    await house.stop()
    house.clock.advance(hours=1)
    await house.open()
    assert (await house.ended(job)).status == "succeeded"


async def test_a_retry_that_lies_ahead_at_the_start_of_an_engine_keeps_its_time(house: House):
    house.draws = [0.5]
    # Longer than an engine takes to stop, whose graces pass at once.
    long = {"max_attempts": 2, "base": "30h", "max": "30h"}
    job = await house.submit(task("a", "fail", retry=long, steer={"times": 1}))
    await house.reach(job, "a", "retrying")
    due = house.rows("SELECT retry_at FROM task WHERE job_id = ?", job)[0][0]
    await house.stop()
    await house.open()
    await house.settle()
    await advance_to_retry(house, due - house.clock.now())
    assert (await house.ended(job)).status == "succeeded"
