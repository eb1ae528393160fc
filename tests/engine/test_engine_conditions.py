"""Tests of conditions and inputs: when they are judged and resolved."""

from __future__ import annotations

from typing import Any, cast

import pytest

from core.control.api import Target
from core.engine.judgements.conditions import Conditions
from core.model.errors import Invalid, InvalidDocument
from core.model.patterns.judgements import FailIt, Question, TakeOutputs
from core.store.reports.conditions import WaitingCondition
from tests.support.house import House, script, task


@pytest.mark.parametrize(
    ("when", "status", "job_status"),
    [
        ("${{ tasks.a.output.n > 1 }}", "succeeded", "succeeded"),
        ("${{ tasks.a.output.n > 5 }}", "skipped", "succeeded"),
        ("${{ tasks.a.output.missing > 5 }}", "failed", "failed"),
        ("${{ tasks.a.output.n }}", "failed", "failed"),
        ("${{ params.go }}", "succeeded", "succeeded"),
        ("${{ tasks.a.status == 'succeeded' && params.go }}", "succeeded", "succeeded"),
    ],
)
async def test_a_condition_runs_skips_or_fails_its_task(
    house: House, when: str, status: str, job_status: str
):
    job = await house.submit(
        task("a", steer={"output": {"n": 3}}),
        task("b", "succeed", "a", when=when),
        params={"go": {"type": "boolean", "default": True}},
    )
    assert (await house.ended(job)).status == job_status
    assert house.states(job)["b"] == status
    assert house.steer.started == (["a", "b"] if status == "succeeded" else ["a"])
    if status == "failed":
        assert str(await house.code(job, "b")).startswith("expression.")


async def test_a_condition_without_needs_is_judged_at_once(house: House):
    job = await house.submit(task("a", when="${{ 1 > 2 }}"), task("b", when="${{ 2 > 1 }}"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "skipped", "b": "succeeded"}


async def test_a_condition_of_a_later_stage_waits_for_its_stage(house: House):
    stages = [
        {"name": "one", "tasks": [task("a", "block")]},
        {"name": "two", "tasks": [task("b", when="${{ tasks.a.status == 'succeeded' }}")]},
    ]
    job = await house.submit(stages=stages)
    await house.running("a")
    await house.settle()
    assert house.states(job)["b"] == "blocked"
    house.steer.release("a")
    assert (await house.ended(job)).status == "succeeded"


async def test_a_condition_that_waited_while_an_engine_died_is_judged_by_the_next(empty_house: House):
    house = empty_house
    await house.open(dispatch=False)
    job = await house.submit(task("a", when="${{ 2 > 1 }}"))
    assert house.rows("SELECT wait_reason FROM task WHERE job_id = ?", job) == [("condition",)]
    await house.stop()
    await house.open()
    assert (await house.ended(job)).status == "succeeded"


async def test_a_condition_is_judged_again_at_the_start(house: House):
    job = await house.submit(
        task("a", "fail", steer={"times": 1}),
        task(
            "b", "block", {"task": "a", "when": "done"}, when="${{ tasks.a.status == 'failed' }}", queue="b"
        ),
        task("open", "block", queue="b"),
        on_task_failure="continue",
    )
    await house.running("b", "open")
    await house.control.cancel(house.target(job, "b"))
    await house.reach(job, "b", "cancelled")
    await house.control.pause(Target(queue="b"))
    await house.control.retry(house.target(job, "b"))
    await house.reach(job, "b", "queued")
    await house.control.retry(house.target(job, "a"))
    await house.reach(job, "a", "succeeded")
    await house.control.resume(Target(queue="b"))
    await house.reach(job, "b", "failed")
    assert await house.code(job, "b") == "condition.changed"
    house.steer.release()
    await house.ended(job)


async def test_needs_that_any_end_meets_see_how_it_ended(house: House):
    job = await house.submit(
        task("a", "fail"),
        task("b", "succeed", {"task": "a", "when": "done"}, steer={"output": "${{ tasks.a.status }}"}),
        task("c", "succeed", "a"),
        on_task_failure="continue",
    )
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "failed", "b": "succeeded", "c": "skipped"}
    assert (await house.look(job, "b")).output == "failed"


