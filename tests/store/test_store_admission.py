"""Admission: keys, groups, and hostile text and numbers that must pass unharmed."""

from __future__ import annotations

import json

import pytest

from core.model.commands.work import Cancel, Enqueue, Hold, Pause, Submit, Submitted
from core.model.errors import Conflict
from core.model.outcomes import Failed, Succeeded, TaskError
from core.model.values import INBOX
from core.store.sql import digest
from tests.support.deck import Deck
from tests.support.factories import flat, job, stage, task, tasks

HOSTILE = [
    "nul \x00 in the middle",
    "\ud800 lone \udfff",
    "\x1b]52;c;aGk=\x07",
    "\u202egnp.exe",
    "quote ' \" ; -- %",
    "😀" * 50,
    "",
    "\n",
]


def test_the_same_key_and_input_answer_with_the_job_that_stands(deck: Deck) -> None:
    plan = flat(task("a"), client_key="k", definition_hash="h", params={"n": 1})
    first = deck.submit(plan)
    assert deck.do(Submit(plan=plan)) == [Submitted(job_id=first, duplicate=True)]
    assert deck.value("SELECT count(*) FROM task") == 1


def test_two_submits_of_one_key_in_one_batch_make_one_job(deck: Deck) -> None:
    plan = flat(task("a"), client_key="k")
    first, second = deck.do(Submit(plan=plan), Submit(plan=plan))
    assert isinstance(first, Submitted)
    assert second == Submitted(job_id=first.job_id, duplicate=True)


@pytest.mark.parametrize("other", [{"params": {"n": 2}}, {"definition_hash": "g"}])
def test_the_same_key_with_other_input_is_a_conflict(deck: Deck, other: dict[str, object]) -> None:
    same: dict[str, object] = {"client_key": "k", "definition_hash": "h", "params": {"n": 1}}
    deck.submit(flat(task("a"), **same))
    (answer,) = deck.ask(Submit(plan=flat(task("a"), **{**same, **other})))
    assert isinstance(answer, Conflict)
    assert answer.code == "client_key.conflict"
    assert deck.value("SELECT count(*) FROM job WHERE id > 1") == 1


def test_a_key_outlives_its_job_and_the_engine(deck: Deck) -> None:
    plan = flat(task("a"), client_key="k")
    first = deck.submit(plan)
    deck.drain()
    deck.crash()
    assert deck.do(Submit(plan=plan)) == [Submitted(job_id=first, duplicate=True)]


def test_commands_of_one_batch_keep_what_each_says_and_answer_with_their_own_ids(deck: Deck) -> None:
    here = json.dumps({"cwd": "/here"})
    commands = (
        Enqueue(tasks=tasks("a", 2), actor="ada"),
        Enqueue(tasks=(task("b"),), actor="ada"),
        Enqueue(tasks=(), actor="ada"),
        Enqueue(tasks=(task("c"),), actor="ada", group="g"),
        Enqueue(tasks=(task("d"),), actor="bob", group="g"),
        Enqueue(tasks=(task("e"),), actor="bob", group="g", surroundings=here),
        Enqueue(tasks=(task("f"),), actor="bob", group="g"),
    )
    answers = deck.do(*commands)
    first, kept = deck.id("a0"), digest(here)
    assert [answer.task_ids for answer in answers] == [
        (first, first + 1),
        (first + 2,),
        (),
        *[(first + number,) for number in (3, 4, 5, 6)],
    ]
    assert deck.rows("SELECT key, actor, grp, spec->>'$.context.at' FROM task ORDER BY id") == [
        ("a0", "ada", None, None),
        ("a1", "ada", None, None),
        ("b", "ada", None, None),
        ("c", "ada", "g", None),
        ("d", "bob", "g", None),
        ("e", "bob", "g", kept),
        ("f", "bob", "g", None),
    ]
    assert deck.rows("SELECT actor FROM event WHERE kind = 'task.created' ORDER BY id") == [
        *[("ada",)] * 4,
        *[("bob",)] * 3,
    ]


def test_loose_tasks_join_the_inbox_in_order_under_their_group(deck: Deck) -> None:
    numbers = deck.enqueue(*tasks("a", 3), group="g")
    assert numbers == tuple(sorted(numbers))
    rows = deck.rows("SELECT id, key, job_id, grp FROM task ORDER BY id")
    assert rows == [(number, f"a{n}", INBOX, "g") for n, number in enumerate(numbers)]


