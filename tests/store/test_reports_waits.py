"""Tests of the facts of waiting tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.control.wait_answers import WaitAnswers
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Complete, Hold, NoteFault, Pause
from core.model.outcomes import RetryAt
from core.model.plans import RetryPolicy
from core.model.waits import OWN, EngineFacts
from core.rules.why.tasks import reasons
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports import waits as waits_reports
from core.store.reports.limits import lines
from tests.store.deck import AGING, Deck, failure, stage, task
from tests.store.test_reports_counting import Plans

SERVING = EngineFacts(state="serving", slots=1, running=1, aging_step=AGING)


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


async def serving() -> EngineFacts:
    return SERVING


@pytest.fixture
def answers(reports: Reports) -> WaitAnswers:
    return WaitAnswers(reports.waits, serving)


async def shorts(reports: Reports, answers: WaitAnswers) -> dict[str, str | None]:
    return {view.key: view.waits_for for view in await answers.told((await reports.tasks.page()).rows)}


def number(deck: Deck, key: str) -> int:
    ((found,),) = deck.db.execute("SELECT id FROM task WHERE key = ?", (key,)).fetchall()
    return int(found)


def every_kind(deck: Deck) -> None:
    """Queue tasks that wait for each reason that rows decide, but for those of a moment."""
    deck.job(
        stage(task("a"), task("b", "a"), task("c", "a", "b"), task("w", when="${{ 1 == 1 }}"), name="in"),
        stage(task("late"), name="out"),
    )
    paused = deck.job(stage(task("p")))
    deck.loose(
        task("q", queue="mail"),
        task("h"),
        task("r", priority=9, retry=RetryPolicy(max_attempts=3)),
        task("z"),
    )
    held, retried = number(deck, "h"), number(deck, "r")
    assert deck.claim(1) == [(retried, 1)]
    due = RetryAt(at=deck.now + 9_000)
    deck.do(Complete(task_id=retried, epoch=1, outcome=failure("busy", "try later"), decision=due))
    deck.do(
        Pause(queue="mail", actor="ann", reason="server is down"),
        Pause(job_id=paused, actor="bob"),
        Hold(task_ids=(held,), actor="eve", reason="wait"),
    )


async def test_a_list_says_of_each_task_what_it_waits_for_first(
    deck: Deck, reports: Reports, answers: WaitAnswers
) -> None:
    every_kind(deck)
    assert await shorts(reports, answers) == {
        "a": "a slot",
        "b": "need a",
        "c": "need a (1 of 2)",
        "w": "its condition",
        "late": "stage in",
        "p": "paused job",
        "q": "paused queue",
        "h": "held by eve",
        "r": "its retry",
        "z": "a slot",
    }


async def test_the_code_that_lists_are_filtered_by_is_that_of_the_first_reason(
    deck: Deck, reports: Reports
) -> None:
    every_kind(deck)
    views = (await reports.tasks.page()).rows
    facts = (await reports.waits.of_tasks([view.id for view in views])).tasks
    for view in views:
        own = [r.code.value for r in reasons(facts[view.id], SERVING) if r.code in OWN]
        assert view.wait_reason == own[0], view.key
        where = parse(f"wait:{own[0]}", Noun.TASKS)
        assert view.id in [found.id for found in (await reports.tasks.page(where)).rows]
    assert {view.wait_reason for view in views} == {
        *("slots", "needs", "condition", "stage", "job_paused", "queue_paused", "held", "retry")
    }


async def test_one_task_is_told_in_full(deck: Deck, answers: WaitAnswers) -> None:
    every_kind(deck)
    told = {key: (await answers.task(number(deck, key))).reasons[0] for key in ("c", "h", "r", "q", "late")}
    assert told["c"].text == "it needs a (queued), b (blocked)"
    assert (told["h"].text, told["h"].since) == ("it is held by eve: wait", deck.now)
    assert told["r"].text == "attempt 2 of 3 is due later after: try later"
    assert told["r"].until == deck.now - 20 + 9_000
    assert (told["q"].text, told["q"].since) == (
        "queue mail is paused by ann: server is down",
        deck.now,
    )
    assert "begins when stage in is over (4 of its tasks have not ended)" in told["late"].text


async def test_the_order_is_that_of_the_claims(deck: Deck, answers: WaitAnswers) -> None:
    for name in ("one", "two"):
        deck.job(stage(*(task(f"{name}{n}", priority=n % 2) for n in range(4))))
    deck.loose(task("x", priority=5), task("y", queue="other"))
    places = {}
    for (task_id,) in deck.db.execute("SELECT id FROM task").fetchall():
        text = (await answers.task(task_id)).reasons[0].text
        places[task_id] = 0 if "it is next" in text else int(text.split("; ")[1].split()[0])
        assert "at least" not in text
    claimed = [deck.claim(n)[0][0] for n in range(1, 11)]
    assert sorted(places, key=places.__getitem__) == claimed
    assert sorted(places.values()) == list(range(10))


async def test_a_place_is_the_least_where_not_all_was_read(
    deck: Deck, answers: WaitAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    deck.job(stage(*(task(f"a{n}") for n in range(20))))
    deck.job(stage(*(task(f"b{n}") for n in range(20))))
    monkeypatch.setattr(lines, "ORDER_MAX", 0)
    assert "at least 14 tasks come before it" in (await answers.task(15)).reasons[0].text
    monkeypatch.setattr(lines, "LANES_MAX", 1)
    assert "at least 2 tasks come before it" in (await answers.task(3)).reasons[0].text


async def test_a_prediction_knows_where_not_all_lanes_or_attempts_were_read(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        deck.job(stage(task(f"a{number}"), task(f"b{number}")))
    monkeypatch.setattr(lines, "LANES_MAX", 3)
    assert not (await reports.arrivals.of_job("x", (), ())).line.is_partial
    monkeypatch.setattr(lines, "LANES_MAX", 2)
    arrival = await reports.arrivals.of_job("x", (), ())
    assert (len(arrival.line.lanes), arrival.line.is_partial) == (2, True)
    monkeypatch.setattr(lines, "LANES_MAX", 3)
    deck.claim(2)
    monkeypatch.setattr(lines, "OPEN_MAX", 2)
    assert not (await reports.arrivals.of_job("x", (), ())).line.is_partial
    monkeypatch.setattr(lines, "OPEN_MAX", 1)
    line = (await reports.arrivals.of_job("x", (), ())).line
    assert (len(line.open), line.is_partial) == (1, True)


async def test_holders_and_the_pace_are_told(deck: Deck, answers: WaitAnswers) -> None:
    deck.loose(task("a"), task("b"), task("c"), task("d"))
    deck.end(*deck.claim(1))
    deck.claim(1)
    (reason,) = (await answers.task(4)).reasons
    assert "1 task comes before it" in reason.text
    assert reason.text.endswith("running longest: b (task 2)")
    assert reason.until is not None
    assert reason.until > deck.now


async def test_what_is_set_aside_says_so_until_it_is_queued_again(deck: Deck, answers: WaitAnswers) -> None:
    deck.job(stage(task("a"), task("b")))
    deck.do(NoteFault(job_id=2, task_id=1, epoch=None, message="its row is broken"))
    assert [r.short for r in (await answers.task(1)).reasons] == ["set aside"]
    assert [r.short for r in (await answers.task(2)).reasons] == ["a slot"]
    deck.do(NoteFault(job_id=2, task_id=None, epoch=None, message="the job is broken"))  # type: ignore[arg-type]
    assert "the job is broken" in (await answers.task(2)).reasons[0].text
    assert [(g.tasks, g.reason.short) for g in (await answers.job(2)).groups] == [(2, "set aside")]


async def test_what_runs_or_has_ended_waits_for_nothing(deck: Deck, answers: WaitAnswers) -> None:
    deck.loose(task("a"), task("b"), task("c"))
    deck.end(*deck.claim(1), outcome=failure("exit", "it broke"))
    deck.end(*deck.claim(1))
    deck.claim(1)
    told = [await answers.task(n) for n in (1, 2, 3)]
    assert [one.reasons for one in told] == [(), (), ()]
    assert [one.summary for one in told] == [
        "it failed after 1 attempt: it broke",
        "it succeeded",
        "it runs: attempt 1 of 1",
    ]


async def test_a_job_is_told_by_what_most_of_its_tasks_wait_for(
    deck: Deck, answers: WaitAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    deck.job(stage(task("a"), *(task(f"b{n}", "a") for n in range(5))))
    told = await answers.job(2)
    assert [(g.tasks, g.reason.short, g.example) for g in told.groups] == [(5, "need a", 2), (1, "a slot", 1)]
    assert (told.waiting, told.searched) == (6, None)
    monkeypatch.setattr(waits_reports, "OF_JOB", 3)
    assert (await answers.job(2)).searched == 3


async def test_a_need_is_looked_for_among_the_first_only(
    deck: Deck, reports: Reports, answers: WaitAnswers
) -> None:
    many = [f"k{n:03}" for n in range(waits_reports.LOOKED + 5)]
    deck.job(stage(*(task(key) for key in many), task("all", *many)))
    deck.end(*deck.claim(waits_reports.LOOKED + 2))
    assert (await shorts(reports, answers))["all"] == "3 needs"
    last = (await answers.task(len(many) + 1)).reasons[0].text
    assert last == f"it needs {many[-3]} (queued), {many[-2]} (queued), {many[-1]} (queued)"


async def test_the_reasons_are_read_by_indexes_alone(
    deck: Deck, readers: Readers, reports: Reports, answers: WaitAnswers
) -> None:
    every_kind(deck)
    plans = Plans(deck, readers)
    await reports.waits.of_tasks(range(1, 11))
    for task_id in range(1, 11):
        await answers.task(task_id)
    await answers.job(2)
    told = " | ".join(plans.all())
    for table in ("task", "event", "edge", "stage", "job", "lane", "t", "e", "n", "j", "l", "s"):
        assert f"SCAN {table} |" not in f"{told} |", table


@pytest.mark.parametrize(
    ("sql", "lost"),
    [
        ("UPDATE task SET queue = 'gone'", "its queue"),
        ("UPDATE task SET job_id = 77", "its job"),
        ("UPDATE task SET stage_id = 77, job_id = 77", "its job and its stage"),
    ],
)
async def test_a_task_whose_rows_are_damaged_says_so_and_the_list_goes_on(
    deck: Deck, reports: Reports, answers: WaitAnswers, sql: str, lost: str
) -> None:
    deck.job(stage(task("a")))
    deck.loose(task("b"))
    deck.change(f"{sql} WHERE key = 'a'")
    told = await answers.task(1)
    assert told.reasons[0].text == f"it is set aside: the store has lost {lost}"
    assert await shorts(reports, answers) == {"a": "set aside", "b": "a slot"}


async def test_a_status_that_is_not_one_is_no_reason(
    deck: Deck, reports: Reports, answers: WaitAnswers
) -> None:
    deck.loose(task("a"))
    deck.change("UPDATE task SET status = 'odd'")
    assert (await answers.task(1)).summary == "it is odd"
    assert await shorts(reports, answers) == {"a": None}
