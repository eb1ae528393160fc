"""Ends that the store refuses, and what is told of them."""

from __future__ import annotations

import sqlite3

import pytest

from core.control.api import Target
from core.model.commands.work import Force
from tests.engine.test_engine_faults import damage, refuse
from tests.support.house import House, task

MINUTE = 60


async def aside(house: House, *statuses: str) -> int:
    """Run a job with a task whose end the store refuses, until that is named."""
    refuse(house, "bad", *statuses)
    job = await house.submit(task("bad"), task("next", "succeed", "bad"))
    await house.until(lambda: house.engine._set_aside.summary(), "it is named")
    assert house.states(job)["bad"] == "running"
    assert house.engine.info().running == 0
    return job


@pytest.mark.parametrize("force", list(Force))
async def test_a_cancelled_job_ends_with_an_attempt_whose_end_was_refused(house: House, force: Force):
    job = await aside(house, "succeeded", "failed")
    await house.control.cancel(Target(job_id=job), reason="enough", actor="kim", force=force)
    result = await house.ended(job)
    assert (result.status, result.tasks) == ("cancelled", {"cancelled": 2})
    assert house.attempts(job, "bad") == ["cancelled"]
    error = (await house.look(job, "bad")).task.error or {}
    assert error["code"] == "outcome.refused"
    await house.until(lambda: not house.engine._set_aside.summary(), "nothing is named any more")


async def test_a_task_whose_end_was_refused_is_cancelled_alone(house: House):
    job = await aside(house, "succeeded", "failed")
    assert (await house.control.cancel(house.target(job, "bad"))).changed == 1
    await house.ended(job)
    assert house.states(job)["bad"] == "cancelled"


async def test_an_end_that_was_refused_is_written_once_the_store_takes_it(house: House):
    job = await aside(house, "succeeded", "failed", "cancelled")
    await house.control.cancel(Target(job_id=job))
    await house.settle()
    assert house.job_status(job) == "ending"
    house.clock.advance(seconds=MINUTE)
    await house.settle()
    assert house.job_status(job) == "ending"
    assert house.history(job, "bad").count("fault.found") == 1, "the history does not grow by each try"
    assert "task #" in house.engine.info().set_aside
    damage(house, "DROP TRIGGER refuse_bad")
    house.clock.advance(seconds=MINUTE)
    # It succeeded before it was asked to stop.
    result = await house.ended(job)
    assert (result.status, house.states(job)) == ("cancelled", {"bad": "succeeded", "next": "cancelled"})
    await house.until(lambda: not house.engine._set_aside.summary(), "nothing is named any more")


async def test_a_job_that_is_not_cancelled_goes_on_once_the_store_takes_the_end(house: House):
    job = await aside(house, "succeeded", "failed")
    damage(house, "DROP TRIGGER refuse_bad")
    house.clock.advance(seconds=MINUTE)
    assert (await house.ended(job)).status == "succeeded"
    assert house.history(job, "bad") == ["task.claimed", "fault.found", "task.succeeded"]


async def test_why_says_for_what_a_job_waits_whose_task_has_such_an_end(house: House):
    job = await aside(house, "succeeded", "failed", "cancelled")
    reason = "it is set aside: the store does not take what became of it: store.refused"
    told = await house.control.why(house.task_id(job, "bad"))
    assert told.summary.startswith(f"attempt 1 has ended, and {reason}")
    assert [one.code for one in told.reasons] == ["set_aside"]
    assert told.reasons[0].ends.endswith("the engine tries again each minute")
    await house.control.cancel(Target(job_id=job))
    await house.reach(job, "next", "cancelled")
    whole = await house.control.why_job(job)
    assert whole.summary.startswith(
        f"nothing of it waits, but 1 attempt has ended that the store does not take: {reason}"
    )
    assert [(group.reason.code, group.example) for group in whole.groups] == [
        ("set_aside", house.task_id(job, "bad"))
    ]
    damage(house, "DROP TRIGGER refuse_bad")
    house.clock.advance(seconds=MINUTE)
    await house.ended(job)


async def test_a_task_that_runs_is_not_set_aside_with_its_job(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    fault = "INSERT INTO event (at, kind, job_id, data) VALUES (1, 'fault.found', ?, ?)"
    with sqlite3.connect(house.paths.db) as db:
        db.execute(fault, (job, '{"reason":"what follows could not be carried out"}'))
    assert (await house.control.why(house.task_id(job, "a"))).summary == "it runs: attempt 1 of 1"
    house.steer.release()
    await house.ended(job)


async def test_the_next_engine_tries_such_an_end_of_a_cancelled_job_again(house: House):
    job = await aside(house, "succeeded", "failed", "cancelled")
    await house.control.cancel(Target(job_id=job))
    await house.settle()
    damage(house, "DROP TRIGGER refuse_bad")
    await house.open()
    assert (await house.ended(job)).status == "cancelled"
