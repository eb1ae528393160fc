"""The same bounds on every door: Python, socket, document, command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.cli.main import main
from core.config import load
from core.connectors.registry import Registry, builtin
from core.control import api, operator_requests
from core.control.wire import decode_request
from core.model.bounds import (
    ATTEMPTS_MAX,
    LIMITS_MAX,
    NAME_MAX,
    PRIORITY_MAX,
    QUEUE_MAX,
    REASON_MAX,
    TAG_MAX,
    TAGS_MAX,
    UNIT_MAX,
    UNITS_MAX,
)
from core.model.commands.work import SubmitOptions
from core.model.errors import Invalid, InvalidDocument
from core.model.plans import Backoff, OnLoss, RetryPolicy
from core.model.task_specs import TaskSpec
from core.model.timing.durations import LONGEST_MS
from core.workflows.expansion import expand, parse
from tests.support.tables import each

CENTURY = LONGEST_MS // 1000
CONNECTORS = Registry(builtin(load(Path("/nonexistent"))))

GOOD: dict[str, list[object]] = {
    "priority": [0, PRIORITY_MAX],
    "timeout": [0, "none", "0", 0.001, 1, 2.5, "10m", CENTURY],
    "queue": ["a", "A-1.b_c", "q" * QUEUE_MAX],
    "name": ["n", "ü" * NAME_MAX],
    "on_loss": ["retry", "fail", "ask"],
    "retry.max_attempts": [1, ATTEMPTS_MAX],
    "retry.backoff": ["fixed", "exponential"],
    "retry.jitter": ["full", "none"],
    "limits": [[], ["db"], ["d" * QUEUE_MAX] * LIMITS_MAX],
    "cost": ["auto", {}, {"usd": 0.02, "tokens": 3_000, "my_unit": "1.5"}, {"usd": 10**9}],
    "prefer": [[], ["deep", "fast"]],
    "on_exhausted": ["wait", "fail", "finish"],
    "tags": [[], ["a", "ü" * TAG_MAX]],
    "project": ["p", "ü" * NAME_MAX],
}
BAD: dict[str, list[object]] = {
    "priority": [-1, PRIORITY_MAX + 1, 1.5, 2.0, True, "5", 2**63],
    "timeout": [-1, -0.5, "-1s", "5 parsecs", True, CENTURY * 2, 1e308, "", "10 m x"],
    "queue": ["", "a b", "-a", "a/b", "a\n", "q" * (QUEUE_MAX + 1), 5],
    "name": ["", "n" * (NAME_MAX + 1), 5, True],
    "on_loss": ["", "Retry", "rety", 1, True],
    "retry.max_attempts": [0, -1, ATTEMPTS_MAX + 1, 10**9, 1.5, 2.0, True, "3"],
    "retry.backoff": ["", "linear", 1],
    "retry.jitter": ["some", True],
    "limits": ["db", 5, [""], ["a b"], [5], [None], ["db"] * (LIMITS_MAX + 1)],
    "cost": [
        "Auto",
        5,
        [1],
        *({"usd": bad} for bad in (-1, "-1", True, None, "x", "1e-7", 10**9 + 1, 1e-7, "nan", [1])),
        *({bad: 1} for bad in ("", "USD", "1a", "a b", "auto", "u" * (UNIT_MAX + 1))),
        {f"u{number}": 1 for number in range(UNITS_MAX + 1)},
    ],
    "prefer": ["deep", 5, [""], ["a b"], [5]],
    "on_exhausted": ["", "Wait", "finsh", True],
    "tags": ["a", [""], [5], ["a" * (TAG_MAX + 1)], ["a"] * (TAGS_MAX + 1)],
    "project": ["", "p" * (NAME_MAX + 1), 5, True],
}


def by_python(field: str, value: Any) -> object:
    if field.startswith("retry."):
        return TaskSpec(uses="delay", retry=RetryPolicy(**{field.removeprefix("retry."): value}))
    return TaskSpec(uses="delay", **{field: value}).to_plan()


def by_wire(field: str, value: Any) -> object:
    outer, _, inner = field.rpartition(".")
    if field == "limits" and isinstance(value, list):
        value = [{"name": name} for name in value]
    spec = {"uses": "delay", **({outer: {inner: value}} if outer else {field: value})}
    return decode_request(json.dumps({"specs": [spec]}).encode(), api.Enqueue)


def by_document(field: str, value: Any) -> object:
    outer, _, inner = field.rpartition(".")
    own = {outer: {inner: value}} if outer else {field: value}
    task = {"key": "a", "uses": "delay", "with": {"seconds": 0}}
    # A project is of a whole job.
    document, part = ({"name": "w", **own}, {}) if field == "project" else ({"name": "w"}, own)
    return expand(parse({**document, "tasks": [{**task, **part}]}, CONNECTORS))


DOORS: dict[str, Callable[[str, Any], object]] = {
    "python": by_python,
    "wire": by_wire,
    "document": by_document,
}
FLAGS = [
    *(("--priority", "priority", value) for value in ("-1", "101", "1.5", "true", "", str(2**63))),
    *(
        ("--timeout", "timeout", value)
        for value in ("-1", "-1s", "5 parsecs", "", "inf", "nan", "200w99999d")
    ),
    *(("--queue", "queue", value) for value in ("", "a b", "-a", "a/b", "q" * (QUEUE_MAX + 1))),
    *(
        ("--limit", "limits", value)
        for value in ("", "=k", "db=", "a b", f"db={'k' * (NAME_MAX + 1)}", "a=${{")
    ),
    *(
        ("--cost", "cost", value)
        for value in ("", "usd", "=1", "USD=1", "usd=", "usd=-1", "usd=1e-7", "auto=1")
    ),
    *(("--prefer", "prefer", value) for value in ("", "a b")),
    *(("--tag", "tags", value) for value in ("", "t" * (TAG_MAX + 1))),
    *(("--project", "project", value) for value in ("", "p" * (NAME_MAX + 1))),
    ("--on-exhausted", "on_exhausted", "finsh"),
    *(("--retry", "max_attempts", value) for value in ("-1", str(ATTEMPTS_MAX), "1.5", "x")),
]


@each("door", DOORS)
@each(("field", "value"), [(f, v) for f, values in GOOD.items() for v in values])
def test_what_is_within_the_bounds_is_taken_by_every_door(field: str, value: object, door: str) -> None:
    DOORS[door](field, value)


@each("door", DOORS)
@each(("field", "value"), [(f, v) for f, values in BAD.items() for v in values])
def test_what_is_out_of_bounds_is_refused_by_every_door(field: str, value: object, door: str) -> None:
    with pytest.raises(Invalid) as caught:
        DOORS[door](field, value)
    error = caught.value
    if isinstance(error, InvalidDocument):
        assert error.faults[0].code == "document.value"
        assert f".{field}" in f".{error.faults[0].path}"
    else:
        assert error.code in (f"task.{field.rpartition('.')[2]}", "wire.field")
        assert field in str(error.facts["field"])
    assert error.hint


@each(("flag", "field", "value"), FLAGS)
def test_what_is_out_of_bounds_is_refused_by_the_command_line(
    flag: str, field: str, value: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert main(["exec", "--home", str(home), f"{flag}={value}", "--json", "--", "true"]) == 2
    refusal = json.loads(capsys.readouterr().err)
    assert refusal["error"]["code"] in ("usage", f"task.{field}", "task.key")
    # Nothing was made for a refused command line.
    assert not home.exists()


@pytest.mark.parametrize(
    ("flag", "field", "value"),
    [
        ("--key", "client_key", ""),
        ("--key", "client_key", "k" * (NAME_MAX + 1)),
        ("-P", "project", ""),
        ("-P", "project", "p" * (NAME_MAX + 1)),
    ],
)
def test_a_key_and_a_project_of_a_run_have_bounds(
    flag: str, field: str, value: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert main(["run", "sample", "--home", str(home), "--json", flag, value]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert (error["code"], error["facts"]["field"]) == (f"task.{field}", field)
    assert not home.exists()


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_time_limit_is_finite(value: float) -> None:
    with pytest.raises(Invalid) as caught:
        TaskSpec(uses="delay", timeout=value)
    assert (caught.value.code, caught.value.facts["field"]) == ("task.timeout", "timeout")
    with pytest.raises(InvalidDocument):
        by_document("timeout", value)


def test_no_limit_and_the_default_are_told_apart() -> None:
    limits = [
        TaskSpec(uses="delay", timeout=value).to_plan().timeout_ms
        for value in (None, 0, "none", "2s", 0.0001)
    ]
    assert limits == [None, 0, 0, 2_000, 1]


def test_words_of_programs_become_members() -> None:
    spec = TaskSpec(uses="delay", on_loss="ask", retry=RetryPolicy(backoff="fixed", on=["timeout"]))  # type: ignore[arg-type]
    assert (spec.on_loss, spec.retry.backoff, spec.retry.on) == (OnLoss.ASK, Backoff.FIXED, ("timeout",))


@pytest.mark.parametrize(
    ("field", "value"),
    [("key", ""), ("key", "k" * 100_000), ("key", 5), ("uses", ""), ("with_", []), ("metadata", "x")],
)
def test_a_loose_task_has_a_key_a_connector_and_mappings(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        TaskSpec(**{"uses": "delay", field: value})
    assert caught.value.facts["field"] == field.rstrip("_")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"client_key": ""}, "client_key"),
        ({"client_key": "k" * (NAME_MAX + 1)}, "client_key"),
        ({"name": ""}, "name"),
        ({"actor": ""}, "actor"),
        ({"env": {"A=B": "c"}}, "env"),
        ({"env": {"A": 5}}, "env.A"),
        ({"env": {"A": "\0"}}, "env.A"),
        ({"env": {"A": "\ud800"}}, "env.A"),
        ({"cwd": "/\0"}, "cwd"),
        ({"cwd": "/\udfff"}, "cwd"),
    ],
)
def test_who_submits_and_where_has_bounds(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        SubmitOptions(**given)
    assert caught.value.facts["field"] == field
    body = {"document": {"path": "/f"}, "options": given}
    with pytest.raises(Invalid):
        decode_request(json.dumps(body).encode(), api.Submit)


def test_verbs_have_the_same_bounds() -> None:
    target = api.Target(task_ids=(1,))
    for given in ({"priority": 1.5}, {"priority": True}, {"priority": 101}):
        with pytest.raises(Invalid) as caught:
            operator_requests.Prioritise(target=target, **given)  # type: ignore[arg-type]
        assert caught.value.code == "task.priority"
    with pytest.raises(Invalid):
        operator_requests.Hold(target=target, reason="r" * (REASON_MAX + 1))
    with pytest.raises(Invalid):
        operator_requests.Hold(target=target, actor="")
