"""Charges while an attempt runs, and what is settled at its end."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from core.model.commands.limits import Charge, Charged, Configure
from core.model.commands.work import Complete, FollowUp
from core.model.errors import NotFound
from core.model.limits.estimates import Estimate
from core.model.limits.limits import UNPRICED, Dimension, Limit, LimitKind, LimitRef, Per, Spent, Window
from core.model.outcomes import Lost, Outcome, RetryAt, Succeeded
from core.model.plans import TaskPlan
from core.store.verify import verify
from tests.store.deck import Deck, failure
from tests.support.recounts import findings

TEAM = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=100, default_cost=30)
HOURLY = Limit(name="hourly", kind=LimitKind.BUDGET, unit="usd", max=80, window=Window(per=Per.HOUR), on={})
CALLS = Limit(name="calls", kind=LimitKind.QUOTA, unit="calls", max=10_000_000)
SLOTS = Limit(name="slots", kind=LimitKind.CONCURRENCY, max=5)
HOUR = 3_600_000


def configure(deck: Deck, *limits: Limit) -> None:
    deck.do(Configure(limits=limits))
    # Nothing is claimed before what waits has come under the limits.
    deck.do(FollowUp())


@pytest.fixture
def deck(tmp_path: Path):
    made = Deck(tmp_path / "deck.db")
    made.now = 1_700_000_000_000
    configure(made, TEAM, CALLS, SLOTS)
    yield made
    assert findings(made.db) == ()
    made.close()


def running(deck: Deck, *names: str, cost: int | None = None, number: int = 1) -> list[tuple[int, int]]:
    estimate = None if cost is None else Estimate(amounts={"usd": cost})
    limits = tuple(LimitRef(name=name) for name in names or ("team", "slots"))
    deck.loose(*(TaskPlan(key=f"t{n}", uses="delay", limits=limits, cost=estimate) for n in range(number)))
    return deck.claim()


def usd(amount: int, **more: object) -> Spent:
    return Spent(unit="usd", amount=amount, **more)  # type: ignore[arg-type]


def charge(deck: Deck, attempt: tuple[int, int], *spent: Spent, id: str = "a") -> Charged:  # noqa: A002
    (answer,) = deck.do(Charge(task_id=attempt[0], epoch=attempt[1], id=id, spent=spent))
    assert list(verify(deck.db)) == []
    assert isinstance(answer, Charged)
    return answer


def end(deck: Deck, attempt: tuple[int, int], *spent: Spent, outcome: Outcome | None = None, **more) -> None:
    task_id, epoch = attempt
    deck.do(Complete(task_id=task_id, epoch=epoch, outcome=outcome or Succeeded(), spent=spent, **more))


def gauge(deck: Deck, name: str) -> tuple[int, int, int]:
    return deck.db.execute("SELECT used, reserved, unknown FROM gauge WHERE name = ?", (name,)).fetchone()


def ledger(deck: Deck) -> list[tuple]:
    return deck.db.execute("SELECT unit, amount, kind, late FROM entry ORDER BY id").fetchall()


def test_a_charge_counts_and_what_is_held_shrinks_by_as_much(deck: Deck) -> None:
    (one,) = running(deck)
    assert gauge(deck, "team") == (0, 30, 0)
    answer = charge(deck, one, usd(20))
    assert gauge(deck, "team") == (20, 10, 0)
    assert [(left.name, left.left, left.max, left.is_spent) for left in answer.budgets] == [
        ("team", 80, 100, False)
    ]
    charge(deck, one, usd(25), id="b")
    assert gauge(deck, "team") == (45, 0, 0)
    end(deck, one)
    assert gauge(deck, "team") == (45, 0, 0)
    assert ledger(deck) == [("usd", 20, "charged", None), ("usd", 25, "charged", None)]


def test_a_charge_of_one_id_is_booked_once_for_each_task(deck: Deck) -> None:
    one, two = running(deck, number=2)
    assert charge(deck, one, usd(20)).landed
    again = charge(deck, one, usd(20))
    assert (again.landed, again.budgets[0].left) == (False, 100 - 20 - 30)
    assert charge(deck, two, usd(1)).landed
    end(deck, one, usd(20, charge="a"), usd(3, charge="b"), usd(4))
    assert gauge(deck, "team") == (28, 29, 0)
    assert sorted(ledger(deck)) == [
        ("usd", 1, "charged", None),
        ("usd", 3, "charged", None),
        ("usd", 4, "settled", None),
        ("usd", 20, "charged", None),
    ]


def test_a_budget_is_spent_when_nothing_is_left_beside_what_others_hold(deck: Deck) -> None:
    one, _two = running(deck, number=2)
    assert not charge(deck, one, usd(69)).budgets[0].is_spent
    answer = charge(deck, one, usd(1), id="b")
    assert (answer.budgets[0].left, answer.budgets[0].is_spent) == (0, True)
    over = charge(deck, one, usd(50), id="c")
    assert over.budgets[0].left == -50
    assert gauge(deck, "team") == (120, 30, 0)


def test_nothing_is_left_of_a_frozen_budget(deck: Deck) -> None:
    (one,) = running(deck)
    deck.change("UPDATE engine SET frozen_at = 1, capacity = capacity + 1")
    assert charge(deck, one, usd(1)).budgets[0].is_spent


def test_a_unit_that_was_charged_is_neither_estimated_nor_measured(deck: Deck) -> None:
    one, two = running(deck, "team", "calls", number=2)
    charge(deck, one, Spent(unit="calls", amount=3_000_000))
    end(deck, one)
    end(deck, two)
    assert ledger(deck) == [
        ("calls", 3_000_000, "charged", None),
        ("usd", 30, "estimated", None),
        ("calls", 1_000_000, "settled", None),
        ("usd", 30, "estimated", None),
    ]


def test_one_that_was_charged_among_those_that_end_together_is_not_estimated(deck: Deck) -> None:
    first, second = running(deck, number=2)
    charge(deck, second, usd(20))
    deck.do(
        *[Complete(task_id=task_id, epoch=epoch, outcome=Succeeded()) for task_id, epoch in (first, second)]
    )
    assert ledger(deck) == [("usd", 20, "charged", None), ("usd", 30, "estimated", None)]
    assert gauge(deck, "team") == (50, 0, 0)


def test_the_ledger_has_what_each_attempt_spent_in_the_order_of_its_report(deck: Deck) -> None:
    attempts = running(deck, number=3)
    units = ("usd", "tokens", "calls", "pages")
    deck.do(
        *[
            Complete(
                task_id=task_id,
                epoch=epoch,
                outcome=Succeeded(),
                spent=tuple(Spent(unit=unit, amount=10 * number + place) for place, unit in enumerate(units)),
            )
            for number, (task_id, epoch) in enumerate(attempts)
        ]
    )
    assert [row[:2] for row in ledger(deck)] == [
        (unit, 10 * number + place) for number in range(3) for place, unit in enumerate(units)
    ]


def test_a_charge_of_an_attempt_that_another_followed_is_booked_and_marked_late(deck: Deck) -> None:
    (one,) = running(deck)
    end(deck, one, outcome=failure(), decision=RetryAt(at=deck.now))
    answer = charge(deck, one, usd(7))
    assert (answer.landed, answer.late) == (True, True)
    assert ledger(deck)[-1] == ("usd", 7, "charged", 1)
    assert gauge(deck, "team") == (37, 0, 0)


def test_a_charge_of_an_attempt_that_never_was_is_refused(deck: Deck) -> None:
    with pytest.raises(NotFound, match="task 77 has no attempt 1"):
        deck.do(Charge(task_id=77, epoch=1, id="a", spent=(usd(1),)))


def test_of_a_lost_attempt_the_rest_of_what_it_held_is_unknown(deck: Deck) -> None:
    (one,) = running(deck)
    charge(deck, one, usd(10))
    end(deck, one, usd(5), outcome=Lost(reason="gone"))
    assert gauge(deck, "team") == (15, 0, 15)
    assert ledger(deck) == [
        ("usd", 10, "charged", None),
        ("usd", 5, "settled", None),
        ("usd", 15, "unknown", None),
    ]


def test_a_charge_counts_in_the_window_in_which_it_is_made(deck: Deck) -> None:
    configure(deck, TEAM, CALLS, SLOTS, HOURLY)
    (one,) = running(deck, "team", cost=20)
    deck.now += HOUR
    answer = charge(deck, one, usd(15))
    assert [(left.name, left.left) for left in answer.budgets] == [("hourly", 65), ("team", 85)]
    assert (gauge(deck, "hourly"), gauge(deck, "team")) == ((15, 0, 0), (15, 5, 0))
    end(deck, one)
    assert (gauge(deck, "hourly"), gauge(deck, "team")) == ((15, 0, 0), (15, 0, 0))


def test_a_model_without_a_price_is_warned_of_once(deck: Deck) -> None:
    one, two, three = running(deck, number=3)
    unpriced = usd(0, model="new", price=UNPRICED)
    deck.do(*(Complete(task_id=t, epoch=e, outcome=Succeeded(), spent=(unpriced,)) for t, e in (one, two)))
    charge(deck, three, unpriced, usd(0, model="newer", price=UNPRICED))
    events = deck.db.execute("SELECT data->>'model' FROM event WHERE kind = 'price.unknown'").fetchall()
    assert events == [("new",), ("newer",)]


def test_what_is_ignored_of_a_report_is_an_event(deck: Deck) -> None:
    (one,) = running(deck)
    end(deck, one, unread="line 2: it is not JSON")
    rows = deck.db.execute("SELECT task_id, attempt, data FROM event WHERE kind = 'usage.ignored'").fetchall()
    assert rows == [(*one, '{"reason":"line 2: it is not JSON"}')]


@pytest.mark.parametrize("seed", range(8))
def test_charges_at_random_leave_every_gauge_as_attempts_and_ledger_say(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    deck = Deck(tmp_path / "deck.db")
    deck.now = 1_700_000_000_000
    all_of = Limit(name="all", kind=LimitKind.BUDGET, unit="usd", max=10**6, on={Dimension.QUEUE: "default"})
    minute = Limit(
        name="minute", kind=LimitKind.BUDGET, unit="usd", max=10**6, default_cost=9,
        window=Window(per=Per.MINUTE), on={},
    )  # fmt: skip
    configure(deck, TEAM, CALLS, SLOTS, all_of, minute)
    known: list[tuple[int, int]] = []
    for step in range(60):
        deck.now += random.choice((0, 0, 5_000, 61_000))
        kind = random.random()
        if kind < 0.3 or not known:
            known += running(deck, *random.sample(("team", "slots", "calls"), random.randint(1, 3)))
        elif kind < 0.8:
            spent = [usd(random.randint(0, 40)), Spent(unit="calls", amount=random.randint(0, 9))]
            charge(deck, random.choice(known), *spent[: random.randint(1, 2)], id=str(random.randint(0, 9)))
        else:
            outcome = random.choice((Succeeded(), Lost(reason="x"), failure()))
            spent = [usd(random.randint(0, 9), charge=random.choice((None, str(step), "3")))]
            end(deck, random.choice(known), *spent[: random.randint(0, 1)], outcome=outcome)
        assert list(verify(deck.db)) == []
    assert deck.db.execute("SELECT count(*) FROM entry WHERE late").fetchone() > (0,)
    deck.close()


def test_attempts_that_end_together_are_settled_by_the_gauges_of_each(deck: Deck) -> None:
    first = Limit(name="first", kind=LimitKind.CONCURRENCY, max=5)
    second = Limit(name="second", kind=LimitKind.CONCURRENCY, max=5)
    configure(deck, TEAM, first, second)
    plans = [
        TaskPlan(key=name, uses="delay", limits=(LimitRef(name="team"), LimitRef(name=name)))
        for name in ("first", "second")
    ]
    deck.loose(*plans)
    attempts = deck.claim()
    # What they hold is alike, and one of the gauges of the first is metered from now on.
    configure(deck, TEAM, Limit(name="first", kind=LimitKind.BUDGET, unit="seconds", max=10**9), second)
    deck.do(*(Complete(task_id=task, epoch=epoch, outcome=Succeeded()) for task, epoch in attempts))
    booked = deck.db.execute("SELECT task_id, unit FROM entry ORDER BY task_id, unit").fetchall()
    (one, _), (other, _) = attempts
    assert booked == [(one, "seconds"), (one, "usd"), (other, "usd")]


def test_an_attempt_counts_in_the_window_in_which_its_gauge_stands_though_the_clock_was_set_back(
    deck: Deck,
) -> None:
    configure(deck, TEAM, CALLS, SLOTS, HOURLY)
    deck.now += HOUR
    end(deck, *running(deck, cost=10))
    deck.now -= 2 * HOUR
    (one,) = running(deck, cost=10)
    assert gauge(deck, "hourly") == (10, 10, 0)
    end(deck, one)
    assert gauge(deck, "hourly") == (20, 0, 0)
