"""Tests of `finally` in an engine: inputs, doors and refusals."""

from __future__ import annotations

import pytest

from core.model.errors import InvalidDocument
from tests.support.house import House, script, task

READ = {
    "verdict": "${{ job.verdict }}",
    "status": "${{ tasks.a.status }}",
    "code": "${{ tasks.a.error.code }}",
    "exit": "${{ tasks.a.output.exit }}",
}


@pytest.mark.parametrize(("exits", "verdict"), [(0, "succeeded"), (7, "failed")])
async def test_finally_reads_the_verdict_and_how_tasks_ended(house: House, exits: int, verdict: str):
    told = task("told", "succeed", steer={"read": READ}, when="job.verdict == 'succeeded' || true")
    job = await house.submit(script("a", f"exit {exits}"), task("b", "succeed", "a"), **{"finally": [told]})
    assert (await house.ended(job)).status == verdict
    status, code = ("succeeded", None) if exits == 0 else ("failed", "shell.exit")
    (read,) = [one["read"] for one in house.steer.inputs["told"]]
    assert read == {"verdict": verdict, "status": status, "code": code, "exit": exits}
    detail = await house.control.job_detail(job)
    assert [(stage.name, stage.status) for stage in detail.stages][-1] == ("finally", "succeeded")


async def test_what_waits_in_an_ending_job_for_finally_says_so(house: House):
    job = await house.submit(
        task("a", "fail"), **{"finally": [task("f", "block"), task("g", "succeed", "f")]}
    )
    await house.running("f")
    assert house.job_status(job) == "ending"
    waits = await house.control.why(house.task_id(job, "g"))
    assert [reason.code for reason in waits.reasons] == ["needs"]
    assert (await house.look(job, "g")).task.wait_reason == "needs"
    house.steer.release()
    assert (await house.ended(job)).status == "failed"


FAULTS = {
    "tasks": ({"when": "job.verdict == 'failed'"}, "expression.too_early"),
    "needs": ({"needs": ["f"]}, "document.later_need"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_only_finally_can_say_is_refused_elsewhere(house: House, name: str):
    more, code = FAULTS[name]
    with pytest.raises(InvalidDocument) as caught:
        await house.submit({**task("a"), **more}, **{"finally": [task("f")]})
    assert [fault.code for fault in caught.value.faults] == [code]


async def test_a_stage_of_the_same_name_is_refused(house: House):
    stages = [{"name": "finally", "tasks": [task("a")]}]
    with pytest.raises(InvalidDocument) as caught:
        await house.submit(stages=stages, **{"finally": [task("f")]})
    assert [fault.code for fault in caught.value.faults] == ["document.duplicate_stage"]
