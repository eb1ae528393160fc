"""Text that goes to a command arrives as it was written."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.config import load as load_settings
from core.connectors.registry import Registry, builtin
from core.model.errors import Invalid, InvalidDocument
from core.model.plans import TaskPlan
from core.workflows.expansion import Workflow, expand, parse

CONNECTORS = Registry(builtin(load_settings(Path("/nonexistent"))))
TODAY = date(2026, 3, 1)
SCALARS = [
    "3.10",
    "010",
    "1e3",
    "0.30",
    "+5",
    "1234e5",
    "0x1F",
    "0o17",
    "1_000",
    ".5",
    "5.",
    "~",
    "null",
    "yes",
    "True",
    "FALSE",
    "2026-01-01",
    "-0",
    "1E+2",
    "12:30",
    "7",
    "1.5",
    "true",
]


def plans(text: str, **params: Any) -> list[TaskPlan]:
    (stage,) = expand(parse(text, CONNECTORS), params, today=TODAY).stages
    return list(stage.tasks)


def with_of(text: str, **params: Any) -> Any:
    return plans(text, **params)[0].with_


def shown(values: list[Any]) -> list[str]:
    """Return values as the connector hands them to a process."""
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def document(with_: str, uses: str = "shell", params: str = "") -> str:
    return f"name: w\nparams: {{{params}}}\ntasks:\n- {{key: a, uses: {uses}, with: {{{with_}}}}}\n"


def test_arguments_arrive_as_written() -> None:
    with_ = with_of(document(f"argv: [printf, {', '.join(SCALARS)}]"))
    assert shown(with_["argv"][1:]) == SCALARS


def test_a_block_list_and_a_blank_item_too() -> None:
    text = "name: w\ntasks:\n- key: a\n  uses: shell\n  with:\n    argv:\n    - echo\n    - 3.10\n    -\n"
    assert with_of(text)["argv"] == ["echo", "3.10", ""]


def test_variables_of_processes_arrive_as_written() -> None:
    env = ", ".join(f"V{number}: {scalar}" for number, scalar in enumerate(SCALARS))
    for uses, rest in (("shell", "script: 'true'"), ("python", "call: 'm:f'")):
        assert shown([*with_of(document(f"{rest}, env: {{{env}}}", uses))["env"].values()]) == SCALARS


def test_headers_queries_forms_and_bodies_arrive_as_written() -> None:
    url = "url: 'http://x'"
    parts = {
        "headers": "{X: 3.10}",
        "query": "{v: 010, many: [1e3, 0.30]}",
        "form": "{n: +5}",
        "body": "1.0e3",
    }
    for name, text in parts.items():
        with_ = with_of(document(f"{url}, {name}: {text}", "http"))[name]
        written = text.strip("{}")
        assert with_ == (
            {"X": "3.10"}
            if name == "headers"
            else {"v": "010", "many": ["1e3", "0.30"]}
            if name == "query"
            else {"n": "+5"}
            if name == "form"
            else written
        )


def test_numbers_of_json_bodies_arguments_and_counts_stay_numbers() -> None:
    with_ = with_of(document("url: 'http://x', json: {a: 3.10, b: 010, c: [~]}", "http"))
    assert with_["json"] == {"a": 3.1, "b": 10, "c": [None]}
    assert with_of(document("call: 'm:f', args: {x: 3.10}", "python"))["args"] == {"x": 3.1}
    assert with_of(document("seconds: 1.50", "delay")) == {"seconds": 1.5}


def test_a_json_document_keeps_its_numbers_too() -> None:
    text = (
        '{"name": "w", "tasks": [{"key": "a", "uses": "shell", "with":'
        ' {"argv": ["printf", 3.10, 1e3, -0, 1.5E2, 7, true, null], "env": {"A": 0.30}}}]}'
    )
    with_ = with_of(text)
    assert shown(with_["argv"][1:]) == ["3.10", "1e3", "-0", "1.5E2", "7", "true", "null"]
    assert with_["env"] == {"A": "0.30"}
    assert json.loads(text)["tasks"][0]["with"]["argv"][2] == 1000


def test_the_stored_definition_tells_them_apart() -> None:
    one, other = (expand(parse(document(f"argv: [x, {text}]"), CONNECTORS)) for text in ("3.10", "3.1"))
    assert one.definition_hash != other.definition_hash


@pytest.mark.parametrize("kind", ["type: string, ", ""])
def test_a_text_parameter_takes_its_default_as_written(kind: str) -> None:
    text = document("argv: [x, '${{ params.v }}']", params=f"v: {{{kind}default: 3.10}}")
    workflow = parse(text, CONNECTORS)
    assert expand(workflow).params == {"v": "3.10"}
    assert [fault.code for fault in workflow.warnings] == ([] if kind else ["document.untyped"])


def test_choices_of_a_text_parameter_are_texts() -> None:
    text = document("argv: [x]", params="v: {type: string, enum: [3.9, 3.10], default: 3.10}")
    assert expand(parse(text, CONNECTORS)).params == {"v": "3.10"}
    with pytest.raises(Invalid):
        expand(parse(text, CONNECTORS), {"v": "3.1"})


def test_a_number_parameter_that_goes_to_a_command_keeps_its_text_and_its_value() -> None:
    text = document(
        "argv: [x, '${{ params.v }}', 'v${{params.v}}-', '${{ params.v + 1 }}'], env: {V: '${{ params.v }}'}",
        params="v: {type: number, default: 3.10}",
    )
    kept = with_of(text)
    assert kept["argv"][1:] == ["3.10", "v3.10-", "${{ params.v + 1 }}"]
    assert kept["env"] == {"V": "3.10"}
    assert expand(parse(text, CONNECTORS)).params == {"v": 3.1}
    assert with_of(text, v="1.50")["argv"][1] == "1.50"
    assert with_of(text, v="2")["argv"][1] == "${{ params.v }}"
    assert with_of(text, v=2.5)["argv"][1] == "${{ params.v }}"


@pytest.mark.parametrize("scalar", [".inf", ".nan", "12345678901234567890123", "1e999"])
def test_what_is_not_a_number_any_more_is_refused_with_the_way_to_keep_it(scalar: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(document(f"argv: [x, {scalar}]"), CONNECTORS)
    assert "put it in quotes to keep it as text" in caught.value.faults[0].message


def test_a_mapping_of_a_program_is_left_alone() -> None:
    mapping: dict[str, Any] = {
        "name": "w",
        "tasks": [{"key": "a", "uses": "shell", "with": {"argv": ["x", 3.1]}}],
    }
    workflow: Workflow = parse(mapping, CONNECTORS)
    assert workflow.definition["tasks"] == mapping["tasks"]
    assert mapping["tasks"][0]["with"]["argv"][1] == 3.1


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (None, "2026-02-28"),
        ("today", "2026-03-01"),
        ("today-7d", "2026-02-22"),
        ("tomorrow + 1w", "2026-03-09"),
        ("Yesterday", "2026-02-28"),
        ("2024-02-29", "2024-02-29"),
    ],
)
def test_a_date_may_be_told_from_today(given: str | None, value: str) -> None:
    workflow = parse(document("argv: [x]", params="d: {type: date, default: yesterday}"), CONNECTORS)
    params = {} if given is None else {"d": given}
    assert expand(workflow, params, today=TODAY).params == {"d": value}


@pytest.mark.parametrize("given", ["2026-02-30", "26-1-1", "now", "today-", "today-9999999d", "", 5])
def test_what_is_not_a_date_is_refused(given: object) -> None:
    workflow = parse(document("argv: [x]", params="d: {type: date}"), CONNECTORS)
    with pytest.raises(Invalid) as caught:
        expand(workflow, {"d": given}, today=TODAY)  # type: ignore[dict-item]
    assert caught.value.code == "params.invalid"


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean", "array", "object", "date"])
def test_an_optional_parameter_is_null_when_nothing_is_given(kind: str) -> None:
    for optional in ("default: null", "required: false"):
        workflow = parse(document("argv: [x]", params=f"v: {{type: {kind}, {optional}}}"), CONNECTORS)
        assert expand(workflow).params == {"v": None}
        assert expand(workflow, {"v": None}).params == {"v": None}
        given = expand(workflow, {"v": "null"}).params
        assert given == {"v": "null" if kind == "string" else None}


def test_null_is_refused_where_a_value_is_required() -> None:
    workflow = parse(document("argv: [x]", params="v: {type: integer}"), CONNECTORS)
    for params in ({}, {"v": None}, {"v": "null"}):
        with pytest.raises(Invalid):
            expand(workflow, params)  # type: ignore[arg-type]
    with pytest.raises(InvalidDocument):
        parse(document("argv: [x]", params="v: {required: true, default: a}"), CONNECTORS)


@pytest.mark.parametrize(
    ("retry", "code"),
    [
        ("[shell.exit.75, timeout, shell]", None),
        ("[shel.exit]", "document.unknown_code"),
        ("[http.503]", "document.unknown_code"),
        ("[shell.exit.75-64]", "document.unknown_code"),
    ],
)
def test_codes_of_a_retry_are_those_of_its_connector(retry: str, code: str | None) -> None:
    text = f"name: w\ntasks:\n- {{key: a, uses: shell, with: {{argv: [x]}}, retry: {{on: {retry}}}}}\n"
    if code is None:
        assert plans(text)[0].retry.on
        return
    with pytest.raises(InvalidDocument) as caught:
        parse(text, CONNECTORS)
    assert [(fault.code, fault.line) for fault in caught.value.faults] == [(code, 3)]


def test_codes_of_the_defaults_are_those_of_any_connector() -> None:
    text = document("argv: [x]") + "defaults: {retry: {on: [http.503, shell.exit.1-9]}}\n"
    assert plans(text)[0].retry.on == ("http.503", "shell.exit.1-9")
    with pytest.raises(InvalidDocument):
        parse(text.replace("http.503", "htp.503"), CONNECTORS)
