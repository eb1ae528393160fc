"""Attempts that end otherwise than their calls, and who is told."""

from __future__ import annotations

import json

import pytest

from core.control.arguments import EventQuery
from core.engine.attempts.attempt import Ended, Running
from core.model.outcomes import Outcome
from core.render.history.lines import line_of
from tests.support.house import House, task

GIVEN_UP = "its call ignored the cancel and was given up: it may go on in the engine"


async def stubborn(house: House, **more: object) -> int:
    job = await house.submit(task("a", "stubborn", **more))
    await house.running("a")
    return job


def told(house: House, kind: str) -> list[tuple]:
    rows = house.rows("SELECT job_id, task_id, attempt, data FROM event WHERE kind = ? ORDER BY id", kind)
    return [(*subject, json.loads(data) if data else {}) for *subject, data in rows]


async def sentences(house: House, job: int, kind: str) -> list[str]:
    page = await house.control.events(EventQuery(job_id=job))
    return [line_of(event).text for event in page.rows if event.kind == kind]


async def test_the_history_tells_that_a_call_is_given_up_once_its_attempt_is_closed(house: House):
    job = await stubborn(house)
    await house.control.kill(house.target(job, "a"))
    assert (await house.ended(job)).status == "cancelled"
    assert told(house, "call.abandoned") == [(job, house.task_id(job, "a"), 1, {})]
    history = house.history(job, "a")
    assert history[-3:] == ["attempt.cancelled", "task.cancelled", "call.abandoned"]
    assert await sentences(house, job, "call.abandoned") == [
        "a: the call of attempt 1 ignored its cancel and is given up: it may go on in the engine"
    ]


async def test_the_task_says_so_where_nothing_else_says_why_it_ended(house: House):
    job = await stubborn(house)
    await house.control.kill(house.target(job, "a"))
    await house.ended(job)
    detail = await house.look(job, "a")
    assert detail.attempts[0].error == {"code": "call.abandoned", "message": GIVEN_UP}
    assert GIVEN_UP in (await house.control.why(task_id=house.task_id(job, "a"))).summary


async def test_a_timeout_keeps_its_own_error_and_says_that_the_call_may_go_on(house: House):
    job = await stubborn(house, timeout="1s", retry={"max_attempts": 2, "base": "1s"})
    house.clock.advance(seconds=1)
    await house.until(lambda: house.steer.cancelled, "the call was asked")
    house.clock.advance(seconds=5)
    await house.reach(job, "a", "retrying")
    error = (await house.look(job, "a")).attempts[0].error or {}
    assert (error["code"], error["message"]) == ("timeout", "timed out after 1 s")
    assert error["facts"] == {"abandoned": True}
    assert len(told(house, "call.abandoned")) == 1
    house.steer.release("a")
    house.clock.advance(seconds=5)
    assert (await house.ended(job)).status == "succeeded"


async def test_the_end_of_a_call_that_was_given_up_is_told_with_what_is_not_taken_of_it(house: House):
    job = await stubborn(house)
    await house.control.kill(house.target(job, "a"))
    assert (await house.ended(job)).status == "cancelled"
    assert told(house, "call.ended") == []
    house.steer.release("a")
    await house.until(lambda: told(house, "call.ended"), "its end is told")
    assert told(house, "call.ended") == [(job, house.task_id(job, "a"), 1, {"outcome": "succeeded"})]
    assert await sentences(house, job, "call.ended") == [
        "a: the call of attempt 1, given up before, has ended (succeeded): nothing of it is taken"
    ]


async def test_an_engine_that_stops_tells_of_the_call_that_it_leaves(house: House):
    job = await stubborn(house, on_loss="retry")
    await house.stop()
    assert house.states(job) == {"a": "queued"}
    assert house.rows("SELECT error FROM task WHERE key = 'a'") == [(None,)], "as its events tell it"
    assert len(told(house, "call.abandoned")) == 1
    # The call ends when nothing can be written any more.
    house.steer.release("a")
    await house.open()
    assert (await house.ended(job)).status == "succeeded"


async def test_an_attempt_whose_results_break_fails_by_name_and_its_slot_is_free_again(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    async def breaks(running: Running, outcome: Outcome) -> Ended:
        raise OSError("odd results")

    with monkeypatch.context() as patched:
        patched.setattr(house.engine._results, "of", breaks)
        job = await house.submit(task("a"))
        assert (await house.ended(job)).status == "failed"
    error = (await house.look(job, "a")).task.error or {}
    assert error["code"] == "attempt.results"
    assert str(error["message"]).endswith("what it leaves could not be taken: OSError: odd results")
    assert house.engine.info().running == 0


@pytest.mark.parametrize("do", ["block", "succeed"])
async def test_nothing_is_told_of_a_call_that_heeds_its_cancel_or_ends_by_itself(house: House, do: str):
    job = await house.submit(task("a", do))
    if do == "block":
        await house.running("a")
        await house.control.kill(house.target(job, "a"))
    await house.ended(job)
    assert not {"call.abandoned", "call.ended"} & {*house.history(job, "a")}
