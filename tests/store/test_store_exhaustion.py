"""Tasks that wait for spent budgets, or never fit, fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import Complete, Enqueue, FollowUp
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Limit, LimitKind, LimitRef, OnExhausted, Spent
from core.model.outcomes import Succeeded
from core.store.batch import MAX_PER_BATCH
from tests.store.deck import Deck, stage, task
from tests.support.recounts import findings

FAIL, FINISH, WAIT = OnExhausted.FAIL, OnExhausted.FINISH, OnExhausted.WAIT


def budget(most: int = 10, *, named: bool = False, policy: OnExhausted = WAIT) -> Limit:
    return Limit(
        name="team",
        kind=LimitKind.BUDGET,
        unit="usd",
        max=most,
        on=None if named else {},
        on_exhausted=policy,
    )


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "taskdeck.db")
    yield deck
    assert findings(deck.db) == ()
    deck.close()


def configure(deck: Deck, *limits: Limit) -> None:
    deck.do(Configure(limits=limits))
    settle(deck, 0)


def settle(deck: Deck, slots: int = 100) -> None:
    for _ in range(50):
        if not deck.report.left_over and not deck.report.claims_left:
            return
        deck.do(FollowUp(), slots=slots)
    pytest.fail("it never settles")


def costing(key: str, usd: int, policy: OnExhausted | None = None, *, named: bool = False, **more: object):
    limits = (LimitRef(name="team"),) if named else ()
    return task(key, cost=Estimate(amounts={"usd": usd}), on_exhausted=policy, limits=limits, **more)


def spend(deck: Deck, attempt: tuple[int, int], usd: int) -> None:
    done = Complete(
        task_id=attempt[0], epoch=attempt[1], outcome=Succeeded(), spent=(Spent(unit="usd", amount=usd),)
    )
    deck.do(done, slots=100)
    settle(deck)


def states(deck: Deck) -> dict[str, str]:
    return dict(deck.db.execute("SELECT key, status FROM task ORDER BY id"))


def code(deck: Deck, key: str) -> str | None:
    (error,) = deck.db.execute("SELECT error FROM task WHERE key = ?", (key,)).fetchone()
    return None if error is None else json.loads(error)["code"]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("policy", [FAIL, FINISH])
def test_what_waits_for_a_spent_budget_fails_and_what_wants_to_wait_waits(
    deck: Deck, named: bool, policy: OnExhausted
) -> None:
    configure(deck, budget(named=named))
    deck.job(stage(costing("a", 10, named=named)), on_task_failure="continue")
    (running,) = deck.claim()
    job = stage(
        costing("b", 1, policy, named=named), costing("c", 1, WAIT, named=named), costing("d", 1, named=named)
    )
    deck.job(job, on_task_failure="continue")
    deck.claim()
    settle(deck)
    assert states(deck) == {"a": "running", "b": "queued", "c": "queued", "d": "queued"}, (
        "it may settle for less"
    )
    spend(deck, running, 10)
    assert states(deck) == {"a": "succeeded", "b": "failed", "c": "queued", "d": "queued"}
    assert code(deck, "b") == "budget.exhausted"


@pytest.mark.parametrize("named", [False, True])
def test_a_reservation_that_comes_back_lets_them_start(deck: Deck, named: bool) -> None:
    configure(deck, budget(named=named))
    deck.job(stage(costing("a", 10, named=named), costing("b", 1, FAIL, named=named)))
    (running,) = deck.claim()
    settle(deck)
    spend(deck, running, 3)
    assert states(deck) == {"a": "succeeded", "b": "running"}


@pytest.mark.parametrize("named", [False, True])
def test_what_the_budget_says_holds_for_tasks_without_a_word(deck: Deck, named: bool) -> None:
    configure(deck, budget(named=named, policy=FAIL))
    deck.job(
        stage(costing("a", 1, named=named), costing("b", 1, WAIT, named=named), costing("c", 0, named=named)),
        on_task_failure="continue",
    )
    first = deck.claim(1)[0]
    spend(deck, first, 12)
    assert states(deck)["b"] == "queued"
    assert states(deck)["c"] == "failed"


def test_a_head_that_is_too_dear_for_the_rest_fails_and_the_next_goes_on(deck: Deck) -> None:
    configure(deck, budget(policy=FAIL))
    deck.job(
        stage(costing("a", 5), costing("b", 6), costing("c", 7), costing("d", 2)), on_task_failure="continue"
    )
    (running,) = deck.claim(1)
    spend(deck, running, 5)
    assert states(deck) == {"a": "succeeded", "b": "failed", "c": "failed", "d": "running"}


@pytest.mark.parametrize("named", [False, True])
def test_what_needs_more_than_a_lowered_budget_has_fails(deck: Deck, named: bool) -> None:
    configure(deck, budget(named=named))
    deck.job(stage(costing("a", 8, named=named), costing("b", 2, named=named)), on_task_failure="continue")
    configure(deck, budget(5, named=named))
    deck.claim()
    settle(deck)
    assert states(deck) == {"a": "failed", "b": "running"}
    assert code(deck, "a") == "budget.too_small"


def test_many_fail_in_bounded_batches(deck: Deck) -> None:
    configure(deck, budget(policy=FAIL))
    deck.job(stage(costing("a", 10)))
    (running,) = deck.claim()
    deck.loose(*(costing(f"t{number}", 1) for number in range(1_300)))
    done = Complete(
        task_id=running[0], epoch=running[1], outcome=Succeeded(), spent=(Spent(unit="usd", amount=10),)
    )
    deck.do(done, slots=100)
    counts = []
    while deck.report.left_over or deck.report.claims_left:
        deck.do(FollowUp(), slots=100)
        counts.append(deck.db.execute("SELECT count(*) FROM task WHERE status = 'failed'").fetchone()[0])
    assert counts[-1] == 1_300
    assert max(after - before for before, after in zip([0, *counts], counts, strict=False)) <= MAX_PER_BATCH


def test_what_is_queued_in_the_batch_that_fails_those_before_it_fails_too(deck: Deck) -> None:
    configure(deck, budget(named=True, policy=FAIL))
    deck.do(Enqueue(tasks=(costing("a", 10, named=True), costing("b", 10, named=True))), slots=100)
    spent = (Spent(unit="usd", amount=10),)
    deck.do(Complete(task_id=1, epoch=1, outcome=Succeeded(), spent=spent), slots=100)
    assert deck.report.left_over
    deck.do(FollowUp(), Enqueue(tasks=(costing("c", 10, named=True),)), slots=100)
    settle(deck)
    assert states(deck) == {"a": "succeeded", "b": "failed", "c": "failed"}
    assert code(deck, "c") == "budget.exhausted"


REFUSALS = {
    "raises": "RAISE(ABORT, 'injected')",
    "lands nowhere": "RAISE(IGNORE)",
}


def faults(deck: Deck) -> list[tuple[str, str]]:
    """Return the key of the task and the reason of each fault in the history."""
    named = "SELECT t.key, e.data->>'reason' FROM event e LEFT JOIN task t ON t.id = e.task_id"
    return deck.db.execute(f"{named} WHERE e.kind = 'fault.found' ORDER BY e.id").fetchall()


def refuse(deck: Deck, key: str, *statuses: str, with_: str) -> None:
    """Let the store change no row of tasks of this key to these statuses."""
    listed = ", ".join(repr(status) for status in statuses)
    deck.db.execute(
        f"CREATE TRIGGER refuse BEFORE UPDATE OF status ON task WHEN new.key = '{key}'"
        f" AND new.status IN ({listed}) BEGIN SELECT {REFUSALS[with_]}; END"
    )


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("shape", ["spent, one aisle", "too dear, one lane"])
def test_a_task_in_vain_that_cannot_be_failed_is_held_and_named_and_the_others_fail(
    deck: Deck, shape: str, refusal: str
) -> None:
    configure(deck, budget(10, policy=FAIL))
    refuse(deck, "y", "failed", with_=refusal)
    deck.job(stage(costing("first", 5), costing("innocent", 5)))
    (first, _) = deck.claim()
    if shape == "too dear, one lane":
        deck.job(stage(*(costing(key, 11) for key in ("x", "y", "z"))), on_task_failure="continue")
    else:
        for key in ("x", "y", "z"):
            deck.job(stage(costing(key, 1)))
    spend(deck, first, 10)
    assert states(deck) == {
        "first": "succeeded",
        "innocent": "running",
        "x": "failed",
        "y": "held",
        "z": "failed",
    }
    ((key, reason),) = faults(deck)
    assert (key, reason.partition(":")[0]) == ("y", "it waits in vain and cannot be failed")


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_task_in_vain_that_cannot_even_be_held_is_named_once_and_does_not_stop_the_next(
    deck: Deck, refusal: str
) -> None:
    configure(deck, budget(10, policy=FAIL))
    refuse(deck, "y", "failed", "held", with_=refusal)
    for key in ("x", "y", "z"):
        deck.job(stage(costing(key, 11)))
    for _ in range(3):
        deck.claim()
        settle(deck)
    assert states(deck) == {"x": "failed", "y": "queued", "z": "failed"}
    assert [key for key, _ in faults(deck)] == ["y"]
