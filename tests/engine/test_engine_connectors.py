"""Whatever a connector does, one attempt ends and the engine goes on."""

from __future__ import annotations

import pytest

from tests.support.house import House, task
from tests.support.steered import RAISED, RETURNED

JUDGED = {"cancelled": "connector.cancelled", "taskdeck": "odd.conflict"}


@pytest.mark.parametrize("kind", RAISED)
async def test_anything_raised_fails_the_attempt_with_a_code(house: House, kind: str):
    job = await house.submit(
        task("bad", "raise", steer={"kind": kind}),
        task("good", "succeed"),
        on_task_failure="finish",
    )
    result = await house.ended(job)
    assert (result.status, house.states(job)) == ("failed", {"bad": "failed", "good": "succeeded"})
    code = await house.code(job, "bad")
    assert code is not None
    assert code == JUDGED.get(kind, code)
    assert code.split(".")[0] in ("connector", "odd")
    assert house.engine.failure is None
    assert house.open_attempts() == 0


@pytest.mark.parametrize("kind", RETURNED)
async def test_an_output_that_is_no_json_fails_the_task_for_good(house: House, kind: str):
    policy = {"max_attempts": 3, "base": "1s"}
    job = await house.submit(task("bad", "return", retry=policy, steer={"kind": kind}))
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "bad") == "connector.output"
    assert house.steer.started == ["bad"]
    assert (await house.finish(task("next"))).status == "succeeded"


@pytest.mark.parametrize(
    ("do", "code"),
    [("refuse", "steer.refused"), ("explode", "connector.error"), ("nothing", "connector.broken")],
)
async def test_a_call_that_cannot_be_made_fails_the_task(house: House, do: str, code: str):
    job = await house.submit(task("bad", do))
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "bad") == code
    assert (await house.finish(task("next"))).status == "succeeded"


@pytest.mark.parametrize("message", ["no judgement", "odd judgement"])
async def test_a_judgement_that_fails_itself_is_no_more_than_a_failed_attempt(house: House, message: str):
    job = await house.submit(task("bad", "misjudge", steer={"message": message}))
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "bad") == "connector.broken"


async def test_a_refused_input_is_permanent_whatever_the_policy_says(house: House):
    job = await house.submit(task("bad", "refuse", retry={"max_attempts": 5, "base": "1s"}))
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "bad") == ["failed"]


async def test_what_was_raised_passes_the_retry_policy_like_any_failure(house: House):
    house.draws = [0.0]
    steer = {"kind": "value"}
    job = await house.submit(task("bad", "raise", retry={"max_attempts": 2, "base": "1s"}, steer=steer))
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "bad") == ["failed", "failed"]


async def test_a_call_that_holds_the_loop_delays_the_others_and_nothing_else(house: House):
    job = await house.submit(
        task("hog", "spin", steer={"seconds": 0.2}), task("a"), task("b"), task("c", "succeed", "hog")
    )
    assert (await house.ended(job)).status == "succeeded"


async def test_a_connector_that_an_engine_lacks_fails_its_tasks_for_good(house: House):
    job = await house.submit(task("a"), task("b", "succeed", "a"))
    await house.ended(job)
    held = await house.submit(task("first", "block"), task("second", "succeed", "first"))
    await house.running("first")
    registry = house.engine._ports.registry
    del registry._by_name["steer"]
    house.steer.release("first")
    assert (await house.ended(held)).status == "failed"
    assert await house.code(held, "second") == "connector.not_found"
    assert house.attempts(held, "second") == ["failed"]


async def test_connectors_are_started_once_and_stopped_once(house: House):
    await house.finish(task("a"))
    await house.stop()
    assert (house.steer.opened, house.steer.closed) == (1, 1)


async def test_a_connector_whose_stop_fails_does_not_keep_the_engine(house: House):
    house.steer.stop_error = OSError("cannot close")
    await house.finish(task("a"))
    await house.stop()
    assert house.engine.failure is None
    assert house.rows("SELECT kind FROM event ORDER BY id DESC LIMIT 1") == [("engine.stopped",)]
    house.steer.stop_error = None


async def test_an_attempt_knows_its_ref_and_a_key_that_lasts_over_its_retries(house: House):
    house.draws = [0.0]
    policy = {"max_attempts": 2, "base": "1s"}
    job = await house.submit(task("a", "fail", retry=policy, steer={"times": 1}))
    await house.ended(job)
    await house.control.retry(house.target(job, "a"))
    await house.ended(job)
    first, second, third = house.steer.contexts["a"]
    assert [c.ref.epoch for c in (first, second, third)] == [1, 2, 3]
    assert first.idempotency_key == second.idempotency_key != third.idempotency_key
    assert (first.job_id, first.key) == (job, "a")
