"""Limits and costs of tasks, from the document to the plan."""

from __future__ import annotations

import json

import pytest

from core.engine.admissions.admission import plan_job
from core.model.commands.work import SubmitOptions
from core.model.errors import Invalid
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.plans import TaskPlan
from core.model.values import JsonObject, JsonValue
from core.workflows.expansion import expand, parse
from core.workflows.limit_terms import resolve_cost, resolve_limits
from tests.workflows.workflow_cases import CONNECTORS

PARAMS = """
name: x
params: {text: {default: t}, number: {type: number, default: 3.10}, n: {type: integer, default: 3},
         list: {type: array, default: []}, none: {required: false}, unit: {default: "0.02"}}
"""


def plan_of(task: str, *, defaults: str = "", **params: JsonValue) -> TaskPlan:
    text = (
        f"{PARAMS}defaults: {{uses: delay, {defaults}}}\n"
        "tasks:\n- {key: a, with: {seconds: 0}}\n"
        f"- {{key: b, needs: [a], with: {{seconds: 0}}, {task}}}\n"
    )
    return expand(parse(text, CONNECTORS), params).stages[0].tasks[1]


def keys_of(key: str, **params: JsonValue) -> str:
    (ref,) = plan_of(f"limits: [{{limit: db, key: {key}}}]", **params).limits
    return ref.key


def cost_of(amount: str, **params: JsonValue) -> Estimate | None:
    return plan_of(f"cost: {{usd: {amount}}}", **params).cost


def test_everything_that_a_task_says_reaches_its_plan() -> None:
    plan = plan_of(
        "limits: [db, {limit: host, key: h1}], cost: {usd: 0.02, tokens: 3000}, prefer: [deep, fast],"
        " on_exhausted: finish, tags: [slow]"
    )
    assert plan.limits == (LimitRef(name="db"), LimitRef(name="host", key="h1"))
    assert plan.cost == Estimate(amounts={"usd": 20_000, "tokens": 3_000_000_000})
    assert plan.prefer == ("deep", "fast")
    assert (plan.on_exhausted, plan.tags) == (OnExhausted.FINISH, ("slow",))


def test_without_words_a_task_names_no_limit_and_estimates_nothing() -> None:
    plan = plan_of("priority: 1")
    assert (plan.limits, plan.cost, plan.prefer, plan.on_exhausted, plan.tags) == ((), None, (), None, ())


DEFAULTS = "limits: [db], cost: {usd: 1, tokens: 2}, prefer: [deep], on_exhausted: fail, tags: [slow]"


def test_defaults_stand_for_what_a_task_does_not_say() -> None:
    plan = plan_of("priority: 1", defaults=DEFAULTS)
    assert (plan.limits, plan.prefer) == ((LimitRef(name="db"),), ("deep",))
    assert (plan.on_exhausted, plan.tags) == (OnExhausted.FAIL, ("slow",))
    assert plan.cost == Estimate(amounts={"usd": 1_000_000, "tokens": 2_000_000})


def test_the_task_has_the_last_word_of_costs_unit_by_unit() -> None:
    plan = plan_of("limits: [], cost: {usd: 3}, prefer: [], on_exhausted: wait, tags: []", defaults=DEFAULTS)
    assert (plan.limits, plan.prefer, plan.tags) == ((), (), ())
    assert plan.on_exhausted is OnExhausted.WAIT
    assert plan.cost == Estimate(amounts={"usd": 3_000_000, "tokens": 2_000_000})


@pytest.mark.parametrize(
    ("own", "defaults", "cost"),
    [
        ("cost: auto", "", Estimate(is_auto=True)),
        ("cost: auto", "cost: {usd: 1}", Estimate(is_auto=True)),
        ("priority: 1", "cost: auto", Estimate(is_auto=True)),
        ("cost: {usd: 1}", "cost: auto", Estimate(amounts={"usd": 1_000_000})),
    ],
)
def test_auto_is_for_all_units(own: str, defaults: str, cost: Estimate) -> None:
    assert plan_of(own, defaults=defaults).cost == cost


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("h1", "h1"),
        ("010", "010"),
        ("3.10", "3.10"),
        ('"${{ params.text }}"', "t"),
        ('"${{ params.n }}"', "3"),
        ('"x-${{ params.number }}"', "x-3.10"),
        ('"${{ params.n + 1 }}"', "4"),
        ('\'${{ "a" + "b" }}\'', "ab"),
        ('"${{ tasks.a.output.x }}"', "${{ tasks.a.output.x }}"),
        ('"${{ params.text }}-${{ tasks.a.output.x }}"', "${{ params.text }}-${{ tasks.a.output.x }}"),
        ('"${{ env.HOST }}"', "${{ env.HOST }}"),
    ],
)
def test_a_key_is_worked_out_as_far_as_parameters_decide_it(key: str, text: str) -> None:
    assert keys_of(key) == text


