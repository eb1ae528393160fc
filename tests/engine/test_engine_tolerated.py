"""A tolerated failure as every door tells it."""

from __future__ import annotations

from core.filters.fields import Noun
from core.filters.parser import parse
from core.render.job_shapes import job_shape, task_shape
from tests.support.house import House, task


async def test_a_job_with_a_tolerated_failure_succeeds_and_every_door_says_so(house: House):
    job = await house.submit(
        task("a", "fail", continue_on_error=True), task("b", "succeed", "a"), on_task_failure="stop"
    )
    assert (await house.ended(job)).status == "succeeded"
    view = await house.control.job(job)
    assert (view.tolerated, view.told, job_shape(view)["tolerated"]) == (1, "1 tolerated", 1)
    detail = await house.look(job, "a")
    assert (detail.task.status, detail.task.tolerated, detail.continue_on_error) == ("failed", True, True)
    assert task_shape(detail.task)["tolerated"] is True
    assert str((detail.task.trouble or {})["message"]).startswith("tolerated: ")
    found = await house.control.jobs(parse("tolerated>0", Noun.JOBS))
    assert [row.id for row in found.rows] == [job]
    assert (await house.control.jobs(parse("tolerated>1", Noun.JOBS))).rows == ()
    assert "its job goes on" in (await house.control.why(house.task_id(job, "a"))).summary
