"""Tests of `once` in documents: its forms, its expressions, its faults."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid, InvalidDocument
from core.model.limits.once import Once
from core.model.values import JsonObject, JsonValue
from core.workflows.expansion import expand, parse
from tests.workflows.workflow_cases import CONNECTORS

DELAY: JsonObject = {"uses": "delay", "with": {"seconds": 0}}


def once_of(said: JsonValue, params: JsonObject | None = None) -> Once | None:
    tasks: list[JsonValue] = [
        {"key": "first", **DELAY},
        {"key": "a", **DELAY, "needs": ["first"], "once": said},
    ]
    document: JsonObject = {
        "name": "w",
        "params": {"day": {"default": "monday"}, "n": {"type": "number", "default": 1}},
        "tasks": tasks,
    }
    (stage,) = expand(parse(document, CONNECTORS), params or {}).stages
    return stage.tasks[1].once


@pytest.mark.parametrize(
    ("said", "once"),
    [
        ("k", Once(key="k")),
        ({"key": "k"}, Once(key="k")),
        ({"key": "k", "for": "90m"}, Once(key="k", for_="1h30m")),
        ({"key": "k", "for": 60}, Once(key="k", for_="1m")),
        ("${{ params.day }}-${{ params.n }}", Once(key="tuesday-1")),
        ({"key": "${{ params.day }}", "for": "ever"}, Once(key="tuesday", for_="ever")),
        ({"key": "${{ params.n }}"}, Once(key="1")),
    ],
)
def test_a_key_is_worked_out_with_parameters(said: JsonValue, once: Once) -> None:
    assert once_of(said, {"day": "tuesday"}) == once


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (5, "once"),
        ("", "key"),
        ({"for": "1h"}, "is missing"),
        ({"key": "k", "fro": "1h"}, "did you mean `for`"),
        ({"key": "k", "for": "always"}, "unfinished, ever, or a length of time"),
        ({"key": "k", "for": "0s"}, "unfinished, ever, or a length of time"),
        ({"key": "k", "for": "${{ params.day }}"}, "expressions are resolved in"),
        ({"key": "k" * 201}, "at most 200 characters"),
        ("${{ params.dya }}", "did you mean `day`"),
        ("${{ tasks.first.output }}", "may use `params` only"),
        ({"key": "${{ env.HOME }}"}, "may use `params` only"),
        ({"key": "${{ params.n > 1 }}"}, "not a text"),
    ],
)
def test_what_makes_no_key_is_a_fault_of_the_document(said: JsonValue, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        once_of(said)
    assert message in str(caught.value.facts["faults"])


def test_an_expression_in_how_long_a_key_is_taken_is_misplaced() -> None:
    with pytest.raises(InvalidDocument) as caught:
        once_of({"key": "k", "for": "${{ params.day }}"})
    assert "keys of limits, `once`" in str(caught.value.facts["faults"])


@pytest.mark.parametrize("value", ["", "x" * 201, "${{ params.day }}"])
def test_a_parameter_that_makes_no_key_refuses_the_job(value: str) -> None:
    with pytest.raises(Invalid) as caught:
        once_of("${{ params.day }}", {"day": value})
    assert (caught.value.code, caught.value.facts["field"]) == ("task.key", "tasks.a.once.key")


def test_a_task_without_it_has_none_and_defaults_cannot_have_it() -> None:
    document: JsonObject = {"name": "w", "defaults": {"once": "k"}, "tasks": [{"key": "a", **DELAY}]}
    with pytest.raises(InvalidDocument, match="once"):
        parse(document, CONNECTORS)
