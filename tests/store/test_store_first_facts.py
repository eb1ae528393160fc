"""Tests of what events say of births and moves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.model.plans import OnLoss
from core.store.apply.first_facts import NEEDS_MOST
from core.store.sql import INLINE_LIMIT
from tests.support.deck import Deck
from tests.support.factories import done, flat, job, stage, task, tasks


def born(deck: Deck, kind: str) -> Any:
    """Return what the last event of a kind says."""
    return deck.told(kind)[-1]


def test_the_event_of_a_job_has_its_parameters_without_what_looks_like_a_secret(deck: Deck) -> None:
    params = {
        "day": "2026-01-31",
        "API_KEY": "canary",
        "source": "https://ana:canary@host/x",
        "login": {"user": "ana", "password": "canary", "headers": [{"Authorization": "canary"}]},
        "header": "Bearer canary",
    }
    deck.submit(flat(task("a"), params=params))
    assert born(deck, "job.created")["params"] == {
        "day": "2026-01-31",
        "API_KEY": "[redacted]",
        "source": "https://[redacted]@host/x",
        "login": {"user": "ana", "password": "[redacted]", "headers": [{"Authorization": "[redacted]"}]},
        "header": "Bearer [redacted]",
    }
    assert "canary" not in "".join(str(row) for row in deck.rows("SELECT data FROM event"))
    assert json.loads(deck.rows("SELECT params FROM job WHERE id = 2")[0][0]) == params


def test_large_parameters_are_left_out_of_the_event_and_counted(deck: Deck) -> None:
    deck.submit(flat(task("a"), params={"rows": "x" * 100_000, "day": 3, **{f"p{n}": n for n in range(900)}}))
    told = born(deck, "job.created")
    assert told["params"]["day"] == 3
    assert "rows" not in told["params"]
    assert told["params_left_out"] == 902 - len(told["params"])
    assert len(json.dumps(told)) < 2 * INLINE_LIMIT


def test_the_event_of_a_job_without_parameters_names_none(deck: Deck) -> None:
    deck.submit(flat(task("a")))
    assert not {"params", "params_left_out"} & born(deck, "job.created").keys()


def test_the_event_of_a_task_says_what_it_waits_for_and_its_limits(deck: Deck) -> None:
    last = task("c", "a", done("b"), when="params.x", timeout_ms=5_000, on_loss=OnLoss.ASK)
    deck.submit(job(stage(task("a"), name="one"), stage(task("b"), last, name="two")))
    told = born(deck, "task.created")
    assert told["needs"] == [
        {"task": deck.id("a"), "key": "a"},
        {"task": deck.id("b"), "key": "b", "when": "done"},
    ]
    assert (told["when"], told["timeout_ms"], told["on_loss"]) == ("params.x", 5_000, "ask")


def test_defaults_are_not_told(deck: Deck) -> None:
    deck.enqueue(task("a", on_loss=OnLoss.RETRY))
    assert not {"needs", "when", "timeout_ms", "on_loss"} & born(deck, "task.created").keys()


def test_of_many_needs_the_first_are_named_and_the_others_counted(deck: Deck) -> None:
    many = tasks("a", 3 * NEEDS_MOST)
    deck.submit(flat(*many, task("z", *(one.key for one in many), when="x" * 5_000)))
    told = born(deck, "task.created")
    assert len(told["needs"]) == NEEDS_MOST
    assert told["needs_left_out"] == 2 * NEEDS_MOST
    assert len(told["when"]) == 500


@pytest.mark.parametrize("kind", ["task.queued", "task.claimed", "task.succeeded", "job.running"])
def test_moves_of_one_source_say_what_they_left(deck: Deck, kind: str) -> None:
    deck.submit(flat(task("a"), task("b", "a")))
    deck.claim()
    deck.end("a")
    deck.claim()
    left = {"task.queued": "blocked", "task.claimed": "queued", "task.succeeded": "running"}
    assert {told["from"] for told in deck.told(kind)} == {left.get(kind, "pending")}