@pytest.mark.parametrize("text", ["", "k" * 201, "${{ job.id }}"])
def test_a_key_that_a_parameter_makes_has_bounds_and_is_never_an_expression(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        keys_of('"${{ params.text }}"', text=text)
    assert caught.value.code == "task.key"
    assert caught.value.facts["field"] == "tasks.b.limits[0].key"


@pytest.mark.parametrize("name", ["list", "none"])
def test_a_key_is_a_text_or_a_number(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        resolve_limits(
            (LimitRef(name="db", key="${{ params.x }}"),), {"params": {"x": [] if name == "list" else None}}
        )
    assert caught.value.code == "task.key"


@pytest.mark.parametrize(
    ("amount", "micro"),
    [
        ("0.02", 20_000),
        ("0.10", 100_000),
        ("1e3", 1_000_000_000),
        ("3", 3_000_000),
        ('"0.02"', 20_000),
        ('"${{ params.n * 0.1 }}"', 300_000),
        ('"${{ params.unit }}"', 20_000),
        ('"0.${{ params.n }}"', 300_000),
    ],
)
def test_an_amount_is_exact_and_computed_ones_are_rounded(amount: str, micro: int) -> None:
    assert cost_of(amount) == Estimate(amounts={"usd": micro})


def test_an_amount_that_needs_outputs_stays_a_text() -> None:
    plan = plan_of('cost: {usd: "${{ tasks.a.output.n * params.n }}", calls: "${{ params.n }}"}')
    assert plan.cost == Estimate(
        amounts={"calls": 3_000_000}, expressions={"usd": "${{ tasks.a.output.n * params.n }}"}
    )
    assert plan.has_open_terms
    scope = {"params": {"n": 3}, "tasks": {"a": {"output": {"n": 0.5}}}}
    assert plan.cost is not None
    assert resolve_cost(plan.cost, scope) == Estimate(amounts={"calls": 3_000_000, "usd": 1_500_000})


@pytest.mark.parametrize(("name", "value"), [("n", -1), ("n", 10**9 + 1), ("unit", "lots"), ("unit", "1e-9")])
def test_a_computed_amount_has_bounds(name: str, value: JsonValue) -> None:
    with pytest.raises(Invalid) as caught:
        cost_of(f'"${{{{ params.{name} }}}}"', **{name: value})
    assert caught.value.code == "task.cost"
    assert caught.value.facts["field"] == "tasks.b.cost.usd"


def test_what_needs_more_than_is_known_is_left_as_it_is() -> None:
    refs = (LimitRef(name="db", key="${{ tasks.a.output.x }}"), LimitRef(name="db", key="plain"))
    assert resolve_limits(refs, {}, known=("params",)) == refs
    scope = {"tasks": {"a": {"output": {"x": "y"}}}}
    assert resolve_limits(refs, scope) == (LimitRef(name="db", key="y"), LimitRef(name="db", key="plain"))


def test_more_decimals_than_are_counted_are_refused_also_where_a_float_has_none_of_them() -> None:
    with pytest.raises(Invalid):
        cost_of("0.0200000000000000000001")


def test_json_keeps_the_decimals_of_amounts_too() -> None:
    document = {"name": "x", "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": 0}}]}
    text = json.dumps(document).replace('"key"', '"cost": {"usd": 0.0200000000000000000001}, "key"')
    with pytest.raises(Invalid):
        parse(text, CONNECTORS)
    good = text.replace("0.0200000000000000000001", "0.0200")
    assert expand(parse(good, CONNECTORS)).stages[0].tasks[0].cost == Estimate(amounts={"usd": 20_000})


def test_the_project_of_a_document_is_that_of_its_job() -> None:
    text = "name: x\nproject: team\ntasks: [{key: a, uses: http}]"
    assert expand(parse(text, CONNECTORS)).project == "team"


@pytest.mark.parametrize(("given", "project"), [(None, "team"), ("mine", "mine")])
def test_the_project_of_a_submission_wins_and_its_tasks_have_it(given: str | None, project: str) -> None:
    tasks: list[JsonValue] = [{"key": "a", "uses": "delay", "with": {"seconds": 0}}]
    document: JsonObject = {"name": "x", "project": "team", "tasks": tasks}
    plan = plan_job(document, {}, checks=CONNECTORS, options=SubmitOptions(project=given))
    assert plan.project == project
    assert [task.project for task in plan.stages[0].tasks] == [project]
