"""Tests of rows that the store refuses."""

from __future__ import annotations

import sqlite3

from core.model.commands.work import StopMode
from tests.support.house import House, task
from tests.support.waiting import within

POLICY = {"max_attempts": 3, "base": "1s"}


def damage(house: House, *statements: str) -> None:
    """Change the store behind the engine's back."""
    db = sqlite3.connect(house.paths.db, isolation_level=None)
    try:
        for statement in statements:
            db.execute(statement)
    finally:
        db.close()


def refuse(house: House, key: str, *statuses: str) -> None:
    """Let the store refuse that tasks of this key get one of these statuses."""
    listed = ", ".join(repr(status) for status in statuses)
    damage(
        house,
        f"CREATE TRIGGER refuse_{key} BEFORE UPDATE OF status ON task"
        f" WHEN new.key = '{key}' AND new.status IN ({listed}) BEGIN SELECT RAISE(ABORT, 'injected'); END",
    )


async def set_aside(house: House) -> str:
    return (await house.control.status()).set_aside


async def test_an_outcome_that_the_store_refuses_fails_its_task_alone(house: House):
    refuse(house, "bad", "succeeded")
    bad, good = await house.submit(task("bad")), await house.submit(task("good"))
    assert (await house.ended(good)).status == "succeeded"
    assert (await house.ended(bad)).status == "failed"
    error = (await house.look(bad, "bad")).task.error or {}
    assert error["code"] == "outcome.refused"
    assert "injected" in str(error["message"])
    assert error["facts"] == {"refusal": "store.refused", "reason": "injected"}
    assert house.attempts(bad, "bad") == ["failed"]
    assert house.engine.failure is None
    assert await set_aside(house) == ""


async def test_an_attempt_whose_end_the_store_does_not_take_is_set_aside_and_named(house: House):
    refuse(house, "bad", "succeeded", "failed", "queued", "retrying", "held")
    bad = await house.submit(task("bad"))
    await house.until(lambda: house.rows("SELECT 1 FROM event WHERE kind = 'fault.found'"), "it is named")
    number = house.task_id(bad, "bad")
    # The history has it a moment before the engine hears of it.
    await house.until(lambda: house.engine._set_aside.summary(), "the engine has heard of it")
    assert (await set_aside(house)).startswith(f"set aside: task #{number}: the store does not take")
    assert (await house.finish(task("good"))).status == "succeeded"
    assert house.states(bad)["bad"] == "running"
    assert house.engine.failure is None
    await house.stop()
    await house.open()
    await house.until(lambda: house.engine._set_aside.summary(), "the next engine names it as well")
    assert (await house.finish(task("good"))).status == "succeeded"
    damage(house, "DROP TRIGGER refuse_bad")
    await house.stop()
    await house.open()
    assert (await house.ended(bad)).status == "succeeded"


async def test_a_job_at_fault_fails_and_the_engine_starts_with_it(house: House):
    bad = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    good = await house.submit(task("c", "block"))
    await house.running("a", "c")
    await house.stop()
    damage(
        house,
        f"CREATE TRIGGER torn BEFORE UPDATE OF status ON stage WHEN new.job_id = {bad}"
        " BEGIN SELECT RAISE(ABORT, 'injected'); END",
    )
    house.steer.release()
    await house.open()
    assert (await house.ended(good)).status == "succeeded"
    result = await house.ended(bad)
    assert result.status == "failed"
    assert "IntegrityError: injected" in str(result.reason)
    assert house.engine.failure is None
    damage(house, "DROP TRIGGER torn")
    await house.stop()
    await house.open()
    await house.until(
        lambda: house.rows("SELECT 1 FROM event WHERE kind = 'fault.repaired'"), "it is repaired"
    )


async def test_a_condition_that_cannot_be_read_fails_its_task_alone(house: House):
    bad = await house.submit(task("a", "block"), task("b", "succeed", "a", when="${{ 1 < 2 }}"))
    good = await house.submit(task("c", "block"), task("d", "succeed", "c", when="${{ 1 < 2 }}"))
    await house.running("a", "c")
    house.spoiled = frozenset({"store.unreadable"})
    damage(house, f"UPDATE task SET spec = 'torn' WHERE id = {house.task_id(bad, 'b')}")
    house.steer.release()
    assert (await house.ended(bad)).status == "failed"
    assert (await house.ended(good)).status == "succeeded"
    assert house.rows("SELECT json_extract(error, '$.code') FROM task WHERE key = 'b'") == [
        ("task.unreadable",)
    ]


async def test_a_judgement_that_the_store_refuses_fails_its_task(house: House):
    refuse(house, "b", "queued")
    job = await house.submit(task("a"), task("b", "succeed", "a", when="${{ 1 < 2 }}"))
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "b") == "condition.refused"


async def test_a_judgement_that_does_not_land_at_all_is_named_once(house: House):
    refuse(house, "b", "queued", "failed")
    job = await house.submit(task("a"), task("b", "succeed", "a", when="${{ 1 < 2 }}"))
    await house.until(lambda: house.rows("SELECT 1 FROM event WHERE kind = 'fault.found'"), "it is named")
    assert (await house.finish(task("c"), task("d", when="${{ 1 < 2 }}"))).status == "succeeded"
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'fault.found'") == [(1,)]
    assert f"task #{house.task_id(job, 'b')}" in await set_aside(house)
    damage(house, "DROP TRIGGER refuse_b")
    await within(house.stop(), "the engine stops")
    await house.open()
    assert (await house.ended(job)).status == "succeeded"


async def test_a_task_whose_judgement_did_not_land_is_judged_when_it_runs_again(house: House):
    refuse(house, "b", "queued", "failed")
    job = await house.submit(task("b", when="${{ 1 < 2 }}"), task("c", "block"))
    await house.until(lambda: house.rows("SELECT 1 FROM event WHERE kind = 'fault.found'"), "it is named")
    damage(house, "DROP TRIGGER refuse_b")
    await house.control.cancel(house.target(job, "b"))
    await house.reach(job, "b", "cancelled")
    await house.control.retry(house.target(job, "b"))
    await house.reach(job, "b", "succeeded")
    house.steer.release()
    assert (await house.ended(job)).status == "succeeded"


async def test_an_engine_with_something_set_aside_can_be_stopped(house: House):
    refuse(house, "bad", "succeeded", "failed", "queued", "cancelled")
    await house.submit(task("bad"))
    await house.until(lambda: house.rows("SELECT 1 FROM event WHERE kind = 'fault.found'"), "it is named")
    house.engine.stop(StopMode.DRAIN)
    await within(house.engine.ended(), "the engine ends")
    assert house.engine.failure is None


async def test_a_retry_that_cannot_be_queued_is_held_and_keeps_no_other_back(house: House):
    jobs = [await house.submit(task(key, "fail", steer={"times": 1}, retry=POLICY)) for key in "xy"]
    await house.until(
        lambda: house.rows("SELECT count(*) FROM task WHERE status='retrying'") == [(2,)], "both wait"
    )
    refuse(house, "x", "queued")
    house.clock.advance(minutes=10)
    await house.reach(jobs[0], "x", "held")
    assert (await house.ended(jobs[1])).status == "succeeded"
    damage(house, "DROP TRIGGER refuse_x")
