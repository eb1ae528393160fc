"""Random histories of claims under pools and limits, with an oracle."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import (
    Cancel,
    ComeDue,
    Complete,
    Enqueue,
    FollowUp,
    Hold,
    Pause,
    Resume,
    Submit,
    Unhold,
)
from core.model.limits.estimates import Estimate
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import costs_of
from core.model.limits.limits import (
    Backend,
    Dimension,
    Limit,
    LimitKind,
    LimitRef,
    Per,
    Pool,
    PoolOrder,
    Spent,
    Window,
)
from core.model.outcomes import Bounced, Failed, Lost, Outcome, Requeue, RetryAt, Succeeded, TaskError
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.model.records import replace
from core.rules import gauges as arithmetic
from core.store.apply.claims import claim
from core.store.apply.sharing import gauge_waits
from core.store.gauges import Gauges
from core.store.verify import verify
from tests.store.deck import Deck
from tests.support.seeds import seeds

NAMES = ("c1", "c2", "r", "q", "b", "keyed")
STEPS = 60


def limits(random: Random) -> tuple[Limit, ...]:
    """Return one limit of each kind, small enough to be met all the time."""
    return (
        Limit(name="c1", kind=LimitKind.CONCURRENCY, max=random.randint(1, 4)),
        Limit(name="c2", kind=LimitKind.CONCURRENCY, max=random.randint(1, 6)),
        Limit(name="keyed", kind=LimitKind.CONCURRENCY, max=random.randint(1, 2)),
        Limit(
            name="r", kind=LimitKind.RATE, max=random.randint(1, 3), step_us=random.choice((3_000, 40_000))
        ),
        Limit(name="q", kind=LimitKind.QUOTA, max=random.randint(3, 30), window=Window(per=Per.MINUTE)),
        Limit(
            name="b",
            kind=LimitKind.BUDGET,
            unit="usd",
            max=random.randint(3, 40),
            window=Window(per=Per.MINUTE),
        ),
        Limit(
            name="all",
            kind=LimitKind.BUDGET,
            unit="usd",
            max=random.randint(20, 60),
            window=Window(per=Per.HOUR),
            on=random.choice(({}, {Dimension.QUEUE: "y"})),
        ),
    )


def backends(random: Random) -> tuple[Backend, ...]:
    """Return a backend that some of the tasks call, and one of a pool."""
    share = random.choice((0.0, 0.2, 0.5, 1.0))
    return (
        Backend(name="api", match={Dimension.CONNECTOR: "shell"}, retry_share=share, failures=1_000),
        Backend(name="gpu", match={Dimension.POOL: "g"}, retry_share=share, failures=1_000),
    )


def task(random: Random, key: str) -> TaskPlan:
    named = random.sample(NAMES, random.randint(0, 3))
    return TaskPlan(
        key=key,
        uses=random.choice(("delay", "shell")),
        queue=random.choice("xyz"),
        priority=random.choice((0, 0, 0, 3)),
        limits=tuple(
            LimitRef(name=name, key=str(random.randint(0, 4)) if name == "keyed" else "") for name in named
        ),
        prefer=random.choice(((), (), ("p",), ("g", "p"), ("gone",))),
        cost=random.choice((None, Estimate(amounts={"usd": random.randint(0, 3)}))),
    )


class History:
    """A store under limits, changed at random."""

    pauses = (0, 0, 20, 500, 61_000)
    fails = 1
    """How often an attempt fails, beside five other ends."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = Random(seed)
        self.deck = Deck(path)
        self.deck.now = 1_700_000_040_000
        self.slots = self.random.randint(1, 8)
        self.pools: tuple[Pool, ...] = self.random.choice(
            (
                (),
                (
                    Pool(name="p", slots=self.random.randint(1, 5), queues=("x", "y"), order=self.order()),
                    Pool(name="g", slots=self.random.randint(0, 3), queues=("y", "z"), order=self.order()),
                ),
            )
        )
        self.limits = limits(self.random)
        self.backends = backends(self.random)
        self.running: list[tuple[int, int]] = []
        self.retried_at = 0
        self.too_many: list[object] = []
        """Claims that began more retries of the backend `api` than they might."""
        self.highest = max(limit.max for limit in self.limits)
        self.deck.do(Configure(pools=self.pools, limits=self.limits, backends=self.backends))
        self.jobs = [self._submit(number) for number in range(12)]

    def order(self) -> PoolOrder:
        """Return how a pool takes from its queues."""
        return PoolOrder.PRIORITY

    def _submit(self, number: int) -> int:
        return self.deck.job(StagePlan(name="s", tasks=self._tasks(number)))

    def _tasks(self, number: int) -> tuple[TaskPlan, ...]:
        return tuple(task(self.random, f"t{number}_{n}") for n in range(self.random.randint(1, 8)))

    def step(self) -> None:
        """Let time pass, end some of what runs, change something; then claim until nothing more comes."""
        random = self.random
        self.deck.now += random.choice(self.pauses)
        random.shuffle(self.running)
        number = random.randint(0, len(self.running))
        ended, self.running = self.running[:number], self.running[number:]
        ends = [self._end(*one) for one in ended]
        self.deck.do(ComeDue(), *ends, *self._operations(), slots=self.slots)
        self._note()
        for _ in range(200):
            left = self.deck.report.left_over or self.deck.report.claims_left
            if not left:
                return
            self.deck.do(*([FollowUp()] if self.deck.report.left_over else []), slots=self.slots)
            self._note()
        pytest.fail("it never settles")

    def _note(self) -> None:
        self._judge_retries()
        self.running += [(one.task_id, one.epoch) for one in self.deck.report.claimed]

    def _judge_retries(self) -> None:
        """Compare the retries of the last claim with all that began within five minutes."""
        deck = self.deck
        of_api = [one for one in deck.report.claimed if one.uses == "shell"]
        number = sum(1 for one in of_api if one.tries + one.losses)
        shares = [one.retry_share for one in self.backends if one.name == "api"]
        if not number or not shares:
            return
        is_rare = number == 1 and deck.now - self.retried_at >= 10_000
        self.retried_at = deck.now
        sql = (
            "SELECT count(*), sum(r.id IN (SELECT value FROM json_each(s.gauges))) FROM attempt a"
            " JOIN gauge r ON r.name = 'retry:api' JOIN gset s ON s.id = a.gset_id JOIN json_each(s.gauges) m"
            " JOIN gauge b ON b.id = m.value AND b.name = 'backend:api'"
            " WHERE a.status != 'bounced' AND a.counted_at >= ?"
        )
        starts, retries = deck.db.execute(sql, (deck.now - deck.now % 10_000 - 290_000,)).fetchone()
        if retries > shares[0] * starts and not is_rare:
            self.too_many.append((deck.now, number, retries, starts, shares))

    def _end(self, task_id: int, epoch: int) -> Complete:
        outcomes: list[tuple[Outcome, object]] = [
            (Succeeded(), None),
            (Succeeded(), None),
            *((Failed(error=TaskError(code="x", message="x")), RetryAt(at=self.deck.now + 30)),) * self.fails,
            (Lost(reason="x"), None),
            (Bounced(reason="x"), Requeue()),
        ]
        outcome, decision = self.random.choice(outcomes)
        spent = (Spent(unit="usd", amount=self.random.randint(0, 4)),) if self.random.random() < 0.4 else ()
        more = {} if decision is None else {"decision": decision}
        return Complete(task_id=task_id, epoch=epoch, outcome=outcome, spent=spent, **more)  # type: ignore[arg-type]

    def _operations(self) -> list[object]:
        random = self.random
        kind = random.random()
        if kind < 0.05:
            self.limits = limits(random)
            self.highest = max(self.highest, *(one.max for one in self.limits))
            self.backends = random.choice(((), self.backends, backends(random)))
            return [Configure(pools=self.pools, limits=self.limits, backends=self.backends)]
        if kind < 0.15:
            return [random.choice((Pause, Resume))(queue=random.choice("xyz"), actor="a")]
        if kind < 0.3:
            return [random.choice((Pause, Resume))(job_id=random.choice(self.jobs), actor="a")]
        if kind < 0.5:
            return [Enqueue(tasks=self._tasks(0), group=None, actor="a")]
        if kind < 0.6:
            job = JobPlan(name="later", stages=(StagePlan(name="s", tasks=self._tasks(1)),))
            return [Submit(plan=job, actor="a")]
        if kind < 0.7:
            tasks = [
                one
                for (one,) in self.deck.db.execute("SELECT id FROM task WHERE status IN ('queued', 'held')")
            ]
            chosen = tuple(random.sample(tasks, min(3, len(tasks))))
            return [random.choice((Hold, Unhold, Cancel))(task_ids=chosen, actor="a")] if chosen else []
        return []


