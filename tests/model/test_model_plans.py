"""Tests of plans: a loose task and its defaults."""

from __future__ import annotations

import pytest

from core.model.plans import NO_RETRY, OnLoss, RetryPolicy, TaskPlan, TaskSpec
from core.model.records import names_of


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
        "metadata": {"a": 1},
        "context": {"cwd": "/"},
    }
    plan = TaskSpec(**said, timeout=1.5).to_plan()
    assert {name: getattr(plan, name) for name in said} == said
    assert plan.timeout_ms == 1_500


def test_every_field_of_a_spec_reaches_the_plan() -> None:
    plan_fields = set(names_of(TaskPlan))
    assert set(names_of(TaskSpec)) - {"timeout"} <= plan_fields


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
