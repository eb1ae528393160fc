"""Tests of the past of jobs and of runs compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.control.timeline_answers import runs_of, timeline_of
from core.model.commands.work import ComeDue, Complete, Pause, Resume
from core.model.errors import NotFound
from core.model.outcomes import RetryAt
from core.model.plans import RetryPolicy
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.past import timelines
from tests.store.deck import FINISH, Deck, failure, stage, task
from tests.store.test_reports_counting import Plans


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


async def test_a_timeline_has_attempts_waits_and_the_path(deck: Deck, reports: Reports) -> None:
    job = deck.job(
        stage(task("a", retry=RetryPolicy(max_attempts=2)), task("side"), task("b", "a"), name="in"),
        stage(task("late"), name="out"),
    )
    began = deck.now
    (a, side) = deck.claim()
    retry = RetryAt(at=deck.now + 10)
    deck.do(Complete(task_id=a[0], epoch=1, outcome=failure(), decision=retry))
    deck.do(Pause(job_id=job))
    deck.end(side)
    deck.now += 100
    deck.do(Resume(job_id=job))
    deck.do(ComeDue())
    deck.drain()
    view = await timeline_of(reports, job)
    told = {bar.key: [(one.status, one.start - began) for one in bar.segments] for bar in view.bars}
    assert told["a"][:3] == [("queued", 0), ("running", 10), ("retrying", 20)]
    assert told["a"][-1][0] == "running"
    assert [what for what, _ in told["b"]] == ["blocked", "queued", "running"]
    assert told["late"][0][0] == "blocked"
    assert [bar.key for bar in view.bars if bar.task_id in view.critical] == ["a", "b", "late"]
    assert (view.job.id, view.searched) == (job, None)


async def test_a_large_job_has_its_first_tasks_and_the_inbox_its_newest(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "TASKS_MAX", 2)
    deck.loose(task("x"), task("y"), task("z"))
    job = deck.job(stage(task("a"), task("b"), task("c")))
    inbox, large = await timeline_of(reports, 1), await timeline_of(reports, job)
    assert ([bar.key for bar in inbox.bars], inbox.searched) == (["y", "z"], 2)
    assert ([bar.key for bar in large.bars], large.searched) == (["a", "b"], 2)
    assert (large.critical, large.first, inbox.first) == ((), 0, 1)
    rest = await timeline_of(reports, job, offset=2)
    assert ([bar.key for bar in rest.bars], rest.first, rest.searched) == (["c"], 2, 1)
    assert (await timeline_of(reports, job, offset=99)).bars == ()
    with pytest.raises(NotFound):
        await timeline_of(reports, 99)


async def test_queued_tasks_are_shaded_while_their_queue_or_job_is_paused(
    deck: Deck, reports: Reports
) -> None:
    job = deck.job(stage(task("a"), task("b")))
    began = deck.now
    deck.now += 10
    deck.do(Pause(queue="default"))
    deck.now += 10
    deck.do(Pause(job_id=job))
    deck.now += 10
    deck.do(Resume(queue="default"))
    deck.now += 10
    deck.do(Resume(job_id=job))
    deck.now += 10
    deck.do(Pause(queue="default"))
    view = await timeline_of(reports, job)
    told = [(one.status, one.start - began) for one in view.bars[0].segments]
    assert told == [("queued", 0), ("paused", 20), ("queued", 80), ("paused", 100)]


async def test_runs_are_compared_by_key_the_newest_first(deck: Deck, reports: Reports) -> None:
    deck.job(stage(task("a"), task("old")), name="nightly")
    deck.drain()
    deck.job(stage(task("a"), task("new", "a")), name="nightly", on_task_failure=FINISH)
    deck.end(*deck.claim(), outcome=failure())
    deck.job(stage(task("a"), task("new", "a")), name="nightly")
    deck.job(stage(task("a")), name="other")
    view = await runs_of(reports, "nightly", limit=2)
    assert [job.id for job in view.runs] == [4, 3]
    cells = {row.key: [None if one is None else one.status for one in row.cells] for row in view.rows}
    assert cells == {"a": ["queued", "failed"], "new": ["blocked", "skipped"]}
    whole = await runs_of(reports, "nightly", limit=50)
    assert [row.key for row in whole.rows] == ["a", "new", "old"]
    assert [None if one is None else one.status for one in whole.rows[2].cells] == [None, None, "succeeded"]
    with pytest.raises(NotFound) as caught:
        await runs_of(reports, "inbox", limit=5)
    assert caught.value.code == "workflow.unknown"


async def test_timelines_are_read_by_indexes_alone(deck: Deck, readers: Readers, reports: Reports) -> None:
    job = deck.job(stage(task("a"), task("b", "a")), name="odd\ud800")
    deck.drain()
    plans = Plans(deck, readers)
    await timeline_of(reports, job)
    assert len((await runs_of(reports, "odd\ud800", limit=9)).rows) == 2
    told = " | ".join(plans.all())
    for table in ("task", "event", "edge", "job", "t", "e", "j", "s", "run_time"):
        assert f"SCAN {table} |" not in f"{told} |", told
