"""Children of jobs as operators see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.registry import Registry
from core.control import operator_requests
from core.control.api import Target
from tests.support.house import House

BLOCKS = """
name: inner
tasks: [{key: a, uses: steer, with: {do: block}}, {key: b, uses: steer, with: {do: succeed}, needs: [a]}]
"""


@pytest.fixture
async def house(empty_house: House) -> House:
    """Return an open house whose engine knows children."""
    empty_house.registry = lambda: Registry([ChildWorkflow(), empty_house.steer])
    await empty_house.open()
    return empty_house


async def begin(house: House, tmp_path: Path) -> tuple[int, int]:
    """Submit a job whose task waits for a child in which `a` runs; return both."""
    file = tmp_path / "inner.yaml"
    file.write_text(BLOCKS)
    job = await house.submit({"key": "sub", "uses": "workflow", "with": {"file": str(file)}})
    await house.running("a")
    ((child,),) = house.rows("SELECT id FROM job WHERE name = 'inner'")
    return job, child


async def test_why_names_the_child_that_a_task_waits_for_and_the_way_there(house: House, tmp_path: Path):
    job, child = await begin(house, tmp_path)
    (reason,) = (await house.control.why(house.task_id(job, "sub"))).reasons
    assert reason.text == f"it waits for its child, job {child} inner (running)"
    assert f"'taskdeck show {child}'" in reason.ends
    assert reason.numbers == {"job": child, "name": "inner", "status": "running"}
    (group,) = (await house.control.why_job(job)).groups
    assert group.reason.short == f"child job {child}"
    house.steer.release("a")


async def test_a_fresh_retry_begins_a_new_child_and_keeps_the_old_one(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    file.write_text("name: inner\ntasks: [{key: a, uses: steer, with: {do: fail, times: 1}}]\n")
    job = await house.submit({"key": "sub", "uses": "workflow", "with": {"file": str(file)}})
    assert (await house.ended(job)).status == "failed"
    await house.control.ask(operator_requests.Retry(target=Target(job_id=job), fresh=True))
    await house.ended(job)
    detail = await house.control.job_detail(job)
    old, new = detail.children
    assert (old.status, old.superseded, new.superseded) == ("failed", True, False)
