"""Children begun, and answered, by two contenders: once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.work import Cancel, ComeDue, Command
from core.model.errors import Unavailable
from core.model.outcomes import TaskError
from core.model.patterns.judgements import BeginChild, Decide, FailIt, TakeOutputs
from tests.support.deck import Deck
from tests.support.factories import flat, task
from tests.support.recounts import findings

WITH_OUTPUTS = flat(task("a"), name="inner", outputs={"n": 1})


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    made.submit(flat(task("up", uses="workflow", waits=True, when="x"), task("after", "up"), name="above"))
    yield made
    assert findings(made.db) == ()
    made.db.close()


def begins(deck: Deck, *, within_ms: int | None = None) -> Decide:
    verdict = BeginChild(plan=WITH_OUTPUTS, within_ms=within_ms)
    return Decide(task_id=deck.id("up"), verdict=verdict)


def takes(deck: Deck, n: int = 1) -> Decide:
    return Decide(task_id=deck.id("up"), verdict=TakeOutputs(outputs={"n": n}))


def children(deck: Deck) -> list[str]:
    return [row[0] for row in deck.rows("SELECT status FROM job WHERE parent_task IS NOT NULL")]


def end_child(deck: Deck) -> None:
    """Let the child succeed; its outputs are asked for."""
    deck.end_all(deck.claim())
    assert deck.rows("SELECT asks FROM awaited") == [("outputs",)]


def ends(deck: Deck, key: str = "up") -> list[str]:
    kinds = ("task.succeeded", "task.failed", "task.cancelled", "task.skipped")
    return [kind for kind in deck.history(task=key) if kind in kinds]


def test_a_task_that_is_judged_twice_has_one_child(deck: Deck) -> None:
    deck.do(begins(deck))
    deck.do(begins(deck))
    assert (children(deck), deck.history(task="up").count("task.judged_late")) == (["pending"], 1)


def test_an_engine_that_was_followed_by_another_begins_no_child_and_takes_no_answer(deck: Deck) -> None:
    rival = Deck(deck.path, now=deck.now)
    (refused,) = deck.ask(begins(deck))
    assert isinstance(refused, Unavailable)
    assert (refused.code, children(deck)) == ("engine.fenced", [])
    rival.do(begins(rival))
    end_child(rival)
    (refused,) = deck.ask(takes(deck))
    assert (refused.code, rival.status("up")) == ("engine.fenced", "waiting")
    rival.do(takes(rival))
    assert (rival.status("up"), children(rival), ends(rival)) == (
        "succeeded",
        ["succeeded"],
        ["task.succeeded"],
    )
    assert rival.claim_keys() == ["after"]
    rival.db.close()


def test_an_engine_that_follows_in_the_middle_finds_the_child_and_its_question(deck: Deck) -> None:
    deck.do(begins(deck))
    deck.crash()
    deck.do(begins(deck))
    assert children(deck) == ["pending"]
    end_child(deck)
    deck.crash()
    deck.do(takes(deck))
    deck.do(takes(deck, 2))
    assert (deck.column("up", "output"), ends(deck)) == ('{"n":1}', ["task.succeeded"])


def test_an_answer_that_comes_twice_counts_once(deck: Deck) -> None:
    deck.do(begins(deck))
    end_child(deck)
    error = FailIt(error=TaskError(code="expression.type", message="no number"))
    deck.do(takes(deck))
    deck.do(Decide(task_id=deck.id("up"), verdict=error))
    assert (deck.status("up"), ends(deck)) == ("succeeded", ["task.succeeded"])


@pytest.mark.parametrize("of", ["job", "task"])
@pytest.mark.parametrize("first", ["cancel", "answer", "together"])
def test_an_answer_and_a_cancel_of_its_task_end_it_once(deck: Deck, of: str, first: str) -> None:
    job = int(str(deck.value("SELECT id FROM job WHERE name = 'above'")))
    deck.do(begins(deck))
    end_child(deck)
    named = {"job_id": job} if of == "job" else {"task_ids": (deck.id("up"),)}
    rivals: list[Command] = [Cancel(actor="ann", **named), takes(deck)]  # type: ignore[arg-type]
    if first == "together":
        deck.do(*rivals)
    else:
        for one in rivals if first == "cancel" else reversed(rivals):
            deck.do(one)
    deck.settle()
    assert len(ends(deck)) == 1
    assert children(deck) == ["succeeded"]
    if of == "job":
        assert deck.job_status(job) in ("cancelled", "running")
        deck.do(Cancel(job_id=job, actor="ann"))
        deck.settle()
        assert deck.job_status(job) == "cancelled"


@pytest.mark.parametrize("order", ["deadline", "answer", "together"])
def test_the_deadline_of_a_task_and_the_end_of_its_child_end_it_once(deck: Deck, order: str) -> None:
    deck.do(begins(deck, within_ms=1_000))
    claimed = deck.claim()
    end = [deck.completion(one.task_id) for one in claimed]
    if order == "deadline":
        deck.come_due(deck.now + 2_000)
        assert children(deck) == ["ending"]
    elif order == "together":
        deck.now += 2_000
        deck.do(ComeDue(), *end)
    if order != "together":
        deck.do(*end)
    deck.settle()
    if deck.status("up") == "waiting":
        deck.do(takes(deck))
    deck.come_due(deck.now + 3_000)
    assert len(ends(deck)) == 1
    assert deck.status("up") == ("succeeded" if order == "answer" else "failed")
