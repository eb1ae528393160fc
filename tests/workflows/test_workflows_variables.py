"""Tests of variables in documents: first values, types, texts, parallel writers."""

from __future__ import annotations

import pytest

from core.connectors.registry import Registry
from core.connectors.waiting import Wait
from core.model.errors import Invalid, InvalidDocument
from core.model.patterns.variables import VARIABLE_BYTES, VariablePlan
from core.model.values import JsonObject, JsonValue
from core.workflows.expansion import Workflow, expand, parse
from tests.workflows.workflow_cases import CONNECTORS

HEAD = "name: w\nparams: {n: {type: integer, default: 4}, s: {default: a}}\n"
TASK = "tasks: [{key: a, uses: delay, with: {seconds: 0}, set: {x: 1}}]\n"


def workflow(variables: str, tasks: str = TASK) -> Workflow:
    return parse(f"{HEAD}variables: {variables}\n{tasks}", CONNECTORS)


def faults(variables: str, tasks: str = TASK) -> str:
    with pytest.raises(InvalidDocument) as caught:
        workflow(variables, tasks)
    return "; ".join(fault.message for fault in caught.value.faults)


def plans(variables: str, **params: JsonValue) -> dict[str, VariablePlan]:
    return {one.name: one for one in expand(workflow(variables), params).variables}


@pytest.mark.parametrize(
    ("said", "value", "type_"),
    [
        ("0", 0, None),
        ("text", "text", None),
        ("~", None, None),
        ("[1, 2]", [1, 2], None),
        ("{type: integer}", None, "integer"),
        ("{type: object, value: {a: 1}}", {"a": 1}, "object"),
        ('"${{ params.n + 1 }}"', 5, None),
        ('{type: string, value: "${{ params.s }}-${{ params.n }}"}', "a-4", "string"),
        ("3.10", "3.10", None),
        ("010", "010", None),
        ("1e3", "1e3", None),
        ("+5", "+5", None),
        ("0.30", "0.30", None),
        ("[1, 3.10]", [1, "3.10"], None),
        ("{type: string, value: 7}", "7", "string"),
        ("{type: string, value: 1234e5}", "1234e5", "string"),
        ("{type: number, value: 3.10}", 3.1, "number"),
    ],
)
def test_a_variable_begins_with_its_value(said: str, value: JsonValue, type_: str | None) -> None:
    assert plans(f"{{x: {said}}}")["x"] == VariablePlan(name="x", type=type_, value=value)


def test_numbers_in_another_form_are_warned_of() -> None:
    warned = workflow("{x: 3.10, y: {type: number, value: 1e3}, z: {type: string, value: 010}}").warnings
    assert [fault.message for fault in warned] == [
        "`x` begins with the text 3.10: say `type: string`, or `type: number`",
        "`y` is a number, and written as 1000.0 where it becomes text",
    ]


def test_what_is_set_keeps_its_text_unless_the_variable_is_a_number() -> None:
    tasks = TASK.replace("{x: 1}", "{x: 3.10, y: 3.10, z: 8}")
    made = workflow("{x: ~, y: {type: number}, z: {type: string}}", tasks)
    (stage,) = expand(made).stages
    assert stage.tasks[0].set_ == {"x": "3.10", "y": 3.1, "z": "8"}


def test_a_parameter_that_does_not_fit_a_variable_refuses_the_job() -> None:
    with pytest.raises(Invalid, match="the variable `x`") as caught:
        plans('{x: {type: integer, value: "${{ params.s }}"}}')
    assert caught.value.code == "variable.type"
    with pytest.raises(Invalid) as caught:
        plans('{x: "${{ params.s }}"}', s="x" * VARIABLE_BYTES)
    assert caught.value.code == "variable.size"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ("[x]", "must be a mapping"),
        ("{1x: 0}", "is not a name"),
        ("{x: {typ: string}}", "did you mean `type`"),
        ("{x: {type: text}}", "must be"),
        ("{x: {type: integer, value: a}}", "is not of type integer"),
        (f"{{x: {'y' * VARIABLE_BYTES}}}", "bytes as JSON"),
        ('{x: "${{ params.m }}"}', "`m` is not a parameter"),
        ('{x: "${{ env.HOME }}"}', "begins with what `params` say"),
        ('{x: "${{ params. }}"}', "a name is missing"),
        ('{x: "${{ params.n"}', "has no end"),
        ("{" + ", ".join(f"x{n}: 0" for n in range(101)) + "}", "at most 100 items"),
        ("{y: 0}", "`x` is not a variable"),
    ],
)
def test_faults_are_named(variables: str, message: str) -> None:
    assert message in faults(variables)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ('with: {seconds: "${{ vars.y }}"}', "`y` is not a variable"),
        ('with: {seconds: 0}, when: "${{ vars.y > 1 }}"', "`y` is not a variable"),
        ('with: {seconds: "${{ output.n }}"}', "`output` is not a name here"),
        ('with: {seconds: 0}, set: {x: "${{ output.n + }}"}', "something is missing"),
        ('with: {seconds: 0}, set: {x: "${{ secrets.s }}"}', "may not stand in `set`"),
        ('with: {seconds: 0}, set: {x: "${{ tasks.b.output }}"}', "without needing it"),
    ],
)
def test_expressions_are_checked(task: str, message: str) -> None:
    tasks = f"tasks: [{{key: a, uses: delay, {task}}}, {{key: b, uses: delay, with: {{seconds: 0}}}}]"
    assert message in faults("{x: 0}", tasks)


