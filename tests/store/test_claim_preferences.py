"""Tasks that prefer pools: which one takes them, and who waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import FollowUp
from core.model.limits.limits import Dimension, Limit, LimitKind, Per, Pool, Window
from tests.store.deck import Deck, stage, task
from tests.support.recounts import findings

DEEP, FAST = Pool(name="deep", slots=1), Pool(name="fast", slots=2)


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "taskdeck.db")
    configure(deck, FAST, DEEP)
    yield deck
    assert findings(deck.db) == ()
    deck.close()


def configure(deck: Deck, *pools: Pool, limits: tuple[Limit, ...] = ()) -> None:
    deck.do(Configure(pools=pools, limits=limits))
    while deck.report.left_over:
        deck.do(FollowUp())


def pools(deck: Deck) -> dict[str, str]:
    """Return the pool of each open attempt by the key of its task."""
    sql = "SELECT t.key, a.pool FROM attempt a JOIN task t ON t.id = a.task_id WHERE a.status = 'running'"
    return dict(deck.db.execute(sql))


def test_the_first_preferred_pool_takes_a_task_then_the_next(deck: Deck) -> None:
    deck.job(stage(*(task(key, prefer=("deep", "fast")) for key in "abcd")))
    deck.claim()
    assert pools(deck) == {"a": "deep", "b": "fast", "c": "fast"}


def test_a_task_waits_for_the_pools_that_it_prefers_and_others_go_on(deck: Deck) -> None:
    deck.job(stage(*(task(key, prefer=("deep",), priority=5) for key in "ab"), task("c"), task("d")))
    first = deck.claim()
    assert pools(deck) == {"a": "deep", "c": "fast", "d": "fast"}
    deck.end(next(one for one in first if one[0] == 1))
    deck.claim()
    assert pools(deck)["b"] == "deep"


def test_many_tasks_that_prefer_a_full_pool_hide_no_other(deck: Deck) -> None:
    deck.job(stage(task("first", prefer=("deep",))))
    deck.claim()
    for number in range(400):
        deck.job(stage(task(f"t{number}", prefer=("deep",), priority=9)))
    deck.job(stage(task("last", priority=-9)))
    deck.claim()
    assert pools(deck) == {"first": "deep", "last": "fast"}
    assert not deck.report.claims_left


def test_pools_that_do_not_drain_the_queue_are_not_waited_for(deck: Deck) -> None:
    configure(deck, FAST, Pool(name="deep", slots=1, queues=("other",)))
    deck.job(stage(task("a", prefer=("deep",)), task("b", prefer=("nowhere", "deep"))))
    deck.claim()
    assert pools(deck) == {"a": "fast", "b": "fast"}


def test_the_next_pool_takes_a_task_where_the_first_is_out_of_quota(deck: Deck) -> None:
    quota = Limit(name="q", kind=LimitKind.QUOTA, max=1, on={Dimension.POOL: "deep"})
    configure(deck, FAST, Pool(name="deep", slots=3), limits=(quota,))
    deck.job(stage(*(task(key, prefer=("deep", "fast")) for key in "abcd")))
    deck.claim()
    assert pools(deck) == {"a": "deep", "b": "fast", "c": "fast"}


def test_tasks_that_wait_come_under_pools_that_are_configured_later(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "other.db")
    deck.job(stage(task("a", prefer=("deep",))))
    configure(deck, FAST, DEEP)
    deck.claim()
    assert pools(deck) == {"a": "deep"}
    assert findings(deck.db) == ()
    deck.close()


def test_what_waits_for_the_quota_of_a_pool_starts_when_its_window_turns(deck: Deck) -> None:
    minute = Window(per=Per.MINUTE)
    quota = Limit(name="q", kind=LimitKind.QUOTA, max=1, window=minute, on={Dimension.POOL: "deep"})
    configure(deck, Pool(name="deep", slots=3), limits=(quota,))
    deck.job(stage(task("a"), task("b")))
    deck.end(*deck.claim())
    assert deck.claim() == []
    due = deck.report.next_due
    assert due == 60_000
    deck.now = due
    assert deck.claim() == [(2, 1)]
    deck.claim()
    assert deck.report.next_due is None
