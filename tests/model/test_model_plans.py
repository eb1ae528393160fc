"""Tests of plans: a loose task and its defaults."""

from __future__ import annotations

from typing import Any

import pytest

from core.model.errors import Invalid
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.limits.once import Once
from core.model.plans import NO_RETRY, WATCHDOG_FIELDS, Leftovers, OnLoss, RetryPolicy, TaskPlan
from core.model.records import names_of, replace
from core.model.task_specs import TaskSpec, check_task


def test_a_spec_becomes_a_plan_with_everything_it_says() -> None:
    retry = RetryPolicy(max_attempts=3, base_ms=10)
    said = {
        "uses": "shell",
        "with_": {"argv": ["true"]},
        "key": "probe",
        "name": "Probe",
        "queue": "io",
        "priority": 7,
        "on_loss": OnLoss.ASK,
        "retry": retry,
        "limits": (LimitRef(name="db", key="1"),),
        "prefer": ("deep", "fast"),
        "on_exhausted": OnExhausted.FINISH,
        "tags": ("slow",),
        "project": "team",
        "once": Once(key="k", for_="1h"),
        "metadata": {"a": 1},
        "context": {"cwd": "/"},
    }
    plan = TaskSpec(**said, timeout=1.5).to_plan()
    assert {name: getattr(plan, name) for name in said} == said
    assert plan.timeout_ms == 1_500


def test_every_field_of_a_spec_reaches_the_plan() -> None:
    plan_fields = set(names_of(TaskPlan))
    given = {"timeout", *WATCHDOG_FIELDS}
    assert set(names_of(TaskSpec)) - given <= plan_fields


def test_what_few_tasks_say_makes_no_difference_to_the_rest() -> None:
    said: dict[str, Any] = {
        "uses": "shell",
        "with_": {"argv": ["true"]},
        "key": "probe",
        "name": "Probe",
        "queue": "io",
        "priority": 7,
        "retry": RetryPolicy(max_attempts=3),
        "metadata": {"a": 1},
        "context": {"cwd": "/tmp"},
    }
    plain, more = TaskSpec(**said).to_plan(), TaskSpec(**said, tags=("slow",)).to_plan()
    assert replace(more, tags=()) == plain
    assert {name: getattr(plain, name) for name in said} == said


def test_a_word_for_leftovers_becomes_its_member() -> None:
    spec = TaskSpec(uses="shell", leftovers="kill")  # type: ignore[arg-type]
    assert spec.leftovers is Leftovers.KILL


@pytest.mark.parametrize(("seconds", "ms"), [(None, None), (0, 0), (0.0004, 1), (2, 2_000), (0.25, 250)])
def test_a_timeout_in_seconds_becomes_ms(seconds: float | None, ms: int | None) -> None:
    assert TaskSpec(uses="delay", timeout=seconds).to_plan().timeout_ms == ms


def test_a_spec_and_a_plan_without_more_default_alike() -> None:
    plan = TaskSpec(uses="delay").to_plan()
    assert plan == TaskPlan(key="task", uses="delay")
    assert plan.retry is NO_RETRY
    assert NO_RETRY.max_attempts == 1


def test_plans_do_not_share_their_mappings_and_do_not_change() -> None:
    first, second = TaskPlan(key="a", uses="delay"), TaskPlan(key="b", uses="delay")
    assert first.with_ is not second.with_
    with pytest.raises(AttributeError):
        first.key = "c"  # type: ignore[misc]


def test_words_and_lists_of_a_program_become_what_they_name() -> None:
    said: dict[str, object] = {"limits": ["db"], "prefer": ["deep"], "tags": ["a"], "on_exhausted": "fail"}
    spec = TaskSpec(uses="delay", **said)  # type: ignore[arg-type]
    assert spec.limits == (LimitRef(name="db"),)
    assert (spec.prefer, spec.tags, spec.on_exhausted) == (("deep",), ("a",), OnExhausted.FAIL)


@pytest.mark.parametrize(
    ("cost", "estimate"),
    [
        (None, None),
        ("auto", Estimate(is_auto=True)),
        ({"usd": 0.02, "tokens": "3000"}, Estimate(amounts={"usd": 20_000, "tokens": 3_000_000_000})),
    ],
)
def test_a_cost_is_kept_in_millionths(cost: dict[str, float | str] | str | None, estimate: object) -> None:
    assert TaskSpec(uses="delay", cost=cost).to_plan().cost == estimate


@pytest.mark.parametrize(
    "cost",
    [
        Estimate(amounts={"usd": -1}),
        Estimate(amounts={"usd": 10**15 + 1}),
        Estimate(amounts={"USD": 1}),
        Estimate(expressions={"usd": "${{ params.x }}"}),
        {"usd": 1},
    ],
)
def test_an_estimate_of_a_loose_plan_has_bounds(cost: Estimate) -> None:
    with pytest.raises(Invalid) as caught:
        check_task(TaskPlan(key="a", uses="delay", cost=cost))
    assert caught.value.code == "task.cost"


def test_a_unit_is_told_what_it_may_have_been_meant_to_be() -> None:
    with pytest.raises(Invalid, match="did you mean `usd`"):
        TaskSpec(uses="delay", cost={"USD": 1})


@pytest.mark.parametrize(
    ("plan", "is_open"),
    [
        (TaskPlan(key="a", uses="delay"), False),
        (TaskPlan(key="a", uses="delay", limits=(LimitRef(name="db", key="1"),)), False),
        (TaskPlan(key="a", uses="delay", cost=Estimate(amounts={"usd": 1})), False),
        (TaskPlan(key="a", uses="delay", limits=(LimitRef(name="db", key="x${{ env.A }}"),)), True),
        (TaskPlan(key="a", uses="delay", cost=Estimate(expressions={"usd": "${{ env.A }}"})), True),
    ],
)
def test_terms_are_open_while_they_need_outputs(plan: TaskPlan, *, is_open: bool) -> None:
    assert plan.has_open_terms is is_open
