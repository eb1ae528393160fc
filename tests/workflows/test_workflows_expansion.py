"""A document and its parameters become the plan of a job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.model.errors import Invalid, InvalidDocument
from core.model.plans import NO_RETRY, Backoff, Jitter, NeedPlan, NeedWhen, OnLoss, OnTaskFailure, RetryPolicy
from core.model.values import JsonObject
from core.workflows.expansion import expand, hash_of, parse
from tests.support.steps import counted_calls
from tests.workflows.workflow_cases import CONNECTORS

TEXT = """
name: plan
on_task_failure: continue
notify: https://example.org/
expect: {every: 25h}
params:
  word: {default: a}
  limit: {type: integer, min: 1, max: 10}
  rate: {type: number, default: 1}
  yes: {type: boolean, default: false}
  list: {type: array, default: [], max: 2}
  map: {type: object, default: {}}
  color: {enum: [red, green], default: red}
defaults: {uses: delay, queue: slow, priority: 5, timeout: 90s, on_loss: ask,
           retry: {max_attempts: 4, base: 2s}}
stages:
  - name: one
    tasks:
      - {key: a, with: {seconds: "${{ params.limit }}"}}
      - {key: b, with: {seconds: 0}, needs: [a], priority: 0, timeout: 250ms, queue: fast, on_loss: fail,
         retry: {base: 0, jitter: none, backoff: fixed, on: [timeout]}, name: the B, metadata: {x: [1]}}
  - name: two
    tasks:
      - {key: c, uses: http, needs: [{task: a, when: done}], when: "${{ params.limit > 3 }}"}
