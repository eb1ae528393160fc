"""Keys of limits and costs that need outputs, by a whole engine."""

from __future__ import annotations

from typing import Any

import pytest

from core.control.api import Target
from core.model.commands.limits import Configure
from core.model.limits.limits import Limit, LimitKind, LimitRef
from tests.support.house import House, task

HOST = Limit(name="host", kind=LimitKind.CONCURRENCY, max=1)
TEAM = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=10_000_000, on={})


@pytest.fixture
async def limited(house: House) -> House:
    await house.engine.journal.submit(Configure(limits=(HOST, TEAM)))
    return house


def on_host(key: str, do: str = "block", **more: Any) -> dict[str, Any]:
    return task(
        key,
        do,
        "a",
        limits=[{"limit": "host", "key": "${{ tasks.a.output.host }}"}],
        cost={"usd": "${{ tasks.a.output.usd * 2 }}", "calls": 1},
        **more,
    )


async def test_keys_and_amounts_of_outputs_bind_before_the_start(limited: House) -> None:
    job = await limited.submit(
        task("a", steer={"output": {"host": "db1", "usd": 0.5}}), on_host("b"), on_host("c")
    )
    active = limited.steer.active
    # Whichever is judged first.
    await limited.until(lambda: active["b"] or active["c"], "one of them runs")
    await limited.settle()
    first, other = ("b", "c") if active["b"] else ("c", "b")
    assert limited.states(job) == {"a": "succeeded", first: "running", other: "queued"}
    assert limited.rows("SELECT name, key, reserved FROM gauge ORDER BY 1") == [
        ("host", "db1", 1),
        ("team", "", 1_000_000),
    ]
    shown = await limited.look(job, other)
    assert shown.limits == (LimitRef(name="host", key="db1"),)
    limited.steer.release(first)
    await limited.running(other)


@pytest.mark.parametrize(
    ("output", "code", "place"),
    [
        ({"usd": 1}, "expression.unknown", "b.limits[0].key"),
        ({"host": [1], "usd": 1}, "task.key", "b.limits[0].key"),
        ({"host": "x", "usd": -1}, "task.cost", "b.cost.usd"),
        ({"host": "x", "usd": "1"}, "expression.type", "b.cost.usd"),
    ],
)
async def test_terms_that_cannot_be_worked_out_fail_the_task(
    limited: House, output: dict[str, Any], code: str, place: str
) -> None:
    job = await limited.submit(task("a", steer={"output": output}), on_host("b", "succeed"))
    assert (await limited.ended(job)).status == "failed"
    error = (await limited.look(job, "b")).task.error
    assert error is not None
    assert (error["code"], place in str(error["message"])) == (code, True)


async def test_a_false_condition_skips_without_looking_at_terms(limited: House) -> None:
    job = await limited.submit(task("a", steer={"output": {}}), on_host("b", when="${{ 1 > 2 }}"))
    assert (await limited.ended(job)).status == "succeeded"
    assert limited.states(job)["b"] == "skipped"


async def test_a_rerun_works_them_out_again(limited: House) -> None:
    job = await limited.submit(
        task("a", steer={"output": {"host": "db1", "usd": 1}}), on_host("b", "succeed", when="${{ 2 > 1 }}")
    )
    assert (await limited.ended(job)).status == "succeeded"
    await limited.control.retry(limited.target(job, "b"))
    await limited.ended(job)
    assert limited.history(job, "b").count("task.queued") == 2
    assert limited.rows("SELECT used FROM gauge WHERE name = 'team'") == [(4_000_000,)]


async def test_a_task_that_waits_for_its_terms_may_be_cancelled(limited: House) -> None:
    job = await limited.submit(task("a", "block"), on_host("b"))
    await limited.control.cancel(Target(job_id=job))
    limited.steer.release("a")
    await limited.ended(job)
    assert limited.states(job)["b"] == "cancelled"