def test_ids_are_given_in_the_order_of_the_commands(deck: Deck) -> None:
    first, second = deck.do(Enqueue(tasks=tasks("a", 2)), Enqueue(tasks=tasks("b", 2)))
    assert first.task_ids + second.task_ids == (1, 2, 3, 4)  # type: ignore[union-attr]


def test_stages_know_the_range_of_their_tasks(deck: Deck) -> None:
    work = deck.submit(job(stage(*tasks("a", 2)), stage(name="none"), stage(*tasks("b", 3))))
    sql = "SELECT first_task, last_task, open_tasks FROM stage WHERE job_id = ? ORDER BY position"
    assert deck.rows(sql, work) == [(1, 2, 2), (3, 2, 0), (3, 5, 3)]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_goes_through_every_column_unharmed(deck: Deck, text: str) -> None:
    plan = flat(
        task("a", name=text, uses=text, queue=text, with_={text: [text]}, when=None, metadata={"m": text}),
        name=text,
        params={text: text},
        client_key=text,
        notify=text,
        metadata={text: text},
    )
    work = deck.submit(plan, actor=text)
    deck.enqueue(task(text), group=text)
    row = deck.rows("SELECT name, actor, client_key, notify, params FROM job WHERE id = ?", work)[0]
    assert row[:4] == (text, text, text, text)
    assert json.loads(row[4]) == {text: text}
    assert deck.rows("SELECT name, uses, queue FROM task WHERE job_id = ?", work) == [(text, text, text)]
    assert deck.rows("SELECT key, grp FROM task WHERE job_id = ?", INBOX) == [(text, text)]
    spec = json.loads(str(deck.value("SELECT spec FROM task WHERE job_id = ?", work)))
    assert (spec["with"], spec["meta"]) == ({text: [text]}, {"m": text})
    deck.claim()
    deck.end(1, Succeeded(output={text: text}))
    assert json.loads(str(deck.column(1, "output"))) == {text: text}
    error = TaskError(code="x", message=text, facts={text: text})
    deck.end(2, Failed(error=error))
    assert json.loads(str(deck.column(2, "error"))) == error.to_json()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_reasons_and_actors_are_kept_as_they_came(deck: Deck, text: str) -> None:
    work = deck.submit(flat(task("a"), task("b"), task("c", queue=text)))
    deck.do(Hold(task_ids=(deck.id("b"),), reason=text, actor=text))
    deck.do(Pause(queue=text, reason=text, actor=text))
    deck.claim()
    deck.do(Cancel(job_id=work, reason=text or "?", actor=text))
    assert deck.rows("SELECT stop_reason, stop_by FROM task WHERE key = 'a'") == [(text or "?", text)]
    assert deck.rows(
        "SELECT paused_by, pause_reason FROM queue WHERE name = CAST(? AS TEXT)", as_bound(text)
    ) == [(text, text)]
    assert {"queue": text, "reason": text} in deck.told("queue.paused")


def as_bound(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1e308, 0.1], ids=str)
def test_numbers_beyond_sixty_four_bits_keep_every_digit(deck: Deck, number: float) -> None:
    deck.enqueue(task("a", with_={"n": number}))
    deck.claim()
    deck.end("a", Succeeded(output={"n": number, "large": "x" * 5_000}))
    deck.enqueue(task("b"))
    deck.claim()
    deck.end("b", Succeeded(output=number))
    assert json.loads(str(deck.column("a", "spec")))["with"] == {"n": number}
    assert json.loads(str(deck.value("SELECT body FROM payload")))["n"] == number
    assert json.loads(str(deck.column("b", "output"))) == number


def test_large_outputs_are_kept_once_beside_the_rows(deck: Deck) -> None:
    deck.enqueue(*tasks("a", 3))
    large = {"text": "é\x00" * 5_000}
    deck.end_all(deck.claim(2), Succeeded(output=large))
    deck.end_all(deck.claim(2), Succeeded(output="x" * 4_094))
    ((key, body),) = deck.rows("SELECT hash, body FROM payload")
    assert json.loads(body) == large
    assert json.loads(str(deck.column("a0", "output"))) == {"$payload": key}
    assert deck.column("a0", "output") == deck.column("a1", "output")
    assert json.loads(str(deck.column("a2", "output"))) == "x" * 4_094
    assert [len(json.dumps(told)) < 200 for told in deck.told("task.succeeded")] == [True, True, False]