def test_the_instances_of_a_task_set_nothing() -> None:
    tasks = TASK.replace("key: a,", "key: a, for_each: [1, 2],")
    assert "the instances of `a` would all set the same" in faults("{x: 0}", tasks)


def test_a_task_that_waits_sets_nothing() -> None:
    builtin = Registry([Wait()])
    tasks = {"tasks": [{"key": "a", "uses": "wait", "with": {"for": 1}, "set": {"x": 1}}]}
    with pytest.raises(InvalidDocument, match="a task that uses `wait` sets no variables"):
        parse({"name": "w", "variables": {"x": 0}, **tasks}, builtin)


def test_a_fault_has_its_line() -> None:
    with pytest.raises(InvalidDocument) as caught:
        workflow("{x: 0}", "tasks:\n- key: a\n  uses: delay\n  with: {seconds: 0}\n  set: {y: 1}\n")
    (fault,) = caught.value.faults
    assert (fault.code, fault.line, fault.path) == ("document.unknown_variable", 8, "tasks[0].set.y")


def document(needs: dict[str, list[str]], setters: str, **more: JsonValue) -> JsonObject:
    tasks: list[JsonValue] = [
        {"key": key, "uses": "delay", "with": {"seconds": 0}, "needs": list(wanted)}
        | ({"set": {"x": 1}} if key in setters else {})
        for key, wanted in needs.items()
    ]
    return {"name": "w", "variables": {"x": 0}, "tasks": tasks, **more}


DIAMOND: dict[str, list[str]] = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


@pytest.mark.parametrize(
    ("needs", "setters", "pair"),
    [
        (DIAMOND, "abd", None),
        (DIAMOND, "acd", None),
        (DIAMOND, "bc", "`b` and `c`"),
        (DIAMOND, "abcd", "`b` and `c`"),
        ({"c": ["b"], "b": ["a"], "a": []}, "abc", None),
        ({"a": [], "b": []}, "ab", "`a` and `b`"),
    ],
)
def test_parallel_writers_of_a_variable_are_refused(
    needs: dict[str, list[str]], setters: str, pair: str | None
) -> None:
    if pair is None:
        parse(document(needs, setters), CONNECTORS)
        return
    with pytest.raises(InvalidDocument, match=f"{pair} may run at the same time and both set `x`"):
        parse(document(needs, setters), CONNECTORS)


def test_writers_of_different_stages_are_in_order() -> None:
    first = document({"a": []}, "a")["tasks"]
    stages: list[JsonValue] = [{"name": "one", "tasks": first}]
    last: JsonObject = {"key": "b", "uses": "delay", "with": {"seconds": 0}, "set": {"x": 2}}
    parse({"name": "w", "variables": {"x": 0}, "stages": stages, "finally": [last]}, CONNECTORS)
    twice: list[JsonValue] = [*stages, {"name": "two", "tasks": [last, {**last, "key": "c"}]}]
    with pytest.raises(InvalidDocument, match="`b` and `c`"):
        parse({"name": "w", "variables": {"x": 0}, "stages": twice}, CONNECTORS)


def test_a_long_line_of_writers_is_checked_in_one_walk() -> None:
    needs = {f"t{n}": [f"t{n - 1}"] if n else [] for n in range(3_000)}
    tasks = document(needs, "", variables={f"v{n}": 0 for n in range(100)})
    for one in tasks["tasks"]:  # type: ignore[union-attr]
        one["set"] = {f"v{n}": 1 for n in range(100)}  # type: ignore[index,call-overload]
    with pytest.raises(InvalidDocument, match="more than 250000 values"):
        parse(tasks, CONNECTORS)
    for one in tasks["tasks"]:  # type: ignore[union-attr]
        one["set"] = {f"v{n}": 1 for n in range(20)}  # type: ignore[index,call-overload]
    parse(tasks, CONNECTORS)
