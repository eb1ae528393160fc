"""Pools that take from the first of their queues first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import FollowUp
from core.model.limits.limits import Limit, LimitKind, LimitRef, Pool, PoolOrder
from tests.store.deck import Deck, stage, task
from tests.support.recounts import findings
from tests.support.seeds import seeds

LISTED = PoolOrder.LISTED


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "taskdeck.db")
    yield deck
    assert findings(deck.db) == ()
    deck.close()


def configure(deck: Deck, *pools: Pool, limits: tuple[Limit, ...] = ()) -> None:
    deck.do(Configure(pools=pools, limits=limits))
    while deck.report.left_over:
        deck.do(FollowUp())


def taken(deck: Deck, slots: int = 100) -> dict[str, str]:
    """Claim; return the pool of each open attempt by the key of its task."""
    deck.claim(slots)
    sql = "SELECT t.key, a.pool FROM attempt a JOIN task t ON t.id = a.task_id WHERE a.status = 'running'"
    return dict(deck.db.execute(sql))


def test_the_first_queue_is_taken_from_first_whatever_the_priorities(deck: Deck) -> None:
    configure(deck, Pool(name="p", slots=2, queues=("b", "a"), order=LISTED))
    deck.job(stage(task("a0", queue="a", priority=9), *(task(f"b{n}", queue="b") for n in range(3))))
    first = deck.claim()
    assert taken(deck) == {"b0": "p", "b1": "p"}
    deck.end(*first)
    assert taken(deck) == {"b2": "p", "a0": "p"}


def test_within_a_queue_the_order_is_by_priority_and_fair(deck: Deck) -> None:
    configure(deck, Pool(name="p", slots=3, queues=("b", "a"), order=LISTED))
    deck.job(stage(task("low", queue="b", priority=-5), task("z", queue="a")))
    deck.job(stage(task("high", queue="b", priority=5)))
    deck.claim(1)
    assert taken(deck, slots=1) == {"high": "p"}
    assert taken(deck, slots=2) == {"high": "p", "low": "p"}


def test_a_pool_of_one_order_beside_takes_by_priority(deck: Deck) -> None:
    pools = (
        Pool(name="p", slots=1, queues=("b", "a"), order=LISTED),
        Pool(name="q", slots=1, queues=("a", "b")),
    )
    configure(deck, *pools)
    deck.job(stage(task("a0", queue="a", priority=9), task("b0", queue="b"), task("b1", queue="b")))
    assert taken(deck) == {"b0": "p", "a0": "q"}


def test_a_task_starts_in_the_pool_that_it_prefers_though_another_is_asked_before(deck: Deck) -> None:
    pools = (Pool(name="p", slots=2, queues=("a", "b"), order=LISTED), Pool(name="q", slots=1))
    configure(deck, *pools)
    deck.job(stage(*(task(key, queue="a", prefer=("q", "p")) for key in ("x", "y"))))
    assert taken(deck) == {"x": "q", "y": "p"}


def test_a_pool_that_is_asked_first_gives_no_slot_of_another_away(deck: Deck) -> None:
    pools = (Pool(name="p", slots=2, queues=("a", "b"), order=LISTED), Pool(name="q", slots=1))
    configure(deck, *pools)
    deck.job(stage(task("x", queue="a", prefer=("q", "p")), task("urgent", queue="c", priority=9)))
    assert taken(deck) == {"urgent": "q", "x": "p"}


def test_tasks_that_cannot_start_let_those_of_the_next_queue_go(deck: Deck) -> None:
    none = Limit(name="none", kind=LimitKind.CONCURRENCY, max=0)
    configure(deck, Pool(name="p", slots=2, queues=("a", "b"), order=LISTED), limits=(none,))
    deck.job(stage(task("a0", queue="a", limits=(LimitRef(name="none"),)), task("b0", queue="b")))
    assert taken(deck) == {"b0": "p"}


def test_many_earlier_lanes_of_the_second_queue_hide_none_of_the_first(deck: Deck) -> None:
    configure(deck, Pool(name="p", slots=1, queues=("b", "a"), order=LISTED))
    for number in range(300):
        deck.job(stage(task(f"a{number}", queue="a", priority=9)))
    deck.job(stage(task("b0", queue="b", priority=-9)))
    assert taken(deck) == {"b0": "p"}


def test_another_order_of_the_queues_or_pools_is_noticed(deck: Deck) -> None:
    first, second = (Pool(name=name, slots=1, queues=("a", "b"), order=LISTED) for name in "pq")
    configure(deck, first, second)
    deck.job(stage(*(task(f"{queue}{n}", queue=queue) for queue in "ab" for n in range(3))))
    (attempt,) = deck.claim(1)
    assert taken(deck, slots=1) == {"a0": "p"}
    deck.end(attempt)
    configure(deck, second, first)
    (attempt,) = deck.claim(1)
    assert taken(deck, slots=1) == {"a1": "q"}
    deck.end(attempt)
    configure(deck, Pool(name="q", slots=1, queues=("b", "a"), order=LISTED), first)
    assert taken(deck, slots=1) == {"b0": "q"}
    assert deck.do(Configure(pools=deck.writer.capacity.pools))[0] == 0


def test_a_pool_that_comes_before_others_is_asked_before_them(deck: Deck) -> None:
    old = Pool(name="a", slots=1)
    configure(deck, old)
    configure(deck, Pool(name="z", slots=1), old)
    deck.job(stage(task("x")))
    assert taken(deck) == {"x": "z"}


@pytest.mark.parametrize("seed", seeds(8, soak=20))
def test_no_claim_takes_from_a_queue_while_an_earlier_one_of_the_pool_has_a_task(
    tmp_path: Path, seed: int
) -> None:
    random, deck = Random(seed), Deck(tmp_path / "deck.db")
    orders = {name: tuple(random.sample("abc", 3)) for name in "pq"}
    configure(
        deck,
        *(Pool(name=name, slots=random.randint(1, 3), queues=orders[name], order=LISTED) for name in "pq"),
    )
    for number in range(60):
        plans = [
            task(f"t{number}_{n}", queue=random.choice("abc"), priority=random.randint(-3, 3))
            for n in range(random.randint(0, 3))
        ]
        if plans:
            deck.job(stage(*plans))
        claimed = deck.claim()
        queued = {queue for (queue,) in deck.db.execute("SELECT queue FROM task WHERE status = 'queued'")}
        for task_id, epoch in claimed:
            ((queue, pool),) = deck.db.execute(
                "SELECT t.queue, a.pool FROM attempt a JOIN task t ON t.id = a.task_id"
                " WHERE a.task_id = ? AND a.epoch = ?",
                (task_id, epoch),
            )
            earlier = orders[pool][: orders[pool].index(queue)]
            assert queued.isdisjoint(earlier)
        running = deck.db.execute("SELECT task_id, epoch FROM attempt WHERE status = 'running'").fetchall()
        deck.end(*random.sample(running, random.randint(0, len(running))))
    assert findings(deck.db) == ()
    deck.close()
