"""Tests of repairs of rows that do not agree."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from core.model.status import JOB_FINAL
from tests.support.house import House, task

FAN = [
    {"name": "one", "tasks": [task("a"), task("b", "succeed", "a"), task("c", "succeed", "a")]},
    {"name": "two", "tasks": [task("d")]},
]


@contextmanager
def store(house: House) -> Iterator[sqlite3.Connection]:
    """Open the store to damage it, while no engine runs; constraints look away."""
    db = sqlite3.connect(house.paths.db, isolation_level=None)
    try:
        db.execute("PRAGMA foreign_keys = OFF")
        yield db
    finally:
        db.close()


async def stopped(house: House) -> int:
    """Return a job of two stages whose first task waits for a next engine; no engine runs."""
    await house.stop()
    await house.open(dispatch=False)
    job = await house.submit(stages=FAN)
    await house.stop()
    return job


def later(house: House, job: int) -> bool:
    """Let time go by; return whether the job has ended."""
    house.clock.advance(seconds=61)
    return house.job_status(job) in JOB_FINAL


async def repaired(house: House, job: int) -> list[str]:
    """Let an engine finish the job; return what it repaired, in order, each once."""
    await house.open()
    await house.until(partial(later, house, job), "the job ends")
    assert house.job_status(job) == "succeeded"
    rows = house.rows("SELECT data FROM event WHERE kind = 'fault.repaired' ORDER BY id")
    return list(dict.fromkeys(json.loads(data)["what"] for (data,) in rows))


# Damage to a job of which nothing ran yet; the engine that opens the store afterwards must finish it.
DAMAGE = {
    "a stage counts too many open tasks": (
        "UPDATE stage SET open_tasks = 9 WHERE job_id = :job AND position = 0",
        ["stage.open_tasks"],
    ),
    "a stage counts too few open tasks": (
        "UPDATE stage SET open_tasks = 1 WHERE job_id = :job AND position = 0",
        ["stage.open_tasks"],
    ),
    "the counts of a job are wrong": (
        "UPDATE counter SET n = 40 WHERE scope = 'job' AND ref = CAST(:job AS TEXT) AND status = 'blocked'",
        ["counter.wrong"],
    ),
    "a task waits for needs it does not have": (
        "UPDATE task SET needs_left = 2 WHERE job_id = :job AND key = 'b'",
        ["task.needs_left"],
    ),
    "the first task is blocked but waits for nothing": (
        (
            "UPDATE task SET status = 'blocked', sort_key = NULL, queued_at = NULL"
            " WHERE job_id = :job AND key = 'a'"
        ),
        ["stage.stuck"],
    ),
    "the counts of a queue are wrong": (
        "UPDATE counter SET n = 40 WHERE scope = 'queue' AND status = 'blocked' AND :job > 0",
        ["counter.wrong"],
    ),
    "a lane with queued tasks has no head": (
        "UPDATE lane SET head_key = NULL WHERE job_id = :job",
        [],
    ),
    "no stage is open": (
        "UPDATE stage SET status = 'pending' WHERE job_id = :job AND position = 0",
        ["job.stalled"],
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_a_damaged_job_is_repaired_and_finished(house: House, name: str):
    sql, wanted = DAMAGE[name]
    job = await stopped(house)
    with store(house) as db:
        assert db.execute(sql, {"job": job}).rowcount > 0
    found = await repaired(house, job)
    assert set(wanted) <= set(found)


async def test_a_circle_of_needs_in_the_rows_is_found_and_named(house: House):
    job = await stopped(house)
    with store(house) as db:
        a, b = (house.task_id(job, key) for key in "ab")
        db.execute("INSERT INTO edge (need_id, task_id, kind, met) VALUES (?, ?, 'succeeded', 0)", (b, a))
        db.execute(
            "UPDATE task SET status = 'blocked', sort_key = NULL, needs_left = 1 WHERE id = ?",
            (a,),
        )
    await house.open()
    await house.until(partial(later, house, job), "the job ends")
    result = await house.ended(job)
    assert result.status == "failed"
    assert result.reason == "its tasks wait for each other in a circle: a -> b -> a"


async def test_a_need_that_is_gone_fails_its_job_by_name_and_the_job_can_be_shown(house: House):
    job = await stopped(house)
    house.spoiled = frozenset({"store.dangling", "task.needs_left"})
    with store(house) as db:
        a, b = (house.task_id(job, key) for key in "ab")
        db.execute("UPDATE edge SET need_id = 4711 WHERE need_id = ? AND task_id = ?", (a, b))
    await house.open()
    tasks = (await house.control.job_detail(job)).tasks
    assert [one.needs for one in tasks if one.task.key == "b"] == [("#4711",)]
    await house.until(partial(later, house, job), "the job ends")
    result = await house.ended(job)
    assert (result.status, result.reason) == ("failed", f"task b ({b}) needs task 4711, which is not found")


async def test_a_task_that_runs_without_an_attempt_is_held_for_an_operator(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    house.engine.children.close()
    await house.stop()
    with store(house) as db:
        db.execute("UPDATE task SET status = 'running' WHERE key = 'a'")
    await house.open()
    assert house.states(job)["a"] == "held"
    house.steer.release()
    await house.control.retry(house.target(job, "a"))
    assert (await house.ended(job)).status == "succeeded"


async def test_an_attempt_that_its_task_does_not_run_is_closed(house: House):
    job = await house.submit(task("a"))
    await house.ended(job)
    await house.stop()
    with store(house) as db:
        db.execute("UPDATE attempt SET status = 'running', finished_at = NULL")
    await house.open()
    assert house.open_attempts() == 0
    assert house.job_status(job) == "succeeded"


async def test_a_healthy_store_asks_for_no_repair(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a", when="${{ 1 < 2 }}"))
    await house.running("a")
    assert await house.engine.reports.repairs.broken_jobs() == ()
    house.steer.release()
    await house.ended(job)
    await house.settle()
    assert await house.engine.reports.repairs.broken_jobs() == ()
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'fault.repaired'") == [(0,)]


MISCOUNTED = {
    "family.tasks": "UPDATE family SET failed = failed + 7, jobs = 9",
    "family.job": "UPDATE family_job SET n = n + 1",
    "family.failures": "UPDATE family SET failures = 1, last_at = 3",
    "family.hour": "UPDATE family_hour SET n = n + 4",
    "family.failures of none": "DELETE FROM family",
    "counter.wrong of an ended job": "UPDATE counter SET n = n + 1 WHERE scope = 'job' AND ref != '1'",
    "counter.wrong of a stage": "UPDATE counter SET n = n + 1 WHERE scope = 'stage'",
    "run_time.wrong": "UPDATE run_time SET ms = ms + 5",
    "run_time.wrong for none": "DELETE FROM run_time",
    "ended.wrong": "UPDATE ended SET n = n + 3",
    "ended.wrong for none": "DELETE FROM ended",
    "ended.foreign": "UPDATE ended SET at = at + 1",
}


async def test_what_is_counted_wrong_is_counted_again_soon_after_the_start(house: House):
    job = await house.submit(task("a"), task("b", "fail"), task("c", "fail"), on_task_failure="continue")
    await house.ended(job)
    for name, damage in MISCOUNTED.items():
        await house.stop()
        with store(house) as db:
            assert db.execute(damage).rowcount > 0, name
        await house.open()
        house.clock.advance(seconds=6)
        code = name.partition(" ")[0]
        repaired = "SELECT count(*) FROM event WHERE kind = 'fault.repaired' AND data->>'what' = ?"
        await house.until(lambda: house.rows(repaired, code) != [(0,)], f"{name} is repaired")  # noqa: B023
        assert await house.engine.reports.repairs.wrong_counts() == (), name
        assert await house.engine.reports.repairs.miscounted_jobs() == (), name
        with store(house) as db:
            db.execute("DELETE FROM event WHERE kind = 'fault.repaired'")
