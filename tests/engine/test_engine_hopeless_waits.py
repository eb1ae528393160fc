"""A task that waits for what never comes ends its job alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.connectors.waiting import SignalWait, Wait
from core.control.nouns.signals import SendSignal
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.status import JOB_FINAL
from core.model.task_specs import TaskSpec
from core.model.values import MOMENT_MAX, to_iso
from core.store.batch import earliest
from tests.engine.test_engine_damaged_rows import damage
from tests.support.house import House, task

NO_MOMENT = ("9223372036854775807", "'soon'", "x'00'")


@pytest.fixture
def parked(empty_house: House) -> House:
    empty_house.registry = lambda: Registry([Shell(), SignalWait(), Wait(), empty_house.steer])
    return empty_house


def signal(key: str, name: str) -> dict:
    return {"key": key, "uses": "signal", "with": {"name": name}}


def later(house: House, job: int) -> bool:
    """Let time go by; return whether the job has ended."""
    house.clock.advance(seconds=61)
    return house.job_status(job) in JOB_FINAL


@pytest.mark.parametrize("value", NO_MOMENT)
@pytest.mark.parametrize("column", ["due_at", "until", "fails_at"])
async def test_a_wait_for_what_is_no_moment_fails_its_job_alone(parked: House, column: str, value: str):
    await parked.open()
    job = await parked.submit(signal("a", "one"), signal("b", "two"))
    other = await parked.submit(signal("a", "go"), task("b", "succeed", "a"))
    for waiting in (job, other):
        await parked.reach(waiting, "a", "waiting")
    await parked.stop()
    damage(parked, f"UPDATE awaited SET {column} = {value} WHERE task_id = ?", parked.task_id(job, "a"))
    for _ in range(2):
        await parked.open()
        await parked.until(partial(later, parked, job), "the job ends")
        await parked.stop()
    await parked.open()
    ended = await parked.ended(job)
    assert (ended.status, parked.states(job)) == ("failed", {"a": "cancelled", "b": "cancelled"})
    assert f"task a waits for what is not a moment: its `{column}` is" in (ended.reason or "")
    await parked.control.signals.send(SendSignal(name="go"))
    assert (await parked.ended(other)).status == "succeeded"
    assert parked.engine.failure is None


@pytest.mark.parametrize("value", NO_MOMENT)
async def test_a_retry_at_what_is_no_moment_fails_its_job_alone(parked: House, value: str):
    await parked.open()
    job = await parked.submit(task("a", "fail", retry={"max_attempts": 3, "base": "1h", "jitter": "none"}))
    await parked.reach(job, "a", "retrying")
    damage(parked, f"UPDATE task SET retry_at = {value} WHERE id = ?", parked.task_id(job, "a"))
    tasks = (await parked.control.tasks(parse("", Noun.TASKS))).rows
    assert [one.key for one in tasks] == ["a"]
    assert (await parked.finish(task("other"))).status == "succeeded"
    await parked.until(partial(later, parked, job), "the job ends")
    assert "its `retry_at` is" in ((await parked.ended(job)).reason or "")


async def test_a_loose_task_that_waits_for_what_is_no_moment_is_named_once(parked: House):
    await parked.open()
    (one,) = await parked.control.enqueue([TaskSpec(uses="signal", with_={"name": "go"})])
    await parked.settle()
    damage(parked, "UPDATE awaited SET due_at = 'soon' WHERE task_id = ?", one)
    # It stays as it is.
    parked.spoiled |= {"store.rule"}
    named = "SELECT count(*) FROM event WHERE kind = 'fault.found' AND task_id = ?"

    def is_named() -> bool:
        parked.clock.advance(seconds=61)
        return parked.rows(named, one) != [(0,)]

    await parked.until(is_named, "the task is named")
    for _ in range(3):
        parked.clock.advance(seconds=1_801)
        await parked.settle()
    assert parked.rows(named, one) == [(1,)]
    assert f"task #{one}" in parked.engine.info().set_aside
    assert (await parked.finish(task("other"))).status == "succeeded"


async def test_a_wait_for_a_child_whose_row_is_gone_fails_its_job_alone(empty_house: House, tmp_path: Path):
    house = empty_house
    house.registry = lambda: Registry([ChildWorkflow(), house.steer])
    await house.open()
    file = tmp_path / "inner.yaml"
    file.write_text("name: inner\ntasks: [{key: a, uses: steer, with: {do: block}}]")
    job = await house.submit({"key": "sub", "uses": "workflow", "with": {"file": str(file)}})
    await house.running("a")
    ((child,),) = house.rows("SELECT id FROM job WHERE name = 'inner'")
    await house.stop()
    damage(house, "DELETE FROM job WHERE id = ?", child)
    # What is left of the child stays, for nothing says whose it is.
    house.spoiled |= {"store.dangling", "counter.wrong", "fold.job", "fold.stage", "lane.head"}
    await house.open()
    await house.until(partial(later, house, job), "the job ends")
    reason = (await house.ended(job)).reason
    assert reason == f"task sub waits for job {child}, which is not found"
    house.steer.release()
    assert (await house.finish(task("other"))).status == "succeeded"


def test_only_moments_are_waited_for_and_every_number_is_shown_as_one():
    assert earliest(None, MOMENT_MAX + 1, "soon", 7) == 7  # type: ignore[arg-type]
    assert earliest(2**63 - 1) is None
    assert to_iso(2**63 - 1) == to_iso(MOMENT_MAX) == "9999-12-31T23:59:59.999Z"
    assert to_iso(-(2**63)).endswith("1-01-01T00:00:00.000Z")
