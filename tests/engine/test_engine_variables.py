"""Variables of jobs in an engine: set by completions, read by expressions."""

from __future__ import annotations

import json
from typing import Any

from tests.support.house import House, script, task


def values(house: House, job: int) -> dict[str, Any]:
    return {
        name: json.loads(value)
        for name, value in house.rows("SELECT name, value FROM variable WHERE job_id = ?", job)
    }


def echo(key: str, text: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "uses": "shell", "needs": list(needs), "with": {"argv": ["echo", text]}, **more}


async def test_a_task_sets_variables_from_its_output_and_others_read_them(house: House):
    parsed = {"script": "echo '{\"n\": 41}'", "parse": "json"}
    first = {
        "key": "first",
        "uses": "shell",
        "with": parsed,
        "set": {"n": "${{ output.json.n + 1 }}", "all": {"at": ["${{ output.exit }}", "${{ vars.n }}"]}},
    }
    job = await house.submit(
        first,
        echo("second", "${{ vars.n }}-${{ vars.who }}", "first", set={"who": "${{ output.text }}"}),
        echo("third", "x", "second", when="vars.who == '42-ana'"),
        echo("fourth", "x", "second", when="vars.n > 42"),
        variables={"n": 0, "who": "ana", "all": None},
    )
    assert (await house.ended(job)).status == "succeeded"
    assert values(house, job) == {"n": 42, "who": "42-ana", "all": {"at": [0, 0]}}
    assert house.states(job)["third"] == "succeeded"
    assert house.states(job)["fourth"] == "skipped"
    assert house.history(job, "first") == ["task.claimed", "task.succeeded", "variable.set", "variable.set"]
    shown = {one.name: one for one in await house.control.data.variables(job)}
    assert (shown["who"].key, shown["who"].value, shown["n"].type) == ("second", "42-ana", None)


async def test_what_cannot_be_set_fails_the_task_by_name_and_what_it_did_is_known(house: House):
    job = await house.submit(
        script("missing", "exit 0", set={"x": "${{ output.json.n }}"}),
        script("type", "echo a", set={"y": "${{ output.text }}"}, retry={"max_attempts": 3, "base": 0}),
        script("size", "exit 0", set={"z": "${{ params.big + params.big }}"}),
        script("after", "exit 0", "missing"),
        {**script("told", "exit 0", {"task": "type", "when": "done"}), "when": "tasks.type.output.exit == 0"},
        variables={"x": 0, "y": {"type": "integer"}, "z": ""},
        params={"big": {"default": "x" * 3_000}},
        on_task_failure="continue",
    )
    assert (await house.ended(job)).status == "succeeded", "others succeeded, and it goes on"
    states = house.states(job)
    assert (states["missing"], states["type"], states["size"]) == ("failed", "failed", "failed")
    assert (states["after"], states["told"]) == ("skipped", "succeeded")
    assert await house.code(job, "missing") == "variable.expression"
    assert await house.code(job, "type") == "variable.type"
    assert await house.code(job, "size") == "variable.size"
    assert house.attempts(job, "type") == ["failed"], "it would fail again"
    error = (await house.look(job, "missing")).task.error
    assert error is not None
    assert "its `set` could not be carried out" in error["message"]
    assert "set.x" in error["message"]
    assert values(house, job) == {"x": 0, "y": None, "z": ""}


async def test_a_retry_that_names_it_runs_again(house: House):
    policy = {"max_attempts": 2, "base": 0, "on": ["variable.expression"]}
    job = await house.submit(
        script("a", "exit 0", set={"x": "${{ output.json.n }}"}, retry=policy),
        variables={"x": 0},
    )
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["failed", "failed"]


async def test_a_rerun_sets_again_and_takes_nothing_back(house: House):
    job = await house.submit(
        script("a", "exit 0", set={"x": "${{ vars.x + 1 }}"}),
        task("b", "fail", "a"),
        variables={"x": 0},
    )
    await house.ended(job)
    assert values(house, job) == {"x": 1}
    await house.control.retry(house.target(job, "b"))
    await house.ended(job)
    assert values(house, job) == {"x": 1}
    await house.control.retry(house.target(job, "a"))
    await house.until(lambda: values(house, job) == {"x": 2}, "sets again")


async def test_a_kill_between_the_end_of_a_command_and_its_completion_sets_once(house: House):
    job = await house.submit(script("a", "exit 0", set={"x": "${{ vars.x + 1 }}"}), variables={"x": 0})
    await house.ended(job)
    await house.stop(kill=True)
    await house.open()
    await house.settle()
    assert values(house, job) == {"x": 1}
    assert house.history(job, "a").count("variable.set") == 1
