"""Exit codes that succeed and skip, and retries by the last output."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid
from core.model.plans import RetryPolicy
from core.model.task_specs import TaskSpec
from tests.support.house import House, script

CHOSEN = {"success_exit_codes": [0, 3], "skip_exit_codes": [99]}


async def test_a_task_is_skipped_by_its_exit_code_and_an_expression_can_read_it(house: House):
    job = await house.submit(
        script("ok", "exit 3", **CHOSEN),
        script("none", "echo nothing new; exit 99", **CHOSEN),
        script("after", "exit 1", "none"),
        script("told", "exit 0", {"task": "none", "when": "done"}, when="tasks.none.output.exit == 99"),
        script("bad", "exit 4", "ok", **CHOSEN),
        script("own", "exit 0", success_exit_codes=[3]),
        on_task_failure="continue",
    )
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {
        "ok": "succeeded",
        "none": "skipped",
        "after": "skipped",
        "told": "succeeded",
        "bad": "failed",
        "own": "failed",
    }
    assert house.history(job, "none") == ["task.claimed", "task.skipped"]
    assert house.attempts(job, "none") == ["succeeded"]
    detail = await house.look(job, "none")
    assert detail.task.status_reason == "exit 99, by `skip_exit_codes`"
    assert detail.output["text"] == "nothing new\n"
    await house.control.retry(house.target(job, "none"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "none") == ["succeeded", "succeeded"]


async def test_a_failure_whose_last_output_fits_a_pattern_is_retried_and_another_is_not(house: House):
    policy = {"max_attempts": 2, "base": 0, "on": ["shell.exit.75", {"output": "^connection (reset|lost)$"}]}
    job = await house.submit(
        script("fits", "echo connection lost; echo bye; exit 1", retry=policy),
        script("apart", "echo connection reset >&2; exit 1", retry=policy),
        script("code", "exit 75", retry=policy),
        script("not", "echo no connection reset; exit 1", retry=policy),
        on_task_failure="continue",
    )
    assert (await house.ended(job)).status == "failed"
    tries = {key: len(house.attempts(job, key)) for key in house.states(job)}
    assert tries == {"fits": 2, "apart": 2, "code": 2, "not": 1}
    error = (await house.look(job, "fits")).task.error
    assert error is not None
    assert error["facts"]["matched"] == "^connection (reset|lost)$"


async def test_loose_tasks_may_have_them_where_they_run_a_process(house: House):
    skip = TaskSpec(uses="shell", with_={"script": "exit 9"}, skip_exit_codes=(9,))
    (one,) = await house.control.enqueue([skip])
    await house.until(
        lambda: house.rows("SELECT status FROM task WHERE id = ?", one) == [("skipped",)], "skips"
    )
    for refused in (
        TaskSpec(uses="steer", skip_exit_codes=(9,)),
        TaskSpec(uses="steer", retry=RetryPolicy(max_attempts=2, output=("busy",))),
        TaskSpec(uses="shell", with_={"script": "x"}, retry=RetryPolicy(max_attempts=2, output=("(?=a)",))),
    ):
        with pytest.raises(Invalid) as caught:
            await house.control.enqueue([refused])
        assert caught.value.code in ("task.skip_exit_codes", "task.retry.output")
    with pytest.raises(Invalid, match="success_exit_codes"):
        TaskSpec(uses="shell", success_exit_codes=(9,), skip_exit_codes=(9,))
