"""The schema of `with:`: every fault at once, expressions passed over."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, JsonValue, field_validator

from core.connectors.base import CallFailed, Input, Plain, check_input, parse_input
from core.model.errors import Conflict, Invalid
from core.model.outcomes import Failed, TaskError
from core.model.ports import InputFault


class Inner(Input):
    a: int


class Wanted(Input):
    seconds: float = Field(ge=0)
    target: str | int | list[str] = ""
    names: dict[str, str] = Field(default_factory=dict)
    inner: Inner | None = None
    mode: Literal["fast", "slow"] = "fast"
    numbers: list[int] = Field(default_factory=list)
    body: JsonValue = None
    json_: JsonValue = Field(default=None, alias="json")

    @field_validator("target")
    @classmethod
    def _no_x(cls, value: object) -> object:
        if value == "x":
            raise ValueError("x is taken")
        return value

    @classmethod
    def rules(cls, with_):
        if "json" in with_ and "body" in with_:
            yield InputFault(code="with.conflict", message="`json` or `body`, not both", path=("json",))


def test_a_good_input_has_no_fault_and_becomes_typed():
    assert check_input(Wanted, {"seconds": 1, "json": {"a": [1, None]}}) == ()
    parsed = parse_input(Wanted, {"seconds": 1, "json": {"a": [1, None]}})
    assert parsed.seconds == 1.0
    assert parsed.json_ == {"a": [1, None]}


def test_every_fault_is_reported_at_once_with_its_path():
    faults = check_input(
        Wanted,
        {
            "secnds": 1,
            "target": [1, "ok"],
            "names": {"k": 1},
            "inner": {},
            "mode": "quick",
            "numbers": [1, "two"],
            "json": 1,
            "body": 2,
        },
    )
    assert {(fault.code, fault.path) for fault in faults} >= {
        ("with.unknown", ("secnds",)),
        ("with.missing", ()),
        ("with.missing", ("inner",)),
        ("with.value", ("names", "k")),
        ("with.value", ("mode",)),
        ("with.value", ("numbers", 1)),
        ("with.value", ("target", 0)),
        ("with.conflict", ("json",)),
    }


def test_an_unknown_key_names_its_near_miss():
    (missing, unknown) = check_input(Wanted, {"secnds": 1})
    assert missing.message == "`seconds` is required"
    assert unknown.message == "`secnds`: unknown key; did you mean `seconds`?"


def test_the_alias_is_the_known_key():
    (fault,) = check_input(Wanted, {"seconds": 1, "jsn": 1})
    assert fault.message.endswith("did you mean `json`?")


def test_arms_of_a_union_make_one_fault():
    (fault,) = check_input(Wanted, {"seconds": 1, "target": 1.5})
    assert fault.path == ("target",)
    assert fault.message == "`target`: input should be a valid string or a valid integer or a valid list"


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), -1, 10**400])
def test_types_are_strict(value: object):
    assert [fault.path for fault in check_input(Wanted, {"seconds": value})] == [("seconds",)]


@pytest.mark.parametrize(
    "with_",
    [
        {"seconds": "${{ params.s }}"},
        {"seconds": 1, "numbers": "${{ params.all }}"},
        {"seconds": 1, "numbers": [1, "${{ params.n }}", 3]},
        {"seconds": 1, "inner": {"a": "${{ params.a }}"}},
        {"seconds": 1, "names": "pre ${{ x }} post"},
        {"seconds": 1, "inner": ["${{ x }}"]},
    ],
)
def test_values_with_an_expression_are_passed_over_by_the_check_and_refused_by_the_call(with_):
    assert check_input(Wanted, with_) == ()
    with pytest.raises(Invalid):
        parse_input(Wanted, with_)


def test_an_expression_hides_neither_missing_nor_unknown_keys_nor_other_values():
    faults = check_input(Wanted, {"inner": {"b": "${{ x }}"}, "numbers": ["${{ n }}", "two"]})
    assert [(fault.code, fault.path) for fault in faults] == [
        ("with.missing", ()),
        ("with.missing", ("inner",)),
        ("with.unknown", ("inner", "b")),
        ("with.value", ("numbers", 1)),
    ]


def test_a_faulty_resolved_input_is_invalid_with_its_faults_as_facts():
    with pytest.raises(Invalid) as caught:
        parse_input(Wanted, {"seconds": -1, "mode": 7})
    assert caught.value.code == "with.invalid"
    assert caught.value.message.endswith("(and 1 more)")
    assert caught.value.facts["faults"] == [
        {
            "code": "with.value",
            "message": "`seconds`: input should be greater than or equal to 0",
            "path": ["seconds"],
        },
        {"code": "with.value", "message": "`mode`: input should be 'fast' or 'slow'", "path": ["mode"]},
    ]


def test_rules_across_keys_hold_for_the_call_too():
    with pytest.raises(Invalid, match="not both"):
        parse_input(Wanted, {"seconds": 1, "json": 1, "body": 1})


def test_a_validators_own_words_are_kept():
    (fault,) = check_input(Wanted, {"seconds": 1, "target": "x"})
    assert fault.message == "`target`: x is taken"


class Only(Plain):
    name = "only"


def test_a_plain_connector_accepts_any_input_without_a_schema():
    assert Only().check({"anything": 1}) == ()


def test_a_plain_connector_checks_against_its_schema():
    class Strict(Plain):
        schema = Wanted

    assert len(Strict().check({})) == 1


def test_unknown_errors_are_retryable_and_named():
    failed = Only().classify(KeyError("x"))
    assert (failed.error.code, failed.permanent, failed.error.facts) == (
        "connector.error",
        False,
        {"type": "KeyError"},
    )
    assert Only().classify(OSError()).error.message == "OSError"


def test_refusals_keep_their_code_and_bad_input_is_permanent():
    assert Only().classify(Invalid("with.invalid", "no")).permanent
    assert not Only().classify(Conflict("x.busy", "busy")).permanent
    assert Only().classify(Conflict("x.busy", "busy")).error.code == "x.busy"


def test_a_call_may_say_what_its_failure_means():
    failed = Failed(error=TaskError(code="x.y", message="m"), permanent=True, retry_after_ms=5)
    assert Only().classify(CallFailed(failed)) is failed
