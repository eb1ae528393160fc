"""What reruns, skips and verdicts of several stages leave behind holds together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.work import Cancel, Rerun
from core.model.plans import NeedPlan, NeedWhen, OnTaskFailure
from tests.store.deck import Deck, failure, raw_rows, stage, task
from tests.support.recounts import findings


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def stages(deck: Deck, job_id: int) -> list[str]:
    return [
        row[0] for row in raw_rows(deck.db, "SELECT status FROM stage WHERE job_id = ? ORDER BY id", job_id)
    ]


def job(deck: Deck, job_id: int) -> tuple[str, str]:
    return raw_rows(deck.db, "SELECT status, reason FROM job WHERE id = ?", job_id)[0]


def tasks(deck: Deck, job_id: int) -> dict[str, tuple[str, int]]:
    rows = raw_rows(deck.db, "SELECT key, status, needs_left FROM task WHERE job_id = ?", job_id)
    return {key: (status, left) for key, status, left in rows}


def test_a_stage_whose_tasks_were_skipped_and_cancelled_by_one_failure_closes(deck: Deck) -> None:
    job_id = deck.job(
        stage(task("a"), name="s0"),
        stage(task("b", "a"), task("c"), name="s1"),
        on_task_failure=OnTaskFailure.FINISH,
    )
    deck.end(*deck.claim(), outcome=failure())
    assert job(deck, job_id) == ("failed", "stage s0 failed")
    assert stages(deck, job_id) == ["failed", "cancelled"]


def test_a_stage_all_of_whose_tasks_were_skipped_before_the_verdict_closes(deck: Deck) -> None:
    job_id = deck.job(
        stage(task("a"), task("slow"), name="s0"),
        stage(task("b", "a"), name="s1"),
        on_task_failure=OnTaskFailure.FINISH,
    )
    a, slow = deck.claim()
    deck.end(a, outcome=failure())
    deck.end(slow)
    assert job(deck, job_id)[0] == "failed"
    assert stages(deck, job_id) == ["failed", "skipped"]


def test_rerunning_a_later_stage_alone_does_not_hide_an_earlier_failure(deck: Deck) -> None:
    job_id = deck.job(
        stage(task("a"), name="s0"), stage(task("b"), name="s1"), on_task_failure=OnTaskFailure.FINISH
    )
    deck.end(*deck.claim(), outcome=failure())
    ((b,),) = raw_rows(deck.db, "SELECT id FROM task WHERE key = 'b'")
    deck.do(Rerun(task_ids=(b,)))
    deck.drain()
    assert tasks(deck, job_id)["b"][0] == "succeeded"
    assert job(deck, job_id) == ("failed", "stage s0 failed")


def test_rerunning_a_later_stage_alone_does_not_hide_an_earlier_cancellation(deck: Deck) -> None:
    job_id = deck.job(stage(task("a"), name="s0"), stage(task("b"), name="s1"))
    deck.do(Cancel(job_id=job_id))
    ((b,),) = raw_rows(deck.db, "SELECT id FROM task WHERE key = 'b'")
    deck.do(Rerun(task_ids=(b,)))
    deck.drain()
    assert job(deck, job_id) == ("cancelled", "stage s0 was cancelled")


def test_a_blocked_dependant_waits_for_the_rerun_of_its_need(deck: Deck) -> None:
    job_id = deck.job(stage(task("x"), task("z"), task("y", "x", "z")))
    x, z = deck.claim()
    deck.end(x)
    deck.do(Rerun(task_ids=(x[0],)))
    assert tasks(deck, job_id)["y"] == ("blocked", 2)
    (again,) = deck.claim()
    deck.end(z)
    assert tasks(deck, job_id)["y"] == ("blocked", 1)
    deck.end(again)
    assert tasks(deck, job_id)["y"] == ("queued", 0)
    deck.drain()
    assert job(deck, job_id)[0] == "succeeded"


def test_a_dependant_whose_condition_is_being_judged_waits_for_the_rerun_too(deck: Deck) -> None:
    done = NeedPlan(key="x", when=NeedWhen.DONE)
    job_id = deck.job(stage(task("x"), task("y", done, when="true")))
    (x,) = deck.claim()
    deck.end(x)
    assert deck.report.conditions
    deck.do(Rerun(task_ids=(x[0],)))
    assert tasks(deck, job_id)["y"] == ("blocked", 1)
    deck.end(*deck.claim())
    assert deck.report.conditions


def test_a_stage_that_a_rerun_set_back_is_closed_as_its_tasks_stand_when_the_verdict_comes(
    deck: Deck,
) -> None:
    job_id = deck.job(stage(task("a"), name="s0"), stage(task("b"), name="s1"))
    deck.drain()
    deck.do(Rerun(task_ids=(1,)))
    assert stages(deck, job_id) == ["open", "pending"]
    deck.end(*deck.claim(), outcome=failure())
    assert stages(deck, job_id) == ["failed", "succeeded"]
    assert job(deck, job_id) == ("failed", "task a failed")
