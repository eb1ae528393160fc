"""Admission refuses what is out of bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest

from core.control.api import SubmitOptions, TaskSpec
from core.model.bounds import ATTEMPTS_MAX, INPUT_BYTES, NAME_MAX, PARAMS_BYTES, PRIORITY_MAX, QUEUE_MAX
from core.model.errors import Invalid
from core.model.plans import NO_RETRY, RetryPolicy
from core.model.records import replace
from core.model.timing.durations import LONGEST_MS
from tests.support.house import House

GOOD = TaskSpec(uses="delay", with_={"seconds": 0}).to_plan()


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": 1.5},
        {"priority": True},
        {"timeout_ms": -1},
        {"timeout_ms": 0.5},
        {"key": ""},
        {"queue": "a b"},
        {"retry": replace(NO_RETRY, max_attempts=10**9)},
        {"with_": {"seconds": math.nan}},
        {"metadata": {"x": math.inf}},
        {"context": {"env": {"A": 1}}},
        {"with_": {"seconds": 0, 5: "x"}},
        {"metadata": {"x": "x" * INPUT_BYTES}},
    ],
)
async def test_a_plan_that_no_door_looked_at_is_refused(house: House, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        await house.engine.admission.enqueue([GOOD, replace(GOOD, **wrong)], group=None, actor="a")
    assert caught.value.facts["field"]
    assert house.rows("SELECT count(*) FROM task") == [(0,)]


@pytest.mark.parametrize(("group", "actor"), [("", "a"), ("g" * 201, "a"), ("g", "")])
async def test_a_group_and_an_actor_have_bounds(house: House, group: str, actor: str) -> None:
    with pytest.raises(Invalid):
        await house.engine.admission.enqueue([GOOD], group=group, actor=actor)


async def test_parameters_have_a_size(house: House) -> None:
    document: dict[str, Any] = {
        "name": "w",
        "params": {"text": {"type": "string"}},
        "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": 0}}],
    }
    for value in ("x" * PARAMS_BYTES, math.nan):
        with pytest.raises(Invalid) as caught:
            await house.control.submit(document, {"text": value}, options=SubmitOptions())
        assert caught.value.facts["field"] == "params"


async def test_what_is_at_the_bounds_is_admitted_run_and_sound(house: House) -> None:
    edge = {
        "key": "k" * NAME_MAX,
        "name": "n" * NAME_MAX,
        "queue": "q" * QUEUE_MAX,
        "retry": RetryPolicy(max_attempts=ATTEMPTS_MAX, base_ms=LONGEST_MS, max_ms=LONGEST_MS),
    }
    limits = (None, 0, 1, LONGEST_MS)
    plans = [
        replace(GOOD, **edge, priority=priority, timeout_ms=limit)  # type: ignore[arg-type]
        for priority in (0, PRIORITY_MAX)
        for limit in limits
    ]
    enqueued = await house.engine.admission.enqueue(plans, group="g" * NAME_MAX, actor="a" * NAME_MAX)
    # The store is recounted and its history folded when the house closes.
    counts = await house.control.wait_tasks(enqueued.task_ids)
    assert counts == {"succeeded": len(plans)}
