"""Tests that a batch equals its commands run one by one."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.model.commands.work import FollowUp, Repair
from core.store import batch as batching
from core.store import transaction
from core.store.batch_report import Report
from tests.store.test_store_transaction import break_the_first_way
from tests.support.deck import Deck, clone
from tests.support.factories import job, stage, task
from tests.support.lives import batch, limited
from tests.support.recounts import findings

QUIET = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def told(report: Report) -> dict[str, object]:
    """Return what a report says, but for the order in which it was noted."""
    return {
        "claimed": report.claimed,
        "stops": sorted(report.stops, key=repr),
        "conditions": sorted(report.conditions),
        "final": sorted(report.final_tasks),
        "ended": sorted(report.ended_jobs),
        "reopened": report.reopened,
        "kinds": report.kinds,
        "left": report.left_over,
        "due": report.next_due,
        "failure": report.failure,
    }


def seen(deck: Deck) -> dict[str, object]:
    """Return all rows; a counter that fell to nothing counts as none."""
    picture = deck.picture()
    picture["counter"] = [row for row in picture["counter"] if row[3]]
    return {**picture, "event": deck.events()}


@QUIET
@given(seed=st.integers(0, 2**32), limit=st.sampled_from([3, 1_000]), places=st.booleans())
# A child that leaves something over, before what was left over is taken up; an item that is due.
@example(seed=185, limit=3, places=False)
@example(seed=215, limit=3, places=False)
def test_a_batch_gives_the_same_rows_and_events_as_its_replay(seed: int, limit: int, places: bool) -> None:
    draw, other_draw = Random(seed), Random(seed)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "MAX_PER_BATCH", limit)
        names = (Path(folder) / f"{number}.db" for number in itertools.count())
        deck = Deck(next(names))
        for _ in range(12):
            group, slots = batch(deck, draw, draw.choice((3, 12))), draw.randint(0, 6)
            if places and other_draw.random() < 0.5:
                group = (limited(other_draw), *group)
            other = clone(deck, next(names))
            answers = deck.ask(*group, slots=slots)
            with pytest.MonkeyPatch.context() as broken:
                break_the_first_way(broken)
                replayed = other.ask(*group, slots=slots)
            assert list(map(repr, answers)) == list(map(repr, replayed))
            assert told(deck.report) == told(other.report)
            assert seen(deck) == seen(other)
            other.db.close()
        assert findings(deck.db) == ()
        deck.db.close()


def test_what_a_replay_leaves_over_once_more_is_left_as_its_batch_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "MAX_PER_BATCH", 3)
    deck = Deck(tmp_path / "one.db")
    second = stage(*(task(f"b{number}") for number in range(5)), name="second")
    job_id = deck.submit(job(stage(task("a")), second))
    deck.claim()
    deck.end("a")
    left = deck.rows("SELECT kind, id FROM followup")
    assert [kind for kind, _ in left] == ["stage"]
    other = clone(deck, tmp_path / "two.db")
    # The repair finds tasks that nothing unblocked, and leaves their stage over a second time.
    group = (Repair(job_id=job_id), FollowUp())
    deck.do(*group)
    break_the_first_way(monkeypatch)
    other.do(*group)
    assert deck.rows("SELECT kind, id FROM followup") == left
    assert seen(deck) == seen(other)
    deck.settle()
    assert findings(deck.db) == ()
    deck.db.close()
    other.db.close()


@QUIET
@given(seed=st.integers(0, 2**32))
def test_one_faulty_command_of_any_batch_fails_alone(seed: int) -> None:
    draw = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        deck = Deck(Path(folder) / "one.db")
        for _ in range(12):
            deck.ask(*batch(deck, draw, 6), slots=4)
        group = batch(deck, draw, 8)
        other = clone(deck, Path(folder) / "two.db")
        bad = draw.randrange(len(group))
        with pytest.MonkeyPatch.context() as patch:
            fail_for(patch, group[bad])
            answers = deck.ask(*group, slots=4)
        rest = (*group[:bad], *group[bad + 1 :])
        expected = other.ask(*rest, slots=4)
        assert isinstance(answers.pop(bad), Exception)
        assert list(map(repr, answers)) == list(map(repr, expected))
        assert seen(deck) == seen(other)
        assert findings(deck.db) == ()
        deck.db.close()
        other.db.close()


def fail_for(patch: pytest.MonkeyPatch, culprit: object) -> None:
    """Let every apply function do its work and then raise, when the culprit is among its commands."""
    for real in (transaction.phases, transaction.phases_apart):  # type: ignore[attr-defined]
        patch.setattr(transaction, real.__name__, partial(_failing, real, culprit))


def _failing(
    real: Callable[[object], Iterable[tuple[object, object]]], culprit: object, commands: object
) -> object:
    def phases(commands: object) -> object:
        def wrapped(apply: object) -> object:
            def run(tx: object, commands: list[object]) -> object:
                results = apply(tx, commands)  # type: ignore[operator]
                if any(command is culprit for command in commands):
                    raise ValueError("this one")
                return results

            return run

        return [(wrapped(apply), numbers) for apply, numbers in real(commands)]

    return phases(commands)
