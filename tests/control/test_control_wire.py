from __future__ import annotations

import time

import pytest

from core.control import requests, wire
from core.control.api import SubmitOptions, Target
from core.model.errors import Bug, Conflict, Invalid, TaskdeckError
from core.model.plans import TaskSpec


def all_kinds(kind: type[TaskdeckError]) -> set[type[TaskdeckError]]:
    return {kind}.union(*(all_kinds(child) for child in kind.__subclasses__()))


def test_every_error_of_the_tree_comes_back_as_itself():
    ours = {kind for kind in all_kinds(TaskdeckError) if kind.__module__ == "core.model.errors"}
    assert len(ours) >= 10
    for kind in ours:
        error = kind.__new__(kind, "m")
        TaskdeckError.__init__(error, "a.code", "m", hint="h", facts={"n": 1})
        back = wire.error_from_json(wire.error_to_json(error))
        assert (type(back), back.to_json(), str(back)) == (kind, error.to_json(), "m")


def test_an_error_of_a_subclass_unknown_to_clients_comes_back_as_its_base():
    class Special(Conflict):
        pass

    back = wire.error_from_json(wire.error_to_json(Special("a.code", "m", hint="h", facts={"id": 3})))
    assert type(back) is Conflict
    assert back.to_json() == {"code": "a.code", "message": "m", "hint": "h", "facts": {"id": 3}}


def test_an_error_of_a_newer_engine_is_still_an_error_of_ours():
    back = wire.error_from_json({"error": {"kind": "Novelty", "code": "c", "message": "m"}})
    assert (type(back), back.code, back.exit_code) == (TaskdeckError, "c", 4)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error": 3}', b"\xff"])
def test_an_answer_that_is_no_error_of_ours_is_a_bug(body):
    assert isinstance(wire.error_from_answer(body, 500), Bug)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"NaN", b"[Infinity]", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000, b'{"a": 1} x', b"'a'"],
)
def test_what_is_no_json_is_unreadable(body):
    with pytest.raises(Invalid) as caught:
        wire.decode(body)
    assert caught.value.code == "wire.unreadable"


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, b"x", 10**5_000, {(1,): 2}, deep(100_000)],
    ids=["nan", "inf", "set", "bytes", "long", "key", "deep"],
)
def test_what_is_no_json_is_unwritable(value):
    with pytest.raises(Invalid) as caught:
        wire.encode(value)
    assert caught.value.code == "wire.unwritable"


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\U0001f600\udfff", "\u2028\x7f\x1b[2J", "\\u0000"])
def test_hostile_text_goes_out_as_ascii_and_comes_back_the_same(text):
    sent = wire.encode({text: [text]})
    assert sent.isascii()
    assert wire.decode(sent) == {text: [text]}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"uses": 3},
        {"uses": "delay", "with_": []},
        {"uses": "delay", "priority": True},
        {"uses": "delay", "priority": 1.5},
        {"uses": "delay", "surprise": 1},
        {"uses": "delay", "on_loss": "explode"},
        {"uses": "delay", "retry": {"on": [1]}},
        {"uses": "delay", "retry": {"backoff": "never"}},
        {"uses": "delay", "retry": {"jitter": "x"}},
        {"uses": "delay", "retry": {"max_attempts": "3"}},
        "delay",
        None,
    ],
)
def test_a_faulty_spec_is_refused(spec):
    with pytest.raises(Invalid) as caught:
        requests.specs_from_json([spec])
    assert caught.value.code == "wire.field"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (None, "wire.field"),
        ({}, "target.one"),
        ({"job_id": 1, "queue": "q"}, "target.one"),
        ({"job_id": True}, "wire.field"),
        ({"task_ids": [1, "2"]}, "wire.field"),
        ({"task_ids": 3}, "wire.field"),
        ({"queue": 3}, "wire.field"),
        ({"filter": "status:failed", "noun": "pigs"}, "wire.field"),
        ({"filter": "status:", "noun": "tasks"}, "filter."),
    ],
)
def test_a_faulty_target_is_refused(target, code):
    with pytest.raises(Invalid) as caught:
        requests.target_from_json(target)
    assert caught.value.code.startswith(code)


@pytest.mark.parametrize("options", [None, [], {"actor": None}, {"env": []}, {"verbose": True}])
def test_faulty_options_are_refused(options):
    with pytest.raises(Invalid) as caught:
        requests.options_from_json(options)
    assert caught.value.code == "wire.field"


def test_options_come_back_as_they_were():
    options = SubmitOptions(actor="a", cwd=None, env={"A": "\x00"}, client_key="k", name=None)
    assert requests.options_from_json(requests.options_to_json(options)) == options


@pytest.mark.parametrize(
    "target", [Target(job_id=2**63), Target(task_ids=(1, 2**70)), Target(queue="\ud800\x00")]
)
def test_a_target_comes_back_as_it_was(target):
    assert requests.target_from_json(requests.target_to_json(target)) == target


def test_five_thousand_specs_are_written_and_read_fast():
    specs = [
        TaskSpec(
            uses="shell", with_={"argv": ["true", str(number)]}, context={"cwd": "/tmp", "env": {"A": "b"}}
        )
        for number in range(5_000)
    ]

    def seconds() -> float:
        started = time.process_time()
        body = wire.encode({"specs": requests.specs_to_json(specs)})
        assert len(requests.specs_from_json(wire.decode_object(body)["specs"])) == 5_000
        return time.process_time() - started

    assert min(seconds() for _ in range(5)) < 0.15
