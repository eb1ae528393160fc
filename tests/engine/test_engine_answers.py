"""Tasks that wait in an engine: moments, signals, expressions, refusals."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.connectors.waiting import SignalWait, Wait
from core.control.api import Target
from core.control.nouns.signals import SendSignal
from core.model.errors import InvalidDocument
from core.model.task_specs import TaskSpec
from tests.support.house import House, task


@pytest.fixture
def parked(empty_house: House) -> House:
    """Return a house whose engine knows tasks that wait; it is not open."""
    empty_house.registry = lambda: Registry([Shell(), SignalWait(), Wait(), empty_house.steer])
    return empty_house


def wait(of: str, /, *needs: object, **with_: object) -> dict:
    return {"key": of, "uses": "wait", "needs": list(needs), "with": with_}


def signal(of: str, /, *needs: object, **with_: object) -> dict:
    return {"key": of, "uses": "signal", "needs": list(needs), "with": with_}


async def test_a_wait_holds_no_slot_and_ends_in_engine_time_also_after_a_kill(parked: House):
    await parked.open(slots=1)
    job = await parked.submit(
        wait("w", "a", **{"for": "${{ tasks.a.output.n }}h"}),
        task("a", steer={"output": {"n": 2}}),
        task("b", "succeed", "w"),
    )
    await parked.reach(job, "w", "waiting")
    assert (await parked.finish(task("other"))).status == "succeeded"
    waits = await parked.control.why(parked.task_id(job, "w"))
    assert [reason.code for reason in waits.reasons] == ["answer"]
    assert "until 20" in waits.reasons[0].text
    parked.clock.advance(seconds=3_600)
    await parked.open(slots=1)
    await parked.settle()
    assert parked.states(job)["w"] == "waiting"
    parked.clock.advance(seconds=3_601)
    assert (await parked.ended(job)).status == "succeeded"
    assert parked.history(job, "w") == ["task.waiting", "task.succeeded"]


async def test_a_signal_with_expressions_reads_its_data_and_its_timeout_fails_it(parked: House):
    await parked.open()
    job = await parked.submit(
        signal("s", name="paid", key="${{ params.order }}"),
        task("b", "succeed", "s", steer={"read": "${{ tasks.s.output.data.sum }}"}),
        {**signal("late", name="never", timeout="10s"), "continue_on_error": True},
        {**signal("short", name="never"), "timeout": "5s", "continue_on_error": True},
        params={"order": {"type": "integer"}},
        given={"order": 4711},
    )
    await parked.reach(job, "s", "waiting")
    sent = await parked.control.signals.send(
        SendSignal(name="paid", key="4711", data={"sum": 12}, actor="ann")
    )
    assert sent.task_id == parked.task_id(job, "s")
    await parked.reach(job, "b", "succeeded")
    assert [one["read"] for one in parked.steer.inputs["b"]] == [12]
    assert "ann" in str((await parked.look(job, "s")).task.status_by)
    parked.clock.advance(seconds=11)
    assert (await parked.ended(job)).status == "succeeded"
    assert [await parked.code(job, key) for key in ("late", "short")] == ["signal.timeout"] * 2


async def test_a_moment_that_cannot_be_read_fails_its_task_and_cancel_ends_a_wait(parked: House):
    await parked.open()
    job = await parked.submit(
        wait("bad", until="${{ params.at }}"),
        wait("long", until="2199-01-01T00:00Z"),
        params={"at": {"type": "string"}},
        given={"at": "soon"},
        on_task_failure="continue",
    )
    await parked.reach(job, "bad", "failed")
    assert await parked.code(job, "bad") == "with.invalid"
    await parked.reach(job, "long", "waiting")
    await parked.control.cancel(Target(job_id=job))
    assert (await parked.ended(job)).status == "cancelled"


async def test_a_loose_task_may_wait_too(parked: House):
    await parked.open()
    (one,) = await parked.control.enqueue([TaskSpec(uses="signal", with_={"name": "go"})])
    await parked.until(
        lambda: parked.rows("SELECT status FROM task WHERE id = ?", one) == [("waiting",)], "it waits"
    )
    assert (await parked.control.signals.send(SendSignal(name="go"))).task_id == one


@pytest.mark.parametrize(
    ("with_", "path"),
    [
        ({}, "tasks[0].with"),
        ({"for": "1h", "until": "2199-01-01"}, "tasks[0].with"),
        ({"for": "an hour"}, "tasks[0].with.for"),
        ({"until": "soon"}, "tasks[0].with.until"),
        ({"untill": "2199-01-01", "for": 1}, "tasks[0].with.untill"),
    ],
)
async def test_faults_of_a_wait_have_their_places(parked: House, with_: dict, path: str):
    await parked.open()
    with pytest.raises(InvalidDocument) as caught:
        await parked.submit(wait("w", **with_))
    assert [fault.path for fault in caught.value.faults] == [path]


async def test_a_wait_until_a_moment_follows_a_clock_that_is_set_and_one_for_a_time_does_not(parked: House):
    await parked.open()
    until = datetime.fromtimestamp((parked.clock.now() - parked.clock.offset) / 1000 + 7_200, UTC).isoformat()
    job = await parked.submit(wait("moment", until=until), wait("time", **{"for": "2h"}))
    for key in ("moment", "time"):
        await parked.reach(job, key, "waiting")
    parked.clock.set_wall(-3_600_000)
    parked.clock.advance(seconds=7_300)
    await parked.reach(job, "time", "succeeded")
    assert parked.states(job)["moment"] == "waiting", "the clock says that it is an hour away"
    parked.clock.set_wall(+3_600_000)
    parked.clock.advance(seconds=16)
    await parked.reach(job, "moment", "succeeded")