async def test_inputs_are_resolved_from_outputs_with_their_types(house: House):
    job = await house.submit(
        task("a", steer={"output": {"n": 3, "list": [1, {"x": None}], "text": "${{ params.no }}"}}),
        task(
            "b",
            "succeed",
            "a",
            steer={
                "whole": "${{ tasks.a.output }}",
                "item": "${{ tasks.a.output.list[1] }}",
                "sum": "${{ tasks.a.output.n + params.add }}",
                "text": "n=${{ tasks.a.output.n }} of ${{ job.name }}",
            },
        ),
        params={"add": {"type": "integer", "default": 4}, "no": {"default": "never"}},
    )
    await house.ended(job)
    (seen,) = house.steer.inputs["b"]
    assert (seen["item"], seen["sum"], seen["text"]) == ({"x": None}, 7, "n=3 of work")
    assert seen["whole"]["list"] == [1, {"x": None}]


async def test_inputs_may_use_what_lies_further_up_than_their_own_needs(house: House):
    job = await house.submit(
        task("a", steer={"output": {"n": 1}}),
        task("b", "succeed", "a"),
        task("c", "succeed", "b", steer={"output": "${{ tasks.a.output.n }}"}),
    )
    assert (await house.ended(job)).status == "succeeded"
    assert (await house.look(job, "c")).output == 1


async def test_a_large_output_reaches_those_who_need_it_whole(house: House):
    large = "x" * 200_000
    job = await house.submit(
        task("a", steer={"output": {"big": large}}),
        task("b", "succeed", "a", steer={"output": "${{ tasks.a.output.big }}"}),
    )
    assert (await house.ended(job)).status == "succeeded"
    assert (await house.look(job, "b")).output == large


async def test_an_expression_that_nothing_answers_fails_the_task_for_good(house: House):
    job = await house.submit(
        task("a", steer={"output": {"n": 3}}),
        task("b", "succeed", "a", steer={"x": "${{ tasks.a.output.m }}"}, retry={"max_attempts": 5}),
    )
    assert (await house.ended(job)).status == "failed"
    assert str(await house.code(job, "b")).startswith("expression.")
    assert house.attempts(job, "b") == ["failed"]


async def test_an_input_that_is_invalid_once_resolved_fails_the_task_for_good(house: House):
    job = await house.submit(
        task("a", steer={"output": {"argv": {"no": "list"}}}),
        {"key": "b", "uses": "shell", "needs": ["a"], "with": {"argv": "${{ tasks.a.output.argv }}"}},
    )
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "b") == "with.invalid"
    assert house.attempts(job, "b") == ["failed"]


async def test_values_put_into_an_input_are_not_expressions(house: House):
    job = await house.submit(
        task("a", steer={"output": "${{ env.HOME }}"}) | {"with": {"do": "succeed", "output": {"n": "$"}}},
        task("b", "succeed", "a", steer={"output": "${{ tasks.a.output.n }}{{ env.HOME }}"}),
    )
    assert (await house.ended(job)).status == "succeeded"
    assert (await house.look(job, "b")).output == "${{ env.HOME }}"


async def test_outputs_of_children_feed_what_follows(house: House):
    job = await house.submit(
        {
            "key": "a",
            "uses": "shell",
            "with": {"script": "echo '{\"n\": [1, 2]}'", "parse": "json"},
        },
        {
            "key": "b",
            "uses": "shell",
            "needs": ["a"],
            "with": {"argv": ["echo", "${{ tasks.a.output.json.n[1] }}"]},
        },
    )
    assert (await house.ended(job)).status == "succeeded"
    assert (await house.look(job, "b")).output["text"] == "2\n"


async def test_an_unknown_connector_is_refused_before_anything_is_admitted(house: House):
    with pytest.raises(InvalidDocument):
        await house.submit({"key": "a", "uses": "steeer"})
    assert house.rows("SELECT count(*) FROM job") == [(1,)]


async def test_many_conditions_are_judged_in_pages(house: House):
    tasks = [task(f"t{n}", when=f"${{{{ {n} % 2 == 0 }}}}") for n in range(620)]
    job = await house.submit(*tasks)
    result = await house.ended(job)
    assert result.tasks == {"succeeded": 310, "skipped": 310}


