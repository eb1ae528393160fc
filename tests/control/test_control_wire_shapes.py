"""Tests of JSON, errors and refusals on the wire, by tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from core.control import api, operator_requests, wire
from core.control.api import Target
from core.control.error_forms import error_from_json, error_to_json
from core.control.wire_forms import FilterForm, decode_form, form_of
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Filter
from core.model.errors import Bug, Fault, Invalid, InvalidDocument, NotFound, TaskdeckError, Unavailable
from core.model.plans import Backoff, Jitter, OnLoss, RetryPolicy
from core.model.task_specs import TaskSpec
from core.model.values import ID_MAX, JsonValue

TEXTS = st.text(st.characters(codec=None), max_size=12)
NUMBERS = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TEXTS, parts, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, JSON_VALUES, max_size=4)
IDS = st.integers(-ID_MAX, ID_MAX)
FAILED = parse("status:failed sort:-id", Noun.TASKS)


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


class Inner(Struct, frozen=True, kw_only=True):
    number: int = 1


class Outer(Struct, frozen=True, kw_only=True):
    name: str
    inner: Inner = field(default_factory=Inner)
    tags: tuple[str, ...] = ()
    where: Filter | None = None
    plain: Mapping[str, JsonValue] = field(default_factory=dict)


@given(JSON_VALUES)
def test_every_json_value_comes_back_as_it_was_in_one_line_of_ascii(value: JsonValue) -> None:
    body = wire.encode(value)
    assert body.isascii()
    assert b"\n" not in body
    assert wire.decode(body) == value


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"a": [1, 2.5, None, True], "b": {}}, b'{"a":[1,2.5,null,true],"b":{}}'),
        ("\u00e9\x00", b'"\\u00e9\\u0000"'),
        (MappingProxyType({"a": 1}), b'{"a":1}'),
        (Inner(), b"{}"),
        (Inner(number=2), b'{"number":2}'),
        (Outer(name="n"), b'{"name":"n"}'),
        (Outer(name="n", inner=Inner(number=2)), b'{"name":"n","inner":{"number":2}}'),
        (
            Outer(name="n", where=FAILED),
            b'{"name":"n","where":{"noun":"tasks","text":"status:failed sort:-id"}}',
        ),
        (
            RetryPolicy(max_attempts=3, backoff=Backoff.FIXED),
            b'{"max_attempts":3,"backoff":"fixed"}',
        ),
    ],
)
def test_a_value_travels_in_these_bytes_without_its_defaults(value: object, body: bytes) -> None:
    assert wire.encode(value) == body


@pytest.mark.parametrize(
    ("act", "code", "message", "hint"),
    [
        (
            lambda: wire.encode(b""),
            "wire.unwritable",
            "this cannot be written as JSON: bytes cannot be written as JSON",
            "use plain JSON values",
        ),
        (
            lambda: wire.encode({1, 2}),
            "wire.unwritable",
            "this cannot be written as JSON: set cannot be written as JSON",
            "use plain JSON values",
        ),
        (
            lambda: wire.encode_answer(deep(100_000)),
            "wire.unwritable",
            "the answer is nested too deeply",
            "ask for less",
        ),
        (
            lambda: wire.decode(b"NaN"),
            "wire.unreadable",
            "this is not JSON: NaN is not JSON",
            "send a JSON object",
        ),
        (
            lambda: wire.decode(b"[-Infinity]"),
            "wire.unreadable",
            "this is not JSON: -Infinity is not JSON",
            "send a JSON object",
        ),
        (
            lambda: wire.decode_object(b"[]"),
            "wire.unreadable",
            "this is not a JSON object",
            "send a JSON object",
        ),
        (
            lambda: wire.decode_object(b"null"),
            "wire.unreadable",
            "this is not a JSON object",
            "send a JSON object",
        ),
        (
            lambda: wire.check_size(12, 11),
            "request.too_large",
            "a request has at most 11 bytes",
            "name the document by its path, or send fewer tasks at a time",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do(
    act: Callable[[], object], code: str, message: str, hint: str
) -> None:
    with pytest.raises(Invalid) as refused:
        act()
    assert (refused.value.code, refused.value.message, refused.value.hint) == (code, message, hint)


def test_what_is_not_json_at_all_is_shown_with_its_place() -> None:
    with pytest.raises(Invalid, match=r"^this is not JSON: .*line 1 column 2") as refused:
        wire.decode(b"{")
    assert refused.value.hint == "send a JSON object"


def test_a_request_may_be_as_long_as_the_limit_and_no_longer() -> None:
    wire.check_size(11, 11)
    with pytest.raises(Invalid) as refused:
        wire.check_size(12, 11)
    assert refused.value.facts == {"limit": 11}


LONG = "x" * 65
PLAIN = {"uses": "delay"}


@pytest.mark.parametrize(
    ("request_", "kind", "place"),
    [
        ({}, api.Enqueue, "specs"),
        ({"specs": 3}, api.Enqueue, "specs"),
        ({"specs": [], "x": 1}, api.Enqueue, "x"),
        ({"specs": [], LONG: 1}, api.Enqueue, LONG[:64]),
        ({"specs": ["delay"]}, api.Enqueue, "specs[0]"),
        ({"specs": [PLAIN, {}]}, api.Enqueue, "specs[1].uses"),
        ({"specs": [PLAIN, {"uses": 3}]}, api.Enqueue, "specs[1].uses"),
        ({"specs": [PLAIN, {**PLAIN, "surprise": 1}]}, api.Enqueue, "specs.surprise"),
        ({"specs": [{**PLAIN, "retry": {"on": ["a", 1]}}]}, api.Enqueue, "specs[0].retry.on[1]"),
        ({"specs": [{**PLAIN, "retry": {"on": [], "y": 3}}]}, api.Enqueue, "specs.retry.y"),
        ({"target": {"queue": "q", "y": 1}}, operator_requests.Hold, "target.y"),
        ({"target": {"filter": {"noun": "tasks"}}}, operator_requests.Hold, "target.filter.text"),
        (
            {"target": {"filter": {"noun": "tasks", "text": "a", "z": 1}}},
            operator_requests.Hold,
            "target.filter.z",
        ),
        ({"target": {"queue": "q"}, "reason": "r", "actor": None}, operator_requests.Hold, "actor"),
        ({"target": {"queue": "q"}, "reason": [{"a": 1}]}, operator_requests.Hold, "reason"),
        ({"document": {"path": "x"}, "options": {"x": 1}}, api.Submit, "options.x"),
    ],
)
def test_a_refused_request_names_the_field(request_: object, kind: type, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        wire.decode_request(wire.encode(request_), kind)
    assert refused.value.to_json() == {
        "code": "wire.field",
        "message": f"the request's field '{place}' is missing, unknown or of another type",
        "hint": "client and engine may differ in version: compare 'taskdeck version'",
        "facts": {"field": place},
    }


def test_what_a_document_or_a_call_holds_may_have_any_fields() -> None:
    params = {"a": {"b": [{"c": 1}]}}
    body = {"document": {"parsed": {"x": {"y": []}}}, "params": params}
    request = wire.decode_request(wire.encode(body), api.Submit)
    assert (request.params, request.document.document) == (params, {"x": {"y": []}})


NAMES = TEXTS.filter(lambda text: 1 <= len(text) <= 200)
"""What names may be: of actors, of groups."""

specs = st.builds(
    TaskSpec,
    uses=NAMES,
    with_=OBJECTS,
    priority=st.integers(0, 100),
    on_loss=st.sampled_from(OnLoss),
    retry=st.builds(
        RetryPolicy,
        max_attempts=st.integers(1, 9),
        base_ms=st.integers(0, 10**9),
        jitter=st.sampled_from(Jitter),
        backoff=st.sampled_from(Backoff),
        on=st.lists(st.sampled_from(["timeout", "http.503", "shell.exit.1-9"]), max_size=3).map(tuple),
    ),
)


@given(st.lists(specs, max_size=3).map(tuple), st.none() | NAMES, NAMES)
def test_every_enqueue_comes_back_as_it_was(
    tasks: tuple[TaskSpec, ...], group: str | None, actor: str
) -> None:
    request = api.Enqueue(specs=tasks, group=group, actor=actor)
    assert wire.decode_request(wire.encode(request), api.Enqueue) == request


targets = st.one_of(
    st.builds(Target, job_id=IDS),
    st.builds(Target, task_ids=st.lists(IDS, max_size=4).map(tuple)),
    st.builds(Target, queue=TEXTS),
    st.builds(
        Target,
        filter=st.just(FAILED),
        as_of=st.none() | st.integers(),
        excluding=st.lists(IDS, max_size=4).map(tuple),
    ),
)


@given(targets, TEXTS, NAMES)
def test_every_target_comes_back_as_it_was(target: Target, reason: str, actor: str) -> None:
    request = operator_requests.Hold(target=target, reason=reason, actor=actor)
    assert wire.decode_request(wire.encode(request), operator_requests.Hold) == request


@pytest.mark.parametrize("kind", [Inner, RetryPolicy, int, str])
def test_what_holds_no_filter_travels_as_itself(kind: type) -> None:
    assert form_of(kind) is kind


def test_a_record_with_a_filter_travels_in_a_form_with_the_same_name_and_defaults() -> None:
    form = form_of(Outer)
    assert form is not Outer
    assert form is form_of(Outer)
    assert (form.__name__, form(name="n").inner, form(name="n").where) == ("Outer", Inner(), None)
    assert decode_form(form(name="n", tags=("t",)), Outer) == Outer(name="n", tags=("t",))
    where = FilterForm(noun=Noun.TASKS, text="status:failed sort:-id")
    assert decode_form(form(name="n", where=where), Outer) == Outer(name="n", where=FAILED)
    assert FilterForm.of(FAILED) == where
    with pytest.raises(TypeError):
        form("n")
    with pytest.raises(AttributeError):
        form(name="n").name = "m"
    assert not hasattr(form(name="n"), "__dict__")


FAULTS = (
    Fault(code="a.b", message="first", line=3, column=4, path="stages.x"),
    Fault(code="c.d", message="second"),
)


def test_the_faults_of_a_document_come_back_as_they_were() -> None:
    back = error_from_json(error_to_json(InvalidDocument("x.yaml", FAULTS)))
    assert isinstance(back, InvalidDocument)
    assert (back.source, back.faults) == ("x.yaml", FAULTS)
    assert str(back) == back.message == "x.yaml: 2 faults"


def test_an_error_travels_with_its_class_and_its_four_parts() -> None:
    assert error_to_json(NotFound("job.unknown", "no job 3", hint="see jobs", facts={"id": 3})) == {
        "error": {
            "kind": "NotFound",
            "code": "job.unknown",
            "message": "no job 3",
            "hint": "see jobs",
            "facts": {"id": 3},
        }
    }


@pytest.mark.parametrize(
    ("facts", "source", "faults"),
    [
        ({}, "", ()),
        (None, "", ()),
        ([], "", ()),
        ({"faults": 3, "source": 4}, "4", ()),
        ({"faults": ["x", {}]}, "", (Fault(code="None", message="None"),)),
        (
            {"faults": [{"code": "c", "message": "m", "line": "3", "column": 2.5, "path": 7}], "source": "s"},
            "s",
            (Fault(code="c", message="m", path="7"),),
        ),
        (
            {"faults": [{"code": "c", "message": "m", "line": 3, "column": None}], "source": "s"},
            "s",
            (Fault(code="c", message="m", line=3),),
        ),
    ],
)
def test_faults_in_another_shape_are_read_as_far_as_they_go(
    facts: JsonValue, source: str, faults: tuple[Fault, ...]
) -> None:
    error = {"kind": "InvalidDocument", "code": "c", "message": "m", "facts": facts}
    back = error_from_json({"error": error})
    assert isinstance(back, InvalidDocument)
    assert (back.source, back.faults) == (source, faults)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({}, TaskdeckError("None", "None")),
        ({"kind": "Unavailable", "code": "c", "message": "m"}, Unavailable("c", "m")),
        ({"kind": "Unavailable", "code": 1, "message": 2, "hint": 3}, Unavailable("1", "2", hint="3")),
        ({"kind": 3, "code": "c", "message": "m", "facts": [1]}, TaskdeckError("c", "m")),
        (
            {"kind": "Newer", "code": "c", "message": "m", "hint": "h", "facts": {"a": 1}},
            TaskdeckError("c", "m", hint="h", facts={"a": 1}),
        ),
    ],
)
def test_an_error_in_another_shape_is_read_as_far_as_it_goes(
    error: JsonValue, expected: TaskdeckError
) -> None:
    back = error_from_json({"error": error})
    assert (type(back), back.to_json(), str(back)) == (type(expected), expected.to_json(), str(expected))


GARBLED = Bug(
    "engine.garbled",
    "the engine's answer is not understood",
    hint="client and engine may differ in version: restart the engine with this taskdeck",
)
CRASHED = "see the engine's log, and report this"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", GARBLED),
        (b'"error"', GARBLED),
        (b"{}", GARBLED),
        (b'{"error":"x"}', GARBLED),
        (
            b"<html>",
            Bug(
                "engine.crashed",
                "the engine could not answer (status 502)",
                hint=CRASHED,
                facts={"status": 502},
            ),
        ),
    ],
)
def test_an_answer_that_is_not_an_error_has_an_error_of_its_own(body: bytes, expected: Bug) -> None:
    back = wire.error_from_answer(body, 502)
    assert (type(back), back.to_json()) == (Bug, expected.to_json())


def test_an_engine_crashes_with_status_500_unless_another_is_named() -> None:
    assert wire.crashed().message == "the engine could not answer (status 500)"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"number":"x"}'])
def test_an_answer_of_another_shape_is_garbled(body: bytes) -> None:
    with pytest.raises(Bug) as caught:
        wire.decode_answer(body, Inner)
    assert caught.value.to_json() == GARBLED.to_json()


@given(OBJECTS)
def test_an_object_is_read_as_json_reads_it(value: dict[str, JsonValue]) -> None:
    assert wire.decode_object(bytearray(json.dumps(value).encode())) == value
