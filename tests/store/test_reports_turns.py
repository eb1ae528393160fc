"""Tests of predicted starts: what is foretold, and what then happens."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from core.control.wait_answers import WaitAnswers
from core.model.commands.limits import Configure
from core.model.commands.work import Complete, FollowUp
from core.model.limits.limits import Dimension, Limit, LimitKind, Pool, PoolOrder
from core.model.outcomes import Succeeded
from core.model.waits import EngineFacts
from core.store.reports import Reports
from core.store.reports.limits import lines
from tests.store.deck import AGING, Deck, stage, task

KEYS = {"a": 4_000, "b": 9_000, "c": 2_000, "d": 6_000, "e": 3_000}
"""How long (ms) each usually takes."""
SLOTS = 2


async def serving() -> EngineFacts:
    return EngineFacts(state="serving", slots=SLOTS, running=SLOTS, aging_step=AGING)


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    made.now = 1_700_000_000_000
    yield made
    made.close()


@pytest.fixture
def answers(reports: Reports) -> WaitAnswers:
    return WaitAnswers(reports.waits, serving)


class Course:
    """Attempts that end when their time is over, and what is claimed then."""

    def __init__(self, deck: Deck, seed: int, *, spread: float) -> None:
        self.deck = deck
        self.random = Random(seed)
        self.spread = spread
        self.ends: list[tuple[int, int, int]] = []
        self.started: dict[int, int] = {}

    def go_on(self, *commands: Complete) -> None:
        self.deck.do(*commands, slots=SLOTS)
        for one in self.deck.report.claimed:
            usual = KEYS[one.key.partition("_")[0]]
            took = int(usual * self.random.uniform(1 - self.spread, 1 + self.spread))
            heapq.heappush(self.ends, (self.deck.now + took, one.task_id, one.epoch))
            self.started[one.task_id] = self.deck.now

    def step(self) -> bool:
        """Let the next attempt end, or a second pass if nothing runs; return whether anything is left."""
        if self.ends:
            at, task_id, epoch = heapq.heappop(self.ends)
            self.deck.now = max(self.deck.now, at - 10)
            self.go_on(Complete(task_id=task_id, epoch=epoch, outcome=Succeeded()))
        else:
            self.deck.now += 1_000
            self.go_on()
        return bool(self.deck.db.execute("SELECT 1 FROM task WHERE status = 'queued' LIMIT 1").fetchone())

    def run(self) -> None:
        while self.step() or self.ends:
            pass


def steady(deck: Deck, *, jobs: int) -> Course:
    """Let these tasks become known, then queue many of them, and claim."""
    course = Course(deck, 7, spread=0.2)
    for _ in range(6):
        deck.job(stage(*(task(key) for key in KEYS)), name="nightly")
        course.run()
    for _ in range(jobs):
        deck.job(stage(*(task(key) for key in KEYS)), name="nightly")
    course.started.clear()
    course.go_on()
    return course


async def foretold(deck: Deck, answers: WaitAnswers) -> dict[int, int]:
    queued = [one for (one,) in deck.db.execute("SELECT id FROM task WHERE status = 'queued'")]
    told = {one: (await answers.task(one)).reasons[-1] for one in queued}
    assert all(reason.until for reason in told.values())
    return {one: reason.until for one, reason in told.items()}


LIMITS = {
    "slots alone": ((), ()),
    "a limit of one at once": (
        (Limit(name="one", kind=LimitKind.CONCURRENCY, max=1, on={Dimension.QUEUE: "default"}),),
        (),
    ),
    "a pool of one slot": (
        (),
        (Pool(name="small", slots=1, queues=("default",)), Pool(name="other", slots=5)),
    ),
    "a pool that is preferred": ((), (Pool(name="other", slots=5), Pool(name="small", slots=1))),
    "queues in their order": (
        (),
        (Pool(name="one", slots=2, queues=("late", "default"), order=PoolOrder.LISTED),),
    ),
}
SAID: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "a pool that is preferred": {key: {"prefer": ("small",)} for key in KEYS},
    "queues in their order": {"c": {"queue": "late"}, "e": {"queue": "late"}},
}
"""What tasks say beside, by case and key."""


@pytest.mark.parametrize("case", LIMITS)
async def test_starts_in_a_steady_queue_are_foretold_within_a_quarter(
    deck: Deck, answers: WaitAnswers, case: str
) -> None:
    limits, pools = LIMITS[case]
    course = steady(deck, jobs=0)
    deck.do(Configure(limits=limits, pools=pools))
    deck.do(FollowUp())
    for _ in range(8):
        deck.job(stage(*(task(key, **SAID.get(case, {}).get(key, {})) for key in KEYS)), name="nightly")
    course.started.clear()
    course.go_on()
    told, asked_at = await foretold(deck, answers), deck.now
    assert len(told) >= 38
    course.run()
    off = [abs(told[one] - course.started[one]) / (course.started[one] - asked_at) for one in told]
    assert max(off[5:]) <= 0.25
    assert sum(off) / len(off) <= 0.15


async def test_no_start_is_foretold_by_run_times_while_one_is_not_known(
    deck: Deck, answers: WaitAnswers
) -> None:
    course = steady(deck, jobs=2)
    (last,) = deck.loose(task("a_new"))
    course.go_on()
    assert "how long these tasks usually take" in (await answers.task(last)).reasons[0].text
    (behind,) = deck.loose(task("a_newer"))
    (reason,) = (await answers.task(behind)).reasons
    assert "the pace of the last minutes" in reason.text


async def test_tasks_beyond_those_that_are_read_count_as_the_mean_of_the_others(
    deck: Deck, answers: WaitAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady(deck, jobs=4)
    exact = await foretold(deck, answers)
    monkeypatch.setattr(lines, "USUAL_MAX", 3)
    sampled = await foretold(deck, answers)
    last = max(exact)
    assert sampled[last] != exact[last]
    assert abs(sampled[last] - exact[last]) / (exact[last] - deck.now) < 0.5