class Failing(History):
    """A history of which most attempts fail, and are soon due again."""

    pauses = (0, 100, 1_000, 4_000, 11_000)
    fails = 8

    def _tasks(self, number: int) -> tuple[TaskPlan, ...]:
        return tuple(
            plan if self.random.random() < 0.2 else replace(plan, limits=(), cost=None)
            for plan in super()._tasks(number)
        )


class Listed(Failing):
    """A history whose pools take from the first of their queues first."""

    def order(self) -> PoolOrder:
        return PoolOrder.LISTED


def picture(history: History) -> dict[int, Gauge]:
    """Return every gauge as a claim would read it now."""
    deck = history.deck
    reading = Gauges(deck.writer, now=deck.now, offset=0)
    return dict(reading.of([one for (one,) in deck.db.execute("SELECT id FROM gauge")]))


@cache
def listed(text: str) -> tuple[object, ...]:
    """Return what a set of gauges, or of pools, lists; few sets are read again and again."""
    return tuple(json.loads(text))


def lost_heads(history: History, known: dict[int, Gauge]) -> list[object]:
    """Return heads for which a slot is free, and that fit or wait for a gauge that no claim will look at."""
    deck, found = history.deck, []
    left = {one: arithmetic.left(gauge, now=deck.now) for one, gauge in known.items()}
    members = {one: listed(text) for one, text in deck.db.execute("SELECT id, gauges FROM gset")}
    preferring = {
        one: listed(text) for one, text in deck.db.execute("SELECT id, prefer FROM gset WHERE prefer != ''")
    }
    sets = dict(deck.db.execute("SELECT name, gset_id FROM queue WHERE paused_at IS NULL"))
    taken = Counter(
        pool
        for (pool,) in deck.db.execute(
            "SELECT coalesce(pool, 'default') FROM attempt WHERE status = 'running'"
        )
    )
    pools = history.pools or (Pool(name="default", slots=history.slots),)
    free = [pool for pool in pools if taken[pool.name] < pool.slots] if taken.total() < history.slots else []
    for task_id, queue, gset_id, cost in deck.db.execute(
        "SELECT t.id, t.queue, a.gset_id, t.cost FROM lane l JOIN aisle a ON a.id = l.aisle_id"
        " JOIN job j ON j.id = l.job_id AND j.status IN ('pending', 'running') JOIN task t ON t.id ="
        " (SELECT id FROM task WHERE lane_id = l.id AND status = 'queued' ORDER BY sort_key, id LIMIT 1)"
    ):
        drains = [pool for pool in pools if not pool.queues or queue in pool.queues]
        preferred = [pool for pool in drains if pool.name in preferring.get(gset_id, ())]
        if queue not in sets or not any(pool in free for pool in preferred or drains):
            continue
        gauges = {*members.get(sets[queue], ()), *members.get(gset_id, ())}
        costs = costs_of(cost)
        needs = {one: arithmetic.need_of(known[one], costs.get(known[one].limit.unit)) for one in gauges}
        lacking = [known[one] for one, need in needs.items() if left[one] <= 0 or left[one] < need]
        if not any(one.is_waited_for for one in lacking):
            found.append((task_id, queue, needs, {one: left[one] for one in gauges}))
    return found