"""


def test_defaults_are_merged_field_by_field_and_the_task_has_the_last_word() -> None:
    plan = expand(parse(TEXT, CONNECTORS), {"limit": 4}, context={"cwd": "/tmp", "env": {}})
    a, b = plan.stages[0].tasks
    (c,) = plan.stages[1].tasks
    assert (plan.name, plan.on_task_failure, plan.notify) == (
        "plan",
        OnTaskFailure.CONTINUE,
        "https://example.org/",
    )
    assert plan.expect_ms == 25 * 3_600_000
    assert [stage.name for stage in plan.stages] == ["one", "two"]
    assert (a.uses, a.queue, a.priority, a.timeout_ms, a.on_loss) == ("delay", "slow", 5, 90_000, OnLoss.ASK)
    assert a.retry == RetryPolicy(max_attempts=4, base_ms=2_000)
    assert (b.queue, b.priority, b.timeout_ms, b.on_loss) == ("fast", 0, 250, OnLoss.FAIL)
    assert b.retry == RetryPolicy(
        max_attempts=4, backoff=Backoff.FIXED, base_ms=0, jitter=Jitter.NONE, on=("timeout",)
    )
    assert (b.name, b.metadata, b.needs) == ("the B", {"x": [1]}, (NeedPlan(key="a"),))
    assert (c.when, c.needs) == ("params.limit > 3", (NeedPlan(key="a", when=NeedWhen.DONE),))
    assert a.with_ == {"seconds": "${{ params.limit }}"}
    assert c.context == {"cwd": "/tmp", "env": {}}


def test_variables_come_from_the_document_the_defaults_the_task_and_the_submission() -> None:
    workflow = parse(
        "name: x\nenv: {A: document, B: document, C: document, D: document}\n"
        "defaults: {uses: delay, env: {B: defaults, C: defaults, D: defaults}}\n"
        "tasks: [{key: a, env: {C: task, D: task}, with: {seconds: 1}}, {key: b, with: {seconds: 1}}]\n",
        checks=CONNECTORS,
    )
    first, second = expand(workflow, context={"cwd": "/", "env": {"D": "run"}}).stages[0].tasks
    assert first.context == {"cwd": "/", "env": {"A": "document", "B": "defaults", "C": "task", "D": "run"}}
    assert second.context["env"] == {"A": "document", "B": "defaults", "C": "defaults", "D": "run"}


def test_without_words_a_task_has_one_attempt_and_the_queue_default() -> None:
    plan = expand(parse("name: x\ntasks: [{key: a, uses: http}]", CONNECTORS))
    (stage,) = plan.stages
    (task,) = stage.tasks
    assert (stage.name, task.queue, task.priority, task.timeout_ms) == ("main", "default", 0, None)
    assert task.retry == NO_RETRY


def test_retry_without_a_number_means_three_attempts() -> None:
    plan = expand(parse("name: x\ntasks: [{key: a, uses: http, retry: {on: [timeout]}}]", CONNECTORS))
    assert plan.stages[0].tasks[0].retry == RetryPolicy(max_attempts=3, on=("timeout",))


def test_durations_are_read_as_filters_read_them() -> None:
    text = "name: x\ntasks: [{key: a, uses: http, timeout: 1h30m, retry: {base: 2, max: 1w}}]"
    (task,) = expand(parse(text, CONNECTORS)).stages[0].tasks
    assert (task.timeout_ms, task.retry.base_ms, task.retry.max_ms) == (5_400_000, 2_000, 604_800_000)


def test_parameters_given_as_text_are_read_as_their_type_asks() -> None:
    given = {
        "limit": "10",
        "rate": "2.5",
        "yes": "true",
        "list": "[1, 2]",
        "map": '{"a": null}',
        "word": "10",
    }
    plan = expand(parse(TEXT, CONNECTORS), given)
    assert plan.params == {
        "word": "10",
        "limit": 10,
        "rate": 2.5,
        "yes": True,
        "list": [1, 2],
        "map": {"a": None},
        "color": "red",
    }


BAD = {
    "missing": ({}, "`limit` (integer) is missing"),
    "unknown": ({"limit": 1, "limt": 2}, "did you mean `limit`?"),
    "text": ({"limit": "many"}, "is not of type integer"),
    "fraction": ({"limit": 1.5}, "is not of type integer"),
    "boolean": ({"limit": True}, "is not of type integer"),
    "null": ({"limit": None}, "is not of type integer"),
    "low": ({"limit": 0}, "less than 1"),
    "high": ({"limit": "11"}, "more than 10"),
    "infinite": ({"limit": 1, "rate": float("inf")}, "not finite"),
    "digits": ({"limit": "9" * 5000}, "is not of type integer"),
    "choice": ({"limit": 1, "color": "blue"}, "none of"),
    "items": ({"limit": 1, "list": [1, 2, 3]}, "more than 2"),
    "json": ({"limit": 1, "map": "{"}, "is not of type object"),
    "deep": ({"limit": 1, "list": "[" * 5000 + "]" * 5000}, "is not of type array"),
    "word": ({"limit": 1, "yes": "maybe"}, "is not of type boolean"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_parameter_that_does_not_fit_is_refused_with_the_reason(name: str) -> None:
    given, words = BAD[name]
    with pytest.raises(Invalid) as caught:
        expand(parse(TEXT, CONNECTORS), given)  # type: ignore[arg-type]
    assert caught.value.code == "params.invalid"
    assert words in caught.value.message


def test_all_reasons_against_parameters_are_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        expand(parse(TEXT, CONNECTORS), {"yes": "maybe", "nope": 1})
    assert len(caught.value.facts["reasons"]) == 3  # type: ignore[arg-type]


def test_the_hash_is_of_the_content_whatever_its_spelling() -> None:
    yaml = parse("name: x\ntasks: [{key: a, uses: http}]", CONNECTORS)
    spelt = parse('{"tasks": [{"uses": "http", "key": "a"}], "name": "x"}', CONNECTORS)
    other = parse("name: y\ntasks: [{key: a, uses: http}]", CONNECTORS)
    assert expand(yaml).definition_hash == expand(spelt).definition_hash != expand(other).definition_hash
    assert expand(yaml).definition == {"name": "x", "tasks": [{"key": "a", "uses": "http"}]}
    assert len(hash_of({"a": "\ud800"})) == 64


def test_a_faulty_document_is_refused_with_all_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: ''\ntasks: [{key: a}]")
    with pytest.raises(InvalidDocument) as caught:
        parse(path, CONNECTORS)
    assert len(caught.value.faults) == 2
    assert str(path) in caught.value.message


def large_workflow(tasks: int, edges: int) -> JsonObject:
    """Return a layered workflow; every task needs about three of those before it."""
    made: list[JsonObject] = []
    for number in range(tasks):
        fan = min(number, round((number + 1) * edges / tasks) - round(number * edges / tasks))
        needs = sorted({f"t{(number * 7 + step * 13) % number:05}" for step in range(fan)}) if number else []
        made.append({"key": f"t{number:05}", "needs": needs, "uses": "delay", "with": {"seconds": 0.5}})
    return {"name": "large", "tasks": made}  # type: ignore[dict-item]


def test_2122_tasks_and_6114_edges_are_parsed_and_expanded_in_few_steps() -> None:
    mapping = large_workflow(2122, 6114)
    with counted_calls() as calls:
        plan = expand(parse(mapping, CONNECTORS))
    assert calls.number < 320 * 2122
    assert sum(len(stage.tasks) for stage in plan.stages) == 2122
    text = json.dumps(mapping)
    assert expand(parse(text, CONNECTORS)).definition_hash == plan.definition_hash