async def test_a_job_of_only_skipped_tasks_succeeds(house: House):
    job = await house.submit(task("a", when="false"), script("b", "exit 1", "a"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "skipped", "b": "skipped"}


async def test_a_condition_on_a_status_does_not_read_what_the_task_returned(house: House):
    numbers = list(range(200_000))
    job = await house.submit(
        task("list", steer={"output": {"numbers": numbers}}),
        task("told", "succeed", "list", when="${{ tasks.list.status == 'succeeded' }}"),
        task("many", "succeed", "list", when="${{ size(tasks.list.output.numbers) == 200000 }}"),
        task(
            "last",
            "succeed",
            "list",
            steer={"output": "${{ tasks.list.output.numbers[199999] + params.big }}"},
        ),
        params={"big": {"type": "integer", "default": 2**60}},
    )
    assert (await house.ended(job)).status == "succeeded"
    assert set(house.states(job).values()) == {"succeeded"}
    assert (await house.look(job, "last")).output == 2**60 + 199_999


async def test_a_refusal_in_an_expression_names_the_task_the_place_and_the_kinds(house: House):
    job = await house.submit(
        task("a", steer={"output": {"n": 3, "s": "x"}}),
        task("b", "succeed", "a", when="${{ tasks.a.output.n + tasks.a.output.s == 1 }}"),
        task("c", "succeed", "a", steer={"output": {"list": ["${{ tasks.a.output.n.x }}"]}}),
        on_task_failure="continue",
    )
    await house.ended(job)
    errors = {key: (await house.look(job, key)).task.error for key in ("b", "c")}
    source = "tasks.a.output.n + tasks.a.output.s == 1"
    assert errors["b"]["message"] == (
        f"`b.when`: in `{source}` at character 18: `+` is not defined for int and string"
    )
    assert errors["b"]["facts"] == {
        "types": ["int", "string"],
        "expression": source,
        "character": 18,
        "field": "b.when",
    }
    assert errors["c"]["facts"]["field"] == "c.with.output.list[0]"
    assert errors["c"]["message"].startswith(
        "`c.with.output.list[0]`: in `tasks.a.output.n.x` at character 18: "
    )


async def test_a_task_that_runs_after_a_failure_sees_exit_and_error(house: House):
    after = {"needs": [{"task": "broken", "when": "done"}]}
    job = await house.submit(
        script("broken", "echo no luck; exit 75"),
        script("fine", "echo ok; echo; printf 'last\\n\\n'"),
        {
            **task(
                "seen", steer={"output": ["${{ tasks.broken.status }}", "${{ tasks.broken.output.exit }}"]}
            ),
            **after,
            "when": "${{ tasks.broken.output.exit == 75 && tasks.broken.error.code.contains('exit') }}",
        },
        {**task("error", steer={"output": "${{ tasks.broken.error }}"}), **after},
        {**task("other", when="${{ tasks.broken.output.exit == 1 }}"), **after},
        task("none", "succeed", "fine", steer={"output": "${{ tasks.fine.error }}"}),
        on_task_failure="continue",
    )
    await house.ended(job)
    assert house.states(job)["other"] == "skipped"
    assert (await house.look(job, "seen")).output == ["failed", 75]
    error = (await house.look(job, "error")).output
    assert error["code"].startswith("shell.exit")
    assert error["message"] == "exit 75: no luck"
    assert (await house.look(job, "none")).output == {"code": None, "message": None}


async def test_what_a_command_printed_is_compared_without_its_final_line_ends(house: House):
    job = await house.submit(
        script("a", "echo one; echo two; echo"),
        task("same", "succeed", "a", when="${{ tasks.a.output.text == 'one\\ntwo' }}"),
        task(
            "seen",
            "succeed",
            "a",
            steer={"output": ["<${{ tasks.a.output.text }}>", "${{ tasks.a.output.text.lines() }}"]},
        ),
        task("b", steer={"output": {"text": "kept\n"}}),
        task("other", "succeed", "b", steer={"output": "${{ tasks.b.output.text }}"}),
    )
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job)["same"] == "succeeded"
    assert (await house.look(job, "seen")).output == ["<one\ntwo>", ["one", "two"]]
    assert (await house.look(job, "a")).output["text"] == "one\ntwo\n\n"
    assert (await house.look(job, "other")).output == "kept\n"


class _Asking:
    """One task that asks for the outputs of its child, and the journal that takes the answers."""

    def __init__(self) -> None:
        self.decided: list[Any] = []

    async def some(self, task_ids: Any) -> list[WaitingCondition]:
        asked = {"asks": "outputs", "generation": 2, "epoch": 3}
        return [WaitingCondition(task_id=7, job_id=2, key="a", uses="steer", spec="{}", **asked)]

    async def outputs(self, _: WaitingCondition) -> TakeOutputs:
        return TakeOutputs(outputs={})

    async def submit(self, command: Any) -> None:
        self.decided.append(command)
        if len(self.decided) == 1:
            raise Invalid("outputs.odd", "not these", hint="give others")


async def test_a_judgement_says_of_which_question_it_is_also_where_the_store_refuses_it():
    asked: Any = _Asking()
    conditions = Conditions(asked, cast("Any", None), asked, note=lambda *_: None, children=asked)
    await conditions.judge([7])
    question = Question(asks="outputs", generation=2, epoch=3)
    assert [(type(one.verdict), one.question) for one in asked.decided] == [
        (TakeOutputs, question),
        (FailIt, question),
    ]