def over_limit(history: History, known: dict[int, Gauge]) -> list[Gauge]:
    """Return gauges of open attempts that are above the highest limit they ever had."""
    return [one for one in known.values() if not one.limit.is_metered and one.reserved > history.highest]


@pytest.mark.parametrize("kind", [History, Failing, Listed])
@pytest.mark.parametrize("seed", seeds(8, soak=40))
def test_no_head_that_fits_is_left_and_every_gauge_is_what_attempts_and_ledger_say(
    tmp_path: Path, seed: int, kind: type[History], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    sight = random.choice((2, 4, 64))
    monkeypatch.setattr(claim, "LANES_MIN", sight)
    monkeypatch.setattr(claim, "LANES_MAX", max(sight, 4))
    monkeypatch.setattr(gauge_waits, "AT_ONCE", random.choice((1, 3, 256)))
    history = kind(tmp_path / "deck.db", seed)
    for _ in range(STEPS):
        history.step()
        known = picture(history)
        assert lost_heads(history, known) == []
        assert over_limit(history, known) == []
        assert history.too_many == []
    assert list(verify(history.deck.db)) == []
    assert budgets_told(history) == budgets_spent(history)
    history.deck.close()


def budgets_spent(history: History) -> set[tuple[str, str]]:
    """Return the budgets that are at their cap."""
    known = picture(history).values()
    return {
        (one.limit.name, one.key) for one in known if one.limit.unit and one.used + one.unknown >= one.cap
    }


def budgets_told(history: History) -> set[tuple[str, str]]:
    """Return the budgets whose last word in the history is that they are spent; each word turns the last."""
    rows = history.deck.db.execute(
        "SELECT kind, data->>'limit', data->>'key', id FROM event WHERE kind GLOB 'budget.*' ORDER BY id"
    )
    spent: set[tuple[str, str]] = set()
    for kind, name, key, _ in rows:
        if kind == "budget.spent":
            spent.add((name, key))
        else:
            # Nothing is freed that was not told to be spent.
            spent.remove((name, key))
    return spent


def test_tasks_that_wait_are_brought_under_new_limits_before_any_is_claimed(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.loose(*(TaskPlan(key=f"t{number}", uses="delay") for number in range(5)))
    limit = Limit(name="one", kind=LimitKind.CONCURRENCY, max=1, on={Dimension.CONNECTOR: "delay"})
    deck.do(Configure(limits=(limit,)), slots=10)
    assert (deck.report.claimed, deck.report.left_over) == ([], True)
    deck.do(FollowUp(), slots=10)
    assert len(deck.report.claimed) == 1
    deck.do(Configure(), slots=10)
    deck.do(FollowUp(), slots=10)
    assert len(deck.report.claimed) == 4
    assert list(verify(deck.db)) == []
    deck.close()


def test_what_is_behind_a_head_that_was_too_dear_starts_when_that_is_cancelled(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    budget = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=10)
    deck.do(Configure(limits=(budget,)))
    deck.do(FollowUp())
    refs = (LimitRef(name="team"),)
    costs = [Estimate(amounts={"usd": usd}) for usd in (6, 9, 2)]
    first, dear, _ = deck.loose(*(TaskPlan(key="t", uses="delay", limits=refs, cost=cost) for cost in costs))
    assert deck.claim() == [(first, 1)]
    deck.do(Cancel(task_ids=(dear,), actor="a"), slots=100)
    assert [one.task_id for one in deck.report.claimed] == [dear + 1]
    deck.close()


def test_what_is_taken_of_a_gauge_after_it_was_written_is_written_as_well(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.do(Configure(limits=(Limit(name="db", kind=LimitKind.CONCURRENCY, max=9),)))
    gauges = Gauges(deck.writer, now=deck.now, offset=0)
    gauge_id = gauges.find(deck.writer.capacity.limits["db"])
    gauges.take({gauge_id: 1})
    gauges.flush()

    gauges.one(gauge_id).reserved += 2
    gauges.flush()

    assert deck.db.execute("SELECT reserved FROM gauge WHERE id = ?", (gauge_id,)).fetchall() == [(3,)]


def test_a_budget_of_a_whole_queue_reserves_what_its_tasks_are_expected_to_cost(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    budget = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=10, on={Dimension.QUEUE: "y"})
    deck.do(Configure(limits=(budget,)))
    deck.do(FollowUp())
    plan = TaskPlan(key="t", uses="delay", queue="y", cost=Estimate(amounts={"usd": 4}))
    deck.loose(plan, plan, plan)

    assert len(deck.claim()) == 2
    assert deck.db.execute("SELECT reserved FROM gauge").fetchall() == [(8,)]
    deck.close()
