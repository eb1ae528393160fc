"""Tests of the counts of ended tasks, in steps of ten seconds.

They are kept for a day.
"""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel, Rerun
from core.store import batch
from core.store.tables.schema import BUCKET, KEPT
from tests.support.deck import Deck
from tests.support.factories import failure, flat, task, tasks


def ended(deck: Deck) -> list[tuple[int, str, str, int]]:
    return deck.rows("SELECT at, queue, status, n FROM ended ORDER BY at, queue, status")


def end_one(deck: Deck, at: int) -> None:
    """Let a loose task succeed at about a moment."""
    deck.now = at
    deck.enqueue(task("t"))
    (claimed,) = deck.claim()
    deck.end(claimed.task_id)


def test_every_end_is_counted_by_queue_and_status(deck: Deck) -> None:
    deck.now = 30_000
    deck.submit(
        flat(task("bad"), task("never", "bad"), task("good", queue="é\ud800"), on_task_failure="continue")
    )
    deck.enqueue(task("off"))
    deck.do(Cancel(task_ids=(deck.id("off"),)))
    deck.claim()
    deck.end("bad", failure())
    deck.end("good")
    assert ended(deck) == [
        (30_000, "default", "cancelled", 1),
        (30_000, "default", "failed", 1),
        (30_000, "default", "skipped", 1),
        (30_000, "é\ud800", "succeeded", 1),
    ]


def test_ends_of_one_bucket_add_up_and_the_next_begins_anew(deck: Deck) -> None:
    for at in (10_000, 15_000, 19_900, 20_000):
        end_one(deck, at)
    assert ended(deck) == [(10_000, "default", "succeeded", 3), (20_000, "default", "succeeded", 1)]


def test_a_rerun_counts_again(deck: Deck) -> None:
    end_one(deck, 10_000)
    deck.do(Rerun(task_ids=(deck.id("t"),)))
    deck.claim()
    deck.end("t", failure())
    assert ended(deck) == [(10_000, "default", "failed", 1), (10_000, "default", "succeeded", 1)]


def test_what_does_not_end_is_not_counted(deck: Deck) -> None:
    deck.enqueue(*tasks("t", 3))
    deck.claim(2)
    assert ended(deck) == []


def test_counts_survive_a_restart(deck: Deck) -> None:
    end_one(deck, 10_000)
    deck.crash()
    end_one(deck, 12_000)
    assert ended(deck) == [(10_000, "default", "succeeded", 2)]


def test_a_new_bucket_ends_those_that_are_older_than_a_day(deck: Deck) -> None:
    for at in (10_000, 20_000, 20_000 + KEPT):
        end_one(deck, at)
    assert [row[0] for row in ended(deck)] == [20_000, 20_000 + KEPT]
    end_one(deck, 25_000 + KEPT)
    assert [row[0] for row in ended(deck)] == [20_000, 20_000 + KEPT]


def test_old_buckets_go_whole_and_few_at_a_time(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "STALE", 2)
    for number in range(8):
        end_one(deck, number * BUCKET)
    left = []
    for number in range(4):
        end_one(deck, 2 * KEPT + number * BUCKET)
        left.append(sum(at < KEPT for at, *_ in ended(deck)))
    assert left == [5, 2, 0, 0]


def test_a_wall_clock_that_is_set_leaves_the_buckets_where_they_are(deck: Deck) -> None:
    for at, offset in (10_000, 0), (11_000, 400 * KEPT), (12_000, -4_000 * KEPT), (13_000, 17):
        deck.offset = offset
        end_one(deck, at)
    assert ended(deck) == [(10_000, "default", "succeeded", 4)]
    end_one(deck, 20_000 + KEPT)
    assert ended(deck) == [(20_000 + KEPT, "default", "succeeded", 1)]


def test_a_refused_command_counts_no_end(deck: Deck) -> None:
    deck.enqueue(task("t"))
    deck.claim()
    deck.db.execute(
        "CREATE TEMP TRIGGER no BEFORE INSERT ON event WHEN NEW.kind = 'task.succeeded'"
        " BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    deck.ask(deck.completion("t"))
    deck.db.execute("DROP TRIGGER no")
    assert ended(deck) == []
