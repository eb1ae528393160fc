"""What stands in the row of one task ends that task alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from core.model.limits.limits import Capacity, Limit, LimitKind
from core.store.batch_report import Report
from tests.support.house import House, task
from tests.support.waiting import within

UNREADABLE = ('{"with": {}, "timeout": null, "on_loss": 7}', "[1]", "{", "")


def spoil(house: House, task_id: int, text: str) -> None:
    """Write something else where the definition of a task stands."""
    house.spoiled = frozenset({"store.unreadable"})
    with closing(sqlite3.connect(house.paths.db)) as db, db:
        db.execute("UPDATE task SET spec = ? WHERE id = ?", (text, task_id))


@pytest.mark.parametrize("text", UNREADABLE)
async def test_a_task_that_cannot_be_read_fails_and_those_beside_it_run(house: House, text: str) -> None:
    await house.stop()
    await house.open(dispatch=False)
    job = await house.submit(task("bad"), task("good"), on_task_failure="finish")
    await house.stop()
    spoil(house, house.task_id(job, "bad"), text)
    await house.open()
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"bad": "failed", "good": "succeeded"}
    assert await house.code(job, "bad") == "task.unreadable"
    assert house.engine.failure is None
    assert (await house.finish(task("next"))).status == "succeeded"


async def test_new_limits_reach_the_tasks_behind_one_that_cannot_be_read(house: House) -> None:
    await house.stop()
    await house.open(dispatch=False)
    job = await house.submit(task("bad"), task("good"), on_task_failure="finish")
    await house.stop()
    spoil(house, house.task_id(job, "bad"), UNREADABLE[0])
    house.capacity = Capacity(limits=(Limit(name="api", kind=LimitKind.CONCURRENCY, max=5),))
    engine = await house.open()
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"bad": "failed", "good": "succeeded"}
    assert not engine.info().set_aside


async def test_an_attempt_of_a_former_engine_whose_task_cannot_be_read_is_closed(house: House) -> None:
    job = await house.submit(task("bad", "block"), on_task_failure="finish")
    await house.running("bad")
    spoil(house, house.task_id(job, "bad"), "[1]")
    # Another engine takes the store, as after a crash of the first, whose next write is refused.
    former = house.engine
    await house.open()
    former.journal.wake()
    await house.until(lambda: former.failure is not None, "the former engine is fenced")
    await within(house.stop(former), "the fenced engine stops")
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "bad") == "task.unreadable"


async def test_an_engine_that_cannot_act_on_a_commit_stops_with_the_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(report: Report) -> None:
        raise LookupError("no such thing")

    engine = house.engine
    monkeypatch.setattr(engine.dispatcher, "hear", break_)
    job = await house.submit(task("a"))
    assert engine.failure is not None
    assert engine.failure.code == "engine.broken"
    assert "LookupError: no such thing" in engine.failure.message
    monkeypatch.undo()
    await house.stop()
    await house.open()
    assert (await house.ended(job)).status == "succeeded"
