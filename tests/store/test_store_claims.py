"""Claims: slots, order, fairness, and the fences of task and engine."""

from __future__ import annotations

from core.model.commands.work import Complete, Completed, Enqueue
from core.model.errors import Unavailable
from core.model.outcomes import Interrupted, Succeeded
from tests.support.deck import AGING, Deck
from tests.support.factories import flat, task, tasks


def test_open_attempts_never_exceed_the_slots(deck: Deck) -> None:
    deck.enqueue(*tasks("a", 10))
    assert len(deck.claim(4)) == 4
    assert deck.claim(4) == []
    deck.end("a0")
    deck.end("a1")
    assert len(deck.claim(4)) == 2
    assert deck.claim(2) == []
    assert deck.claim(0) == []


def test_a_freed_slot_is_taken_in_the_same_transaction(deck: Deck) -> None:
    deck.enqueue(*tasks("a", 3))
    deck.claim(1)
    deck.do(deck.completion("a0"), slots=1)
    assert [claimed.key for claimed in deck.report.claimed] == ["a1"]


def test_what_was_enqueued_starts_in_the_same_transaction(deck: Deck) -> None:
    deck.do(Enqueue(tasks=tasks("a", 3)), slots=2)
    assert [claimed.key for claimed in deck.report.claimed] == ["a0", "a1"]


def test_an_unblocked_task_starts_in_the_transaction_that_met_its_need(deck: Deck) -> None:
    deck.submit(flat(task("a"), task("b", "a")))
    deck.claim(1)
    deck.do(deck.completion("a"), slots=1)
    assert [claimed.key for claimed in deck.report.claimed] == ["b"]


def test_within_a_lane_priority_then_age_decides(deck: Deck) -> None:
    deck.enqueue(task("old"))
    deck.enqueue(task("new"), task("urgent", priority=5))
    assert deck.claim_keys() == ["urgent", "old", "new"]


def test_waiting_lifts_a_task_above_a_later_one_of_higher_priority(deck: Deck) -> None:
    deck.enqueue(task("old"))
    deck.now += 3 * AGING
    deck.enqueue(task("urgent", priority=2))
    assert deck.claim_keys(1) == ["old"]


def test_a_higher_level_of_any_job_comes_first(deck: Deck) -> None:
    deck.submit(flat(*tasks("a", 3)))
    deck.submit(flat(task("b", priority=3)))
    assert deck.claim_keys(2) == ["b", "a0"]


def test_jobs_of_one_level_take_turns(deck: Deck) -> None:
    for name in "abc":
        deck.submit(flat(*tasks(name, 20)))
    taken = [key[0] for key in deck.claim_keys(9)]
    assert {name: taken.count(name) for name in "abc"} == {"a": 3, "b": 3, "c": 3}


def test_a_late_job_gets_its_share_at_once(deck: Deck) -> None:
    deck.submit(flat(*tasks("a", 50)))
    deck.end_all(deck.claim(20))
    deck.submit(flat(*tasks("b", 50)))
    taken = [key[0] for key in deck.claim_keys(20)]
    assert taken.count("b") >= 10


def test_each_claim_raises_the_epoch_and_opens_one_attempt(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a"))
    deck.claim()
    deck.end("a", Interrupted())
    (again,) = deck.claim()
    assert (again.task_id, again.epoch) == (number, 2)
    assert deck.rows("SELECT epoch, status, engine_epoch FROM attempt ORDER BY epoch") == [
        (1, "interrupted", 1),
        (2, "running", 1),
    ]


def test_a_claim_carries_what_the_runner_needs(deck: Deck) -> None:
    deck.submit(flat(task("a", uses="shell", with_={"argv": ["true"]}, timeout_ms=5_000)))
    (claimed,) = deck.claim()
    assert (claimed.key, claimed.uses, claimed.epoch, claimed.conditional) == ("a", "shell", 1, False)
    assert claimed.spec == '{"with":{"argv":["true"]},"timeout":5000,"on_loss":"retry"}'


def test_lane_heads_follow_every_change(deck: Deck) -> None:
    deck.enqueue(task("a", priority=9), task("b", priority=5))
    heads = "SELECT head_key FROM lane"
    first = deck.value(heads)
    deck.claim(1)
    assert deck.value(heads) == first + 4 * AGING  # type: ignore[operator]
    deck.claim(2)
    assert deck.value(heads) is None
    deck.end("b", Interrupted())
    assert deck.value(heads) == deck.now - 5 * AGING


def test_an_engine_that_was_taken_over_writes_nothing_more(deck: Deck) -> None:
    deck.enqueue(task("a"), task("b"))
    deck.claim(1)
    late = deck.completion("a")
    successor = Deck(deck.path, now=deck.now)
    before = successor.picture(), successor.history()
    answers = deck.ask(late, Enqueue(tasks=(task("c"),)), slots=5)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert {answer.code for answer in answers} == {"engine.fenced"}  # type: ignore[union-attr]
    assert deck.report.failure is answers[0]
    assert deck.report.claimed == []
    assert (successor.picture(), successor.history()) == before
    successor.db.close()


def test_of_two_engines_only_the_later_claims(deck: Deck) -> None:
    deck.enqueue(*tasks("a", 4))
    successor = Deck(deck.path, now=deck.now)
    deck.ask(slots=2)
    assert deck.report.failure is not None
    assert len(successor.claim(2)) == 2
    successor.db.close()
    deck.epoch = successor.epoch


def test_attempts_of_a_dead_engine_are_closed_by_their_epoch(deck: Deck) -> None:
    deck.enqueue(task("a"))
    deck.claim()
    late = deck.completion("a")
    deck.crash()
    deck.end("a", Interrupted())
    deck.claim()
    assert deck.do(late) == [Completed(landed=False)]
    assert deck.do(Complete(task_id=late.task_id, epoch=2, outcome=Succeeded())) == [Completed(landed=True)]
    assert deck.rows("SELECT engine_epoch FROM attempt ORDER BY epoch") == [(1,), (2,)]
