"""Tests of the operators' commands on pools, limits, budgets and the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import (
    CapacityChange,
    ChangeCapacity,
    CorrectGauge,
    Freeze,
    PausePool,
    Reconcile,
    ResetLimit,
    ResetPool,
    ResizePool,
    ResumePool,
    SetLimit,
    Span,
    Unfreeze,
)
from core.model.commands.limits import Configure
from core.model.commands.work import Complete, FollowUp, Operated, Rehearse
from core.model.errors import Conflict, Invalid, NotFound
from core.model.limits.estimates import Estimate
from core.model.limits.limits import (
    Backend,
    Dimension,
    Limit,
    LimitKind,
    LimitRef,
    OnExhausted,
    Per,
    Pool,
    Spent,
    Window,
)
from core.model.outcomes import Lost, Outcome, Succeeded
from core.model.plans import TaskPlan
from core.store.transaction import Group, carry_out
from tests.store.deck import Deck
from tests.support.recounts import findings

USD = 1_000_000
DAY = 24 * 3_600_000
POOLS = (Pool(name="cpu", slots=2, queues=("default",)), Pool(name="gpu", slots=1, queues=("gpu",)))
ANY = 1_000
"""Slots of an engine whose pools say how many there are."""


class LimitedDeck(Deck):
    """A store under limits; every gauge and count is right at the end."""

    def ask(
        self, change: CapacityChange | Rehearse, reason: str = "", *, actor: str = "ada", slots: int = 0
    ) -> object:
        """Carry one change out; return its answer, a refusal too."""
        self.now += 10
        command = change
        if not isinstance(change, Rehearse):
            command = ChangeCapacity(change=change, reason=reason, actor=actor)
        group = Group(commands=(command,), slots=slots, now=self.now)  # type: ignore[arg-type]
        (answer,), self.report = carry_out(self.writer, group)
        return answer

    def configure(self, *, pools: tuple[Pool, ...] = (), limits: tuple[Limit, ...] = ()) -> None:
        """Bring the store to these, and what waits under them."""
        self.do(Configure(pools=pools, limits=limits))
        self.do(FollowUp())

    def told(self, kind: str) -> list[dict[str, object]]:
        """Return what the events of a kind carry, in order."""
        return [
            json.loads(data)
            for (data,) in self.db.execute("SELECT data FROM event WHERE kind = ? ORDER BY id", (kind,))
        ]

    def gauge(self, name: str, key: str = "") -> tuple[int, int, int]:
        """Return what a gauge says: used, reserved, unknown."""
        sql = "SELECT used, reserved, unknown FROM gauge WHERE name = ? AND key = ?"
        return self.db.execute(sql, (name, key)).fetchone()

    def close_as(self, attempt: tuple[int, int], outcome: Outcome, *spent: Spent) -> None:
        """End an attempt that spent so much."""
        self.do(Complete(task_id=attempt[0], epoch=attempt[1], outcome=outcome, spent=spent))


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[LimitedDeck]:
    made = LimitedDeck(tmp_path / "deck.db")
    made.now = 1_700_000_000_000
    yield made
    assert findings(made.db) == ()
    made.close()


def budget(usd: float = 1, *, per: Per = Per.DAY, **more: object) -> Limit:
    fields: dict[str, object] = {"unit": "usd", "on": {}, "window": Window(per=per), **more}
    return Limit(name="team", kind=LimitKind.BUDGET, max=round(usd * USD), **fields)  # type: ignore[arg-type]


def work(key: str, usd: float | None = None, **more: object) -> TaskPlan:
    cost = None if usd is None else Estimate(amounts={"usd": round(usd * USD)})
    return TaskPlan(key=key, uses="delay", cost=cost, **more)  # type: ignore[arg-type]


def spent(usd: float) -> Spent:
    return Spent(unit="usd", amount=round(usd * USD))


def claimed(deck: LimitedDeck, change: CapacityChange | Rehearse, reason: str = "") -> int:
    """Carry a change out and return how many attempts were claimed in its transaction."""
    answer = deck.ask(change, reason=reason, slots=ANY)
    assert answer == Operated(changed=1)
    return len(deck.report.claimed)


def test_a_pool_that_is_made_larger_claims_at_once_and_keeps_its_size_over_a_new_configuration(
    deck: LimitedDeck,
) -> None:
    deck.configure(pools=POOLS)
    deck.loose(*(work(f"t{n}", queue="gpu") for n in range(5)))
    assert len(deck.claim(ANY)) == 1
    assert claimed(deck, ResizePool(name="gpu", slots=3), "idle at night") == 2
    told = {"pool": "gpu", "slots": 3, "before": 1, "reason": "idle at night"}
    assert deck.told("pool.resized") == [told]
    assert [pool.slots for pool in deck.report.pools or ()] == [2, 3]
    assert deck.ask(ResizePool(name="gpu", slots=3)) == Operated(changed=0)
    deck.configure(pools=(POOLS[0], Pool(name="gpu", slots=2, queues=("gpu", "default"))))
    assert len(deck.claim(ANY)) == 0
    assert claimed(deck, ResizePool(name="gpu", slots=4)) == 1
    assert claimed(deck, ResetPool(name="gpu")) == 0
    assert deck.told("pool.reset") == [{"pool": "gpu", "slots": 2, "before": 4}]
    assert deck.ask(ResetPool(name="gpu")) == Operated(changed=0)
    row = deck.db.execute("SELECT changed, changed_at, changed_by FROM pool WHERE name = 'gpu'").fetchone()
    assert row == (None, None, None)


def test_a_pool_smaller_than_its_use_claims_nothing_until_it_fits_and_takes_no_slot_of_another(
    deck: LimitedDeck,
) -> None:
    deck.configure(pools=(POOLS[0], Pool(name="gpu", slots=4, queues=("gpu",))))
    deck.loose(*(work(f"g{n}", queue="gpu") for n in range(6)))
    running = deck.claim(ANY)
    assert len(running) == 4
    deck.ask(ResizePool(name="gpu", slots=2))
    deck.loose(work("a"), work("b"))
    # As many as the pools have now: what runs beyond them is not counted against the other pool.
    assert len(deck.claim(4)) == 2
    deck.end(*running[:2])
    assert deck.claim(ANY) == []
    deck.end(running[2])
    assert len(deck.claim(ANY)) == 1


def test_a_paused_pool_claims_nothing_and_goes_on_at_once_when_it_is_resumed(deck: LimitedDeck) -> None:
    deck.configure(pools=POOLS)
    deck.loose(work("g", queue="gpu"), work("a"))
    assert claimed(deck, PausePool(name="gpu"), "driver") == 1
    assert deck.told("pool.paused") == [{"pool": "gpu", "reason": "driver"}]
    assert deck.ask(PausePool(name="gpu")) == Operated(changed=0)
    assert deck.claim(ANY) == []
    assert claimed(deck, ResumePool(name="gpu")) == 1
    assert deck.ask(ResumePool(name="gpu")) == Operated(changed=0)
    assert deck.told("pool.resumed") == [{"pool": "gpu"}]


def test_the_pool_default_of_all_queues_is_resized_and_paused_like_any_other(deck: LimitedDeck) -> None:
    deck.configure(pools=(Pool(name="default", slots=1),))
    deck.loose(*(work(f"t{n}", queue=f"q{n}") for n in range(4)))
    assert len(deck.claim(ANY)) == 1
    assert claimed(deck, ResizePool(name="default", slots=2)) == 1
    assert claimed(deck, PausePool(name="default")) == 0
    deck.ask(ResizePool(name="default", slots=9))
    assert deck.claim(ANY) == []
    assert claimed(deck, ResumePool(name="default")) == 2
    assert deck.told("capacity.configured") == []


@pytest.mark.parametrize("verb", [ResizePool, PausePool, ResumePool, ResetPool])
def test_an_unknown_pool_is_refused_with_the_name_that_is_near(deck: LimitedDeck, verb: type) -> None:
    deck.configure(pools=POOLS)
    more = {"slots": 1} if verb is ResizePool else {}
    answer = deck.ask(verb(name="gqu", **more))
    assert isinstance(answer, NotFound)
    assert (answer.code, "`gpu`" in answer.message) == ("pool.unknown", True)


@pytest.mark.parametrize("verb", [SetLimit, ResetLimit, CorrectGauge])
def test_an_unknown_limit_is_refused_with_the_name_that_is_near(deck: LimitedDeck, verb: type) -> None:
    deck.configure(limits=(budget(),))
    more = {SetLimit: {"to": "1"}, CorrectGauge: {"amount": "1"}}.get(verb, {})
    answer = deck.ask(verb(name="taem", **more), "why")
    assert isinstance(answer, NotFound)
    assert (answer.code, "`team`" in answer.message) == ("limit.unknown", True)


def test_a_raised_budget_lets_what_waits_start_at_once_and_a_lowered_one_ends_nothing(
    deck: LimitedDeck,
) -> None:
    deck.configure(limits=(budget(1),))
    deck.loose(*(work(f"t{n}", 1) for n in range(5)))
    assert len(deck.claim(ANY)) == 1
    assert claimed(deck, SetLimit(name="team", to="3"), "month end") == 2
    told = {"limit": "team", "unit": "usd", "max": "3", "before": "1", "reason": "month end"}
    assert deck.told("limit.set") == [told]
    assert claimed(deck, SetLimit(name="team", to="+1")) == 1
    assert claimed(deck, SetLimit(name="team", to="0.5")) == 0
    assert deck.gauge("team") == (0, 4 * USD, 0)
    assert claimed(deck, ResetLimit(name="team")) == 0
    assert deck.told("limit.reset") == [{"limit": "team", "unit": "usd", "max": "1", "before": "0.5"}]
    assert deck.ask(ResetLimit(name="team")) == Operated(changed=0)
    assert deck.ask(SetLimit(name="team", to="1.000000")) == Operated(changed=0)


def test_a_changed_maximum_stands_before_the_configured_one_until_it_is_reset(deck: LimitedDeck) -> None:
    limit = Limit(name="db", kind=LimitKind.CONCURRENCY, max=1)
    deck.configure(limits=(limit,))
    deck.loose(*(work(f"t{n}", limits=(LimitRef(name="db"),)) for n in range(9)))
    assert len(deck.claim(ANY)) == 1
    assert claimed(deck, SetLimit(name="db", to="2")) == 1
    wider = Limit(name="db", kind=LimitKind.CONCURRENCY, max=4)
    deck.configure(limits=(wider,))
    assert deck.claim(ANY) == []
    assert claimed(deck, ResetLimit(name="db")) == 2


def test_a_budget_that_is_raised_for_this_window_is_back_when_the_window_turns(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(1),))
    deck.loose(*(work(f"t{n}", 1) for n in range(9)))
    deck.end(*deck.claim(ANY))
    assert claimed(deck, SetLimit(name="team", to="+2", span=Span.WINDOW)) == 2
    (told,) = deck.told("limit.set")
    assert (told["max"], told["before"]) == ("3", "1")
    assert deck.now < int(str(told["until"])) <= deck.now + DAY
    deck.now += DAY
    assert len(deck.claim(ANY)) == 1
    assert deck.gauge("team") == (0, USD, 0)


@pytest.mark.parametrize("policy", [OnExhausted.FAIL, OnExhausted.FINISH])
def test_what_a_budget_was_raised_to_for_this_window_is_not_spent_before(
    deck: LimitedDeck, policy: OnExhausted
) -> None:
    deck.configure(limits=(budget(1, on_exhausted=policy),))
    deck.ask(SetLimit(name="team", to="3", span=Span.WINDOW))
    first, _ = deck.loose(work("a", 1.5), work("b", 1))
    deck.claim(1)
    deck.end((first, 1), spent=(spent(1.5),))
    # More than all that it has from the next window on, and less than is left of this one.
    assert len(deck.claim(ANY)) == 1
    deck.loose(work("c", 1))
    deck.claim(ANY)
    deck.do(FollowUp(), slots=ANY)
    statuses = deck.db.execute("SELECT key, status, error->>'$.facts.max' FROM task ORDER BY id").fetchall()
    assert statuses == [("a", "succeeded", None), ("b", "running", None), ("c", "queued", None)]


def test_what_a_budget_lowered_for_this_window_is_too_small_for_waits_for_the_next(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(2),))
    deck.ask(SetLimit(name="team", to="1", span=Span.WINDOW))
    deck.loose(work("a", 1.5))
    deck.claim(ANY)
    deck.do(FollowUp(), slots=ANY)
    assert deck.db.execute("SELECT status FROM task").fetchall() == [("queued",)]
    deck.now += DAY
    assert len(deck.claim(ANY)) == 1


def test_a_key_that_is_used_first_has_what_the_budget_was_raised_to(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(1, on=None),))
    deck.ask(SetLimit(name="team", to="2", span=Span.WINDOW))
    deck.loose(*(work(f"t{n}", 1, limits=(LimitRef(name="team", key="new"),)) for n in range(3)))
    assert len(deck.claim(ANY)) == 2


@pytest.mark.parametrize(
    "limit",
    [budget(1, per=Per.TOTAL), budget(1, per=Per.JOB), Limit(name="team", kind=LimitKind.CONCURRENCY, max=1)],
)
def test_what_has_no_window_that_turns_is_set_for_good_only(deck: LimitedDeck, limit: Limit) -> None:
    deck.configure(limits=(limit,))
    answer = deck.ask(SetLimit(name="team", to="2", span=Span.WINDOW))
    assert isinstance(answer, Invalid)
    assert answer.code == "limit.no_window"


@pytest.mark.parametrize(
    ("limit", "to"),
    [
        (budget(1), "x"),
        (budget(1), "-5"),
        (budget(1), "0.0000001"),
        (budget(1), "1e12"),
        (Limit(name="team", kind=LimitKind.CONCURRENCY, max=1), "1.5"),
        (Limit(name="team", kind=LimitKind.CONCURRENCY, max=1), "9" * 50),
        (Limit(name="team", kind=LimitKind.RATE, max=1, step_us=1_000), "5"),
        (Limit(name="team", kind=LimitKind.RATE, max=1, step_us=1_000), "5/year"),
    ],
)
def test_a_maximum_that_does_not_fit_the_limit_is_refused(deck: LimitedDeck, limit: Limit, to: str) -> None:
    deck.configure(limits=(limit,))
    answer = deck.ask(SetLimit(name="team", to=to))
    assert isinstance(answer, Invalid)
    assert answer.code == "limit.max"
    assert deck.told("limit.set") == []


def test_a_rate_is_told_as_it_was_written_and_the_same_one_changes_nothing(deck: LimitedDeck) -> None:
    deck.configure(limits=(Limit(name="api", kind=LimitKind.RATE, max=1, step_us=1_020_000, rate="60/min"),))
    assert deck.ask(SetLimit(name="api", to="1/s")) == Operated(changed=0)
    assert deck.ask(SetLimit(name="api", to=" 120 / min ")) == Operated(changed=1)
    assert deck.ask(ResetLimit(name="api")) == Operated(changed=1)
    assert deck.told("limit.set") == [{"limit": "api", "max": "120/min", "before": "60/min"}]
    assert deck.told("limit.reset") == [{"limit": "api", "max": "60/min", "before": "120/min"}]


@pytest.mark.parametrize(
    ("name", "code", "way"),
    [
        ("backend:api", "limit.derived", "taskdeck backends open api"),
        ("pool:gpu", "limit.unknown", "taskdeck pools resize gpu 4"),
        ("budget:team", "limit.unknown", "taskdeck budgets set team"),
        ("host:a", "limit.unknown", "taskdeck backends"),
    ],
)
@pytest.mark.parametrize("kind", [SetLimit, ResetLimit, CorrectGauge])
def test_what_stands_for_something_else_is_not_changed_as_a_limit(
    deck: LimitedDeck, kind: type, name: str, code: str, way: str
) -> None:
    deck.do(Configure(backends=(Backend(name="api", match={Dimension.CONNECTOR: "http"}),)))
    more = {SetLimit: {"to": "5"}, CorrectGauge: {"amount": "5"}}.get(kind, {})
    answer = deck.ask(kind(name=name, **more), reason="why")
    assert isinstance(answer, Conflict | NotFound)
    assert (answer.code, way in answer.hint) == (code, True)
    assert deck.told("limit.set") == deck.told("limit.reset") == []


def test_a_faster_rate_does_not_wait_for_the_slower_one(deck: LimitedDeck) -> None:
    deck.configure(limits=(Limit(name="api", kind=LimitKind.RATE, max=1, step_us=3_600_000_000),))
    deck.loose(*(work(f"t{n}", limits=(LimitRef(name="api"),)) for n in range(4)))
    assert len(deck.claim(ANY)) == 1
    assert claimed(deck, SetLimit(name="api", to="60/min")) == 0
    deck.now += 1_020
    assert len(deck.claim(ANY)) == 1
    assert deck.told("limit.set") == [{"limit": "api", "max": "60/min", "before": "1/hour"}]


def test_while_all_spending_is_frozen_nothing_metered_starts_and_then_it_does(deck: LimitedDeck) -> None:
    plain = Limit(name="db", kind=LimitKind.CONCURRENCY, max=9)
    deck.configure(limits=(budget(9, on={Dimension.QUEUE: "dear"}), plain))
    deck.loose(work("a", 1, queue="dear"), work("free", limits=(LimitRef(name="db"),)))
    assert claimed(deck, Freeze(), "a loop") == 1
    assert deck.told("spending.frozen") == [{"reason": "a loop"}]
    assert deck.ask(Freeze()) == Operated(changed=0)
    deck.loose(work("later", 0, queue="dear"))
    assert deck.claim(ANY) == []
    deck.now += DAY
    assert deck.claim(ANY) == []
    assert claimed(deck, Unfreeze()) == 2
    assert deck.ask(Unfreeze()) == Operated(changed=0)
    kinds = [kind for (kind,) in deck.db.execute("SELECT kind FROM event WHERE kind LIKE 'spending.%'")]
    assert kinds == ["spending.frozen", "spending.unfrozen"]


def test_a_key_that_is_used_first_while_spending_is_frozen_is_frozen_too(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(1, on=None),))
    deck.ask(Freeze())
    deck.loose(work("a", 0.5, limits=(LimitRef(name="team", key="new"),)))
    assert deck.claim(ANY) == []
    assert claimed(deck, Unfreeze()) == 1


def test_a_correction_counts_in_this_window_and_is_an_entry_with_who_and_why(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(1),))
    deck.loose(work("a", 1), work("b", 1))
    deck.end(*deck.claim(ANY))
    assert deck.gauge("team") == (USD, 0, 0)
    assert claimed(deck, CorrectGauge(name="team", amount="-1.5"), "refund") == 1
    assert deck.gauge("team") == (-USD // 2, USD, 0)
    (entry,) = deck.db.execute(
        "SELECT unit, amount, actor, reason FROM entry WHERE kind = 'correction'"
    ).fetchall()
    assert entry == ("usd", -1_500_000, "ada", "refund")
    (told,) = deck.told("gauge.corrected")
    assert told == {
        "limit": "team",
        "key": "",
        "unit": "usd",
        "amount": "-1.5",
        "used": "-0.5",
        "before": "1",
        "reason": "refund",
    }
    assert deck.ask(CorrectGauge(name="team", amount="0"), "why") == Operated(changed=0)
    assert claimed(deck, CorrectGauge(name="team", amount="+2"), "late bill") == 0
    assert deck.gauge("team")[0] == 3 * USD // 2
    deck.now += DAY
    deck.claim(ANY)
    assert deck.gauge("team")[0] == 0


def test_only_amounts_are_corrected_under_a_key_that_is_there(deck: LimitedDeck) -> None:
    rate = Limit(name="api", kind=LimitKind.RATE, max=1, step_us=1_000)
    deck.configure(limits=(budget(1, on=None), rate))
    deck.loose(work("a", 1, limits=(LimitRef(name="team", key="north"),)))
    for answer, kind, code in (
        (deck.ask(CorrectGauge(name="team", key="north", amount="1"), " "), Invalid, "reason.missing"),
        (deck.ask(CorrectGauge(name="api", amount="1"), "why"), Conflict, "limit.unmetered"),
        (deck.ask(CorrectGauge(name="team", key="nort", amount="1"), "why"), NotFound, "gauge.unknown"),
        (deck.ask(CorrectGauge(name="team", amount="1"), "why"), NotFound, "gauge.unknown"),
        (deck.ask(CorrectGauge(name="team", key="north", amount="much"), "why"), Invalid, "limit.max"),
    ):
        assert isinstance(answer, kind)
        assert answer.code == code
    assert deck.gauge("team", "north") == (0, 0, 0)


def lost(deck: LimitedDeck, *plans: TaskPlan) -> list[tuple[int, int]]:
    """Run tasks whose ends are not observed; return their attempts."""
    deck.loose(*plans)
    attempts = deck.claim(ANY)
    assert len(attempts) == len(plans)
    for attempt in attempts:
        deck.close_as(attempt, Lost(reason="gone"))
    return attempts


@pytest.mark.parametrize(("amount", "used"), [("", 2 * USD), ("0", 0), ("0.25", USD // 4), ("7", 7 * USD)])
def test_an_unknown_amount_of_a_task_becomes_what_is_said_or_what_was_estimated(
    deck: LimitedDeck, amount: str, used: int
) -> None:
    deck.configure(limits=(budget(5, per=Per.TOTAL),))
    ((task_id, epoch),) = lost(deck, work("a", 2))
    assert deck.gauge("team") == (0, 0, 2 * USD)
    assert deck.ask(Reconcile(task_id=task_id, amount=amount), "invoice") == Operated(changed=1)
    assert deck.gauge("team") == (used, 0, 0)
    sql = "SELECT epoch, unit, amount, released, actor, reason, queue FROM entry WHERE kind = 'reconciled'"
    assert deck.db.execute(sql).fetchall() == [(epoch, "usd", used, 2 * USD, "ada", "invoice", "default")]
    (told,) = deck.told("spending.reconciled")
    assert (told["unknown"], told["how"]) == ("2", "given" if amount else "estimated")
    again = deck.ask(Reconcile(task_id=task_id))
    assert isinstance(again, Conflict)
    assert again.code == "amount.known"


def test_what_is_reconciled_lets_what_waits_start_at_once(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(2, per=Per.TOTAL),))
    ((task_id, _),) = lost(deck, work("a", 2))
    deck.loose(work("b", 2))
    assert deck.claim(ANY) == []
    assert claimed(deck, Reconcile(task_id=task_id, amount="0")) == 1


def test_all_amounts_that_are_old_enough_are_reconciled_each_once(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(9, per=Per.TOTAL),))
    lost(deck, work("a", 1), work("b", 1))
    deck.now += DAY
    lost(deck, work("c", 1))
    assert deck.ask(Reconcile(older_ms=DAY // 2)) == Operated(changed=2)
    assert deck.gauge("team") == (2 * USD, 0, USD)
    assert deck.ask(Reconcile(older_ms=DAY // 2)) == Operated(changed=0)
    assert deck.ask(Reconcile(older_ms=0)) == Operated(changed=1)
    assert deck.gauge("team") == (3 * USD, 0, 0)


def test_an_amount_of_an_earlier_window_is_reconciled_there(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(2),))
    ((task_id, _),) = lost(deck, work("a", 2))
    deck.now += DAY
    deck.loose(work("b", 1))
    deck.claim(ANY)
    assert deck.ask(Reconcile(task_id=task_id)) == Operated(changed=1)
    assert deck.gauge("team") == (0, USD, 0)


def test_one_amount_for_several_units_has_to_say_for_which(deck: LimitedDeck) -> None:
    tokens = Limit(name="tokens", kind=LimitKind.BUDGET, unit="tokens", max=9_000 * USD, on={})
    deck.configure(limits=(budget(9, per=Per.TOTAL), tokens))
    cost = Estimate(amounts={"usd": USD, "tokens": 500 * USD})
    ((task_id, _),) = lost(deck, TaskPlan(key="a", uses="delay", cost=cost))
    answer = deck.ask(Reconcile(task_id=task_id, amount="3"))
    assert isinstance(answer, Invalid)
    assert answer.code == "unit.missing"
    assert deck.ask(Reconcile(task_id=task_id, amount="3", unit="usd")) == Operated(changed=1)
    assert (deck.gauge("team"), deck.gauge("tokens")) == ((3 * USD, 0, 0), (0, 0, 500 * USD))
    assert deck.ask(Reconcile(task_id=task_id)) == Operated(changed=1)
    assert deck.gauge("tokens") == (500 * USD, 0, 0)


def test_a_task_that_is_not_there_has_nothing_to_reconcile(deck: LimitedDeck) -> None:
    answer = deck.ask(Reconcile(task_id=77))
    assert isinstance(answer, NotFound)
    assert isinstance(deck.ask(Reconcile(task_id=77, amount="x")), Invalid)


def test_operators_are_told_once_in_a_window_that_a_budget_is_nearly_spent(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(10, soft=0.8),))
    deck.loose(*(work(f"t{n}", 4) for n in range(2)))
    deck.end(deck.claim(ANY)[0])
    (told,) = deck.told("limit.soft")
    assert (told["limit"], told["reserved"], told["max"]) == ("team", 8 * USD, 10 * USD)
    deck.loose(work("more", 1))
    deck.claim(ANY)
    deck.ask(SetLimit(name="team", to="11"))
    deck.loose(work("again", 1))
    deck.claim(ANY)
    assert len(deck.told("limit.soft")) == 1
    deck.now += DAY
    deck.loose(*(work(f"next{n}", 4.5) for n in range(2)))
    deck.claim(ANY)
    assert len(deck.told("limit.soft")) == 2


def test_operators_are_told_once_in_a_window_that_a_budget_is_spent_and_when_it_is_freed(
    deck: LimitedDeck,
) -> None:
    deck.configure(limits=(budget(10),))
    deck.loose(*(work(f"t{n}", 5) for n in range(2)))
    first, second = deck.claim(ANY)
    # All is reserved, but nothing is spent: what attempts give back may go to others.
    assert deck.told("budget.spent") == []
    deck.close_as(first, Succeeded(), spent(6))
    assert deck.told("budget.spent") == []
    deck.close_as(second, Succeeded(), spent(6))
    (told,) = deck.told("budget.spent")
    assert (told["limit"], told["used"], told["max"], told["unit"]) == ("team", 12 * USD, 10 * USD, "usd")
    deck.ask(SetLimit(name="team", to="11"))
    assert (len(deck.told("budget.spent")), deck.told("budget.freed")) == (1, [])
    deck.ask(SetLimit(name="team", to="20", span=Span.WINDOW))
    (freed,) = deck.told("budget.freed")
    assert freed["max"] == 20 * USD
    deck.ask(ResetLimit(name="team"))
    assert len(deck.told("budget.spent")) == 2
    # The window turns: what waits for it makes the engine look.
    deck.loose(work("waits", 9))
    assert deck.claim(ANY) == []
    deck.now += DAY
    (attempt,) = deck.claim(ANY)
    assert len(deck.told("budget.freed")) == 2
    deck.close_as(attempt, Succeeded(), spent(10))
    # One task after the other spends all of a day: each day is told.
    for day in range(3):
        deck.now += DAY
        deck.loose(work(f"day{day}", 1))
        deck.close_as(deck.claim(ANY)[0], Succeeded(), spent(10))
        assert len(deck.told("budget.spent")) == 4 + day
    assert len(deck.told("budget.freed")) == 5


def test_an_amount_that_is_reconciled_or_corrected_frees_a_budget(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(10),))
    deck.loose(work("lost", 10))
    (attempt,) = deck.claim(ANY)
    deck.close_as(attempt, Lost(reason="gone"))
    assert len(deck.told("budget.spent")) == 1
    deck.ask(Reconcile(task_id=attempt[0], amount="3"))
    assert len(deck.told("budget.freed")) == 1


def test_nobody_is_told_of_a_budget_below_its_soft_limit(deck: LimitedDeck) -> None:
    deck.configure(limits=(budget(10, soft=0.8),))
    deck.loose(work("a", 7.9))
    (attempt,) = deck.claim(ANY)
    deck.close_as(attempt, Succeeded(), spent(7.99))
    assert deck.told("limit.soft") == []


def test_a_rehearsed_change_changes_nothing_of_what_claims_see(deck: LimitedDeck) -> None:
    deck.configure(pools=POOLS)
    deck.loose(*(work(f"t{n}", queue="gpu") for n in range(3)))
    assert len(deck.claim(ANY)) == 1
    assert claimed(deck, Rehearse(operation=ChangeCapacity(change=ResizePool(name="gpu", slots=9)))) == 0
    assert deck.claim(ANY) == []
    assert deck.told("pool.resized") == []


def test_what_waits_behind_a_limit_that_it_names_starts_when_that_is_raised_or_freed(
    deck: LimitedDeck,
) -> None:
    refs = (LimitRef(name="team"),)
    deck.configure(limits=(budget(1, on=None),))
    deck.loose(work("a", 1, limits=refs), work("b", 1, limits=refs), work("c", 1, limits=refs))
    (first,) = deck.claim(ANY)
    # Their aisle is shut by the gauge: no claim looks at it for its own sake.
    assert deck.claim(ANY) == []
    assert claimed(deck, SetLimit(name="team", to="2")) == 1
    assert deck.claim(ANY) == []
    deck.ask(Freeze())
    assert claimed(deck, SetLimit(name="team", to="3")) == 0
    assert claimed(deck, Unfreeze()) == 1
    assert first[0] == 1
