"""Estimates from the ledger: `auto`, and unknown amounts after a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import ChangeCapacity, CorrectGauge
from core.model.commands.limits import Configure
from core.model.commands.work import ComeDue, FollowUp
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Limit, LimitKind, LimitRef, Spent
from core.model.limits.terms import Terms
from core.model.outcomes import Lost, Outcome
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Decide, Expand, Proceed
from core.rules.writer import WRITER_RULES
from core.store.apply.limits import unknown_estimates
from core.store.writer import Writer
from tests.store.deck import AGING, Deck, stage, task
from tests.support.recounts import findings

AUTO = Estimate(is_auto=True)
HOUR = 3_600_000


def budget(name: str = "team", **more: object) -> Limit:
    fields = {"kind": LimitKind.BUDGET, "unit": "usd", "max": 10**9, "on": {}, "default_cost": 3, **more}
    return Limit(name=name, **fields)  # type: ignore[arg-type]


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def configure(deck: Deck, *limits: Limit) -> None:
    deck.do(Configure(limits=limits))
    while deck.report.left_over:
        deck.do(FollowUp())


def spend(deck: Deck, amount: int | None, *, name: str = "nightly", outcome: Outcome | None = None) -> None:
    """Run task `a` of a workflow once; None = it reports nothing."""
    deck.job(stage(task("a", cost=AUTO)), name=name)
    spent = () if amount is None else (Spent(unit="usd", amount=amount),)
    deck.end(*deck.claim(), outcome=outcome, spent=spent)


def reserved(deck: Deck, name: str = "nightly", **more: object) -> int:
    """Return what one more `a` of a workflow reserves."""
    deck.job(stage(task("a", cost=AUTO, **more)), name=name)
    (pair,) = deck.claim()
    (held,) = deck.db.execute("SELECT reserved FROM gauge WHERE name = 'team'").fetchone()
    deck.end(pair, spent=(Spent(unit="usd", amount=0),))
    return int(held)


def test_auto_reserves_the_default_until_twenty_attempts_have_spent_something(deck: Deck) -> None:
    configure(deck, budget())
    for number in range(1, 20):
        spend(deck, number)
        spend(deck, 900, name="weekly")
    spend(deck, None)
    spend(deck, None, outcome=Lost(reason="?"))
    # What was estimated or lost is not known to have been spent.
    deck.job(stage(task("a", cost=AUTO)), name="nightly")
    (pair,) = deck.claim()
    assert deck.db.execute("SELECT reserved FROM gauge").fetchone() == (3,)
    deck.end(pair, spent=(Spent(unit="usd", amount=20),))
    assert reserved(deck) == 19
    (cost,) = deck.db.execute("SELECT cost FROM task ORDER BY id DESC LIMIT 1").fetchone()
    assert cost == '{"usd":19}'


def test_auto_goes_by_the_last_hundred_attempts(deck: Deck) -> None:
    configure(deck, budget())
    for _ in range(10):
        spend(deck, 7_000)
    for _ in range(100):
        spend(deck, 50)
    assert reserved(deck) == 50


def test_auto_of_a_judged_task_is_what_it_was_at_admission(deck: Deck) -> None:
    configure(deck, budget(), budget("own", on=None))
    for _ in range(20):
        spend(deck, 40)
    deck.job(stage(task("a", cost=AUTO, limits=(LimitRef(name="own", key="${{ needs }}"),))), name="nightly")
    (task_id,) = deck.db.execute("SELECT max(id) FROM task").fetchone()
    terms = Terms(limits=(LimitRef(name="own", key="k"),), cost=AUTO)
    deck.do(Decide(task_id=task_id, verdict=Proceed(terms=terms)))
    deck.claim()
    assert deck.db.execute("SELECT name, reserved FROM gauge ORDER BY 1").fetchall() == [
        ("own", 40),
        ("team", 40),
    ]


def lose(deck: Deck, cost: int) -> None:
    deck.loose(task("lost", cost=Estimate(amounts={"usd": cost})))
    deck.end(*deck.claim(), outcome=Lost(reason="?"))


def counts(deck: Deck, name: str = "team") -> tuple[int, int]:
    used, unknown = deck.db.execute("SELECT used, unknown FROM gauge WHERE name = ?", (name,)).fetchone()
    return used, unknown


def test_an_unknown_amount_is_booked_as_estimated_when_its_time_has_come(deck: Deck) -> None:
    configure(deck, budget(estimate_after_ms=24 * HOUR))
    lose(deck, 500)
    due = deck.now + 24 * HOUR
    assert deck.report.next_due == due
    deck.now = due - 20
    deck.do(ComeDue())
    assert (counts(deck), deck.report.next_due) == ((0, 500), due)
    # The timer is in the rows: another engine goes by it.
    deck.writer = Writer(connection=deck.db, epoch=1, aging_step=AGING, rules=WRITER_RULES)
    deck.now = due - 10
    deck.do(ComeDue())
    assert (counts(deck), deck.report.next_due) == ((500, 0), None)
    (told,) = deck.db.execute("SELECT data FROM event WHERE kind = 'spending.reconciled'").fetchone()
    assert '"how":"estimated"' in told
    actor, reason = deck.db.execute("SELECT actor, reason FROM entry WHERE kind = 'reconciled'").fetchone()
    assert (actor, reason) == ("engine", "it was unknown for 1d")
    deck.do(ChangeCapacity(change=CorrectGauge(name="team", amount="-0.0001"), reason="the invoice"))
    assert counts(deck) == (400, 0)


def test_a_budget_without_a_time_waits_for_an_operator(deck: Deck) -> None:
    configure(deck, budget())
    lose(deck, 500)
    assert deck.report.next_due is None
    deck.now += 100 * 24 * HOUR
    deck.do(ComeDue())
    assert counts(deck) == (0, 500)
    configure(deck, budget(estimate_after_ms=HOUR))
    deck.do(ComeDue())
    assert counts(deck) == (500, 0)


def test_what_counts_in_two_budgets_is_booked_at_the_earlier_time(deck: Deck) -> None:
    configure(deck, budget(estimate_after_ms=9 * HOUR), budget("all", estimate_after_ms=HOUR))
    lose(deck, 500)
    deck.now += HOUR
    deck.do(ComeDue())
    assert (counts(deck), counts(deck, "all")) == ((500, 0), (500, 0))


def test_many_unknown_amounts_are_booked_in_bounded_batches(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_estimates, "MAX_PER_BATCH", 2)
    configure(deck, budget(estimate_after_ms=HOUR))
    for _ in range(3):
        lose(deck, 1)
    deck.now += HOUR
    deck.do(ComeDue())
    assert counts(deck) == (2, 1)
    assert deck.report.next_due is not None
    assert deck.report.next_due <= deck.now
    deck.do(ComeDue())
    assert (counts(deck), deck.report.next_due) == ((3, 0), None)


def begin_group(deck: Deck, items: int) -> list[tuple[int, int]]:
    """Begin the instances of a group of the workflow, each of which reserves what `auto` says."""
    deck.job(stage(task("a", cost=AUTO, for_each=ForEach(over=items))), name="nightly")
    (group,) = deck.db.execute("SELECT max(id) FROM task").fetchone()
    deck.do(Decide(task_id=group, verdict=Expand(items=list(range(items)))))
    while deck.report.left_over:
        deck.do(FollowUp())
    return list(deck.claim(slots=items))


def test_auto_goes_by_what_all_instances_of_a_group_have_spent(deck: Deck) -> None:
    configure(deck, budget())
    for pair in begin_group(deck, 20):
        deck.end(pair, spent=(Spent(unit="usd", amount=70),))
    assert deck.db.execute("SELECT DISTINCT key FROM entry").fetchall() == [("a",)]
    pairs = begin_group(deck, 2)
    assert deck.db.execute("SELECT reserved FROM gauge WHERE name = 'team'").fetchone() == (140,)
    deck.end(*pairs, spent=())
