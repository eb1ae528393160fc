from __future__ import annotations

import pytest

from core.control import api, operator_requests, wire
from core.control.api import DocumentText, SubmitOptions, Target
from core.control.arguments import DocumentSource
from core.control.error_forms import error_from_json, error_to_json
from core.engine.changes import ChangeNotice
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Operated
from core.model.errors import Bug, Conflict, Invalid, TaskdeckError
from core.model.orphans import OrphanKind, OrphanView
from core.model.records import replace
from core.model.refusals import Refusal, refuse_task
from core.model.task_specs import TaskSpec
from core.model.views import EngineInfo, LogChunk


def all_kinds(kind: type[TaskdeckError]) -> set[type[TaskdeckError]]:
    return {kind}.union(*(all_kinds(child) for child in kind.__subclasses__()))


def test_every_error_of_the_tree_comes_back_as_itself():
    ours = {kind for kind in all_kinds(TaskdeckError) if kind.__module__ == "core.model.errors"}
    assert len(ours) >= 9
    for kind in ours:
        error = kind.__new__(kind, "m")
        TaskdeckError.__init__(error, "a.code", "m", hint="h", facts={"n": 1})
        back = error_from_json(error_to_json(error))
        assert (type(back), back.to_json(), str(back)) == (kind, error.to_json(), "m")


def test_an_error_of_a_subclass_unknown_to_clients_comes_back_as_its_base():
    class Special(Conflict):
        pass

    back = error_from_json(error_to_json(Special("a.code", "m", hint="h", facts={"id": 3})))
    assert type(back) is Conflict
    assert back.to_json() == {"code": "a.code", "message": "m", "hint": "h", "facts": {"id": 3}}


def test_an_engine_that_does_not_know_of_protected_homes_is_understood():
    sent = EngineInfo(version="0.1", pid=7, epoch=1, slots=2, running=0, home="/x", protected=True)
    told = wire.decode_object(wire.encode_answer(sent))
    assert told.pop("protected") is True
    assert wire.decode_answer(wire.encode_answer(sent), EngineInfo) == sent
    assert wire.decode_answer(wire.encode(told), EngineInfo) == replace(sent, protected=False)


def test_an_error_of_a_newer_engine_is_still_an_error_of_ours():
    back = error_from_json({"error": {"kind": "Novelty", "code": "c", "message": "m"}})
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
        {"uses": "delay", "retry": {"surprise": 3}},
        "delay",
        None,
    ],
)
def test_a_faulty_spec_is_refused(spec):
    with pytest.raises(Invalid) as caught:
        wire.decode_request(wire.encode({"specs": [spec]}), api.Enqueue)
    assert caught.value.code == "wire.field"
    assert str(caught.value.facts["field"]).startswith("specs")


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
        ({"queue": "q", "as_of": "x"}, "wire.field"),
        ({"queue": "q", "excluding": None}, "wire.field"),
        ({"filter": {"text": "status:failed", "noun": "pigs"}}, "wire.field"),
        ({"filter": {"text": "status:", "noun": "tasks"}}, "filter."),
    ],
)
def test_a_faulty_target_is_refused(target, code):
    with pytest.raises(Invalid) as caught:
        wire.decode_request(wire.encode({"target": target}), operator_requests.Hold)
    assert caught.value.code.startswith(code)


@pytest.mark.parametrize("options", [[], {"actor": None}, {"env": []}, {"verbose": True}])
def test_faulty_options_are_refused(options):
    with pytest.raises(Invalid) as caught:
        wire.decode_request(wire.encode({"document": {"path": "x"}, "options": options}), api.Submit)
    assert caught.value.code == "wire.field"


def test_options_come_back_as_they_were():
    options = SubmitOptions(actor="a", cwd=None, env={"A": "\x01"}, client_key="k", name=None)
    request = api.Submit(document=DocumentSource.of("/x"), options=options)
    assert wire.decode_request(wire.encode(request), api.Submit) == request


@pytest.mark.parametrize(
    "target",
    [
        Target(job_id=2**63 - 1),
        Target(task_ids=(1, -(2**63) + 1)),
        Target(task_ids=()),
        Target(queue="\ud800\x00"),
        Target(
            filter=parse(r'status:failed -"a \"b" age>10m sort:-id', Noun.TASKS), as_of=9, excluding=(3, 4)
        ),
    ],
    ids=["job", "tasks", "none", "queue", "filter"],
)
def test_a_target_comes_back_as_it_was(target):
    request = operator_requests.Hold(target=target, reason="r", actor="a")
    back = wire.decode_request(wire.encode(request), operator_requests.Hold)
    assert (back, back.target) == (request, target)


@pytest.mark.parametrize(
    "document", ["/a/b.yaml", DocumentText(name="\ud800", text="x: 1\x00"), {"name": "x"}, {}]
)
def test_a_document_comes_back_as_it_was(document):
    request = api.Describe(document=DocumentSource.of(document))
    assert wire.decode_request(wire.encode(request), api.Describe).document.document == document


def test_a_refusal_keeps_all_that_it_says():
    refusal = refuse_task(3, "task.ended", "final", hint="retry it", status="failed")
    known = Operated(changed=0, refused=(refusal,))
    assert wire.decode_answer(wire.encode(known), Operated) == known


def test_an_answer_with_fields_of_a_newer_engine_is_understood():
    answer = {"changed": 2, "refused": [[3, "final"]], "took_ms": 4}
    known = Operated(changed=2, refused=(Refusal(3, "final"),))
    assert wire.decode_answer(wire.encode(answer), Operated) == known


def test_bytes_sets_and_enums_of_views_come_back_as_they_were():
    orphan = OrphanView(
        kind=OrphanKind.LOST, task_id=1, job_id=2, key="\ud800", epoch=3, since=None, reason=""
    )
    for view, kind in (
        (LogChunk(data=bytes(range(256)), offset=1, end=257, final=True, epoch=2), LogChunk),
        ((orphan, orphan), tuple[OrphanView, ...]),
        (ChangeNotice(last_event=3, kinds=frozenset({"a", "b"})), ChangeNotice),
    ):
        assert wire.decode_answer(wire.encode_answer(view), kind) == view


def test_five_thousand_specs_come_back_as_they_were_in_a_short_body():
    specs = tuple(
        TaskSpec(
            uses="shell", with_={"argv": ["true", str(number)]}, context={"cwd": "/tmp", "env": {"A": "b"}}
        )
        for number in range(5_000)
    )
    body = wire.encode(api.Enqueue(specs=specs))
    assert wire.decode_request(body, api.Enqueue).specs == specs
    # What is as usual does not travel.
    assert len(body) < 5_000 * 120
