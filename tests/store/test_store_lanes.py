"""Aisles and lanes: what is shut costs nothing, the order stays."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from core.model.commands.work import (
    Cancel,
    ComeDue,
    Command,
    Enqueue,
    Hold,
    Pause,
    Prioritise,
    Rerun,
    Resume,
    Unhold,
)
from core.model.lanes import Head
from core.model.outcomes import RetryAt
from core.rules.lanes import choose
from core.store.apply.claims import claim, lanes, sight
from core.store.batch import _AISLE_HEADS, _LANE_HEADS
from core.store.journal import Journal
from tests.support.deck import AGING, Deck
from tests.support.factories import failure, flat, retrying, task, tasks
from tests.support.manual_time import ManualClock
from tests.support.recounts import findings
from tests.support.seeds import seeds
from tests.support.waiting import within


def one(queue: str = "default", **more: object) -> object:
    return flat(task("t", queue=queue, **more))


def shut(deck: Deck) -> list[int]:
    """Return the jobs whose lanes are shut."""
    return [job for (job,) in deck.rows("SELECT job_id FROM lane WHERE shut_by = 0 ORDER BY job_id")]


def cost(deck: Deck, work: Callable[[], object]) -> int:
    """Return how many steps of SQLite something takes, in hundreds."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    # Each statement counts for itself: what is left of one below this number is not seen.
    deck.db.set_progress_handler(step, 10)
    work()
    deck.db.set_progress_handler(None, 0)
    return steps // 10


# What a claim would take if it looked at everything


def expected(deck: Deck, slots: int) -> list[int]:
    """Return the tasks that the rule chooses from all that may be claimed, looked up without lanes."""
    rows = deck.rows(
        "SELECT t.id, t.lane_id, t.job_id, t.queue, t.sort_key, j.vtime FROM task t"
        " JOIN job j ON j.id = t.job_id JOIN queue q ON q.name = t.queue"
        " WHERE t.status = 'queued' AND q.paused_at IS NULL AND j.status IN ('pending', 'running')"
    )
    heads = [
        Head(task_id=i, lane_id=lane, job_id=job, queue=queue, sort_key=key, vtime=vtime)
        for i, lane, job, queue, key, vtime in rows
    ]
    ((taken,),) = deck.rows("SELECT count(*) FROM attempt WHERE status = 'running'")
    picks = choose(heads, slots - taken, now=deck.now + 10, aging_step=AGING)
    return list(picks.task_ids)


class Chance:
    """Commands by chance on whatever a store holds."""

    def __init__(self, deck: Deck, seed: int) -> None:
        self._deck = deck
        self._chance = random.Random(seed)

    def some(self, sql: str, most: int = 3) -> tuple[int, ...]:
        found = [number for (number,) in self._deck.rows(sql)]
        return tuple(self._chance.sample(found, min(len(found), self._chance.randint(1, most))))

    def job(self) -> int:
        return self.some("SELECT id FROM job", 1)[0]

    def queue(self) -> str:
        return self._chance.choice("abcd")

    def plan(self) -> object:
        return task(
            "t",
            queue=self.queue(),
            priority=self._chance.randrange(4),
            retry=retrying(2),
        )

    def command(self) -> Command:
        chance = self._chance
        match chance.randrange(10):
            case 0 | 1:
                return Enqueue(tasks=tuple(self.plan() for _ in range(chance.randint(1, 3))))
            case 2:
                return Pause(job_id=self.job()) if chance.random() < 0.6 else Pause(queue=self.queue())
            case 3 | 4:
                return Resume(job_id=self.job()) if chance.random() < 0.6 else Resume(queue=self.queue())
            case 5:
                return Hold(task_ids=self.some("SELECT id FROM task WHERE status = 'queued'"))
            case 6:
                return Unhold(task_ids=self.some("SELECT id FROM task WHERE status = 'held'"))
            case 7:
                return Cancel(task_ids=self.some("SELECT id FROM task WHERE status != 'running'", 2))
            case 8:
                which = self.some("SELECT id FROM task WHERE status != 'running'")
                return Prioritise(task_ids=which, priority=chance.randrange(8))
            case _:
                which = self.some("SELECT id FROM task WHERE status IN ('failed', 'cancelled', 'succeeded')")
                return Rerun(task_ids=which)

    def new_job(self) -> object:
        keys = range(self._chance.randint(1, 4))
        return flat(*(task(f"t{n}", queue=self.queue(), retry=retrying(2)) for n in keys))

    def end_some(self) -> None:
        for number in self.some("SELECT id FROM task WHERE status = 'running'", 4):
            if self._chance.random() < 0.3:
                self._deck.end(number, failure(), RetryAt(at=self._deck.now + self._chance.choice((5, 900))))
            else:
                self._deck.end(number)
            self._deck.settle()


@pytest.mark.parametrize("seed", seeds(8, soak=40))
@pytest.mark.parametrize("many", [2, 16])
def test_whatever_happens_a_claim_takes_what_the_rule_takes_from_all(
    deck: Deck, seed: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "MANY", many)
    monkeypatch.setattr(lanes, "MAX_LANES", 2)
    chance = Chance(deck, seed)
    for turn in range(40):
        deck.ask(chance.command())
        if turn % 3 == 0:
            deck.submit(chance.new_job())
        deck.settle()
        deck.do(ComeDue())
        if turn % 11 == 10:
            deck.crash()
        slots = chance._chance.randrange(8)
        wanted = expected(deck, slots)
        assert [claimed.task_id for claimed in deck.claim(slots)] == wanted
        chance.end_some()
        # What is miscounted stays so: a look at some of the turns sees it, and a look at all costs most.
        if turn % 4 == 3:
            assert findings(deck.db) == ()


def test_the_first_lanes_of_many_aisles_are_read_at_once_whatever_is_behind_them(deck: Deck) -> None:
    for _ in range(8):
        deck.submit(flat(*(task(f"t{number}", queue=f"q{number:02}") for number in range(70))))
        deck.now += 1_000
    asked: list[str] = []
    deck.db.set_trace_callback(asked.append)
    first = [claimed.task_id for claimed in deck.claim(8)]
    deck.db.set_trace_callback(None)
    assert first == sorted(first)[:8]
    assert first[-1] - first[0] == 7
    looks = [one for one in asked if one.startswith("SELECT l.head_key")]
    assert len(looks) == 1, looks


@pytest.mark.parametrize("seed", range(12))
def test_what_a_group_queues_is_claimed_by_it_as_by_the_next_one(
    deck: Deck, tmp_path: Path, seed: int
) -> None:
    apart = Deck(tmp_path / "apart.db")
    chances = Chance(deck, seed), Chance(apart, seed)
    for turn in range(40):
        slots = chances[0]._chance.randrange(9)
        assert slots == chances[1]._chance.randrange(9)
        commands = [(ComeDue(), chance.command(), Enqueue(tasks=(chance.plan(),))) for chance in chances]
        assert commands[0] == commands[1]
        deck.ask(*commands[0], slots=slots)
        apart.ask(*commands[1])
        apart.now -= 10
        assert [c.task_id for c in apart.claim(slots)] == [c.task_id for c in deck.report.claimed]
        if turn % 4 == 0:
            for one_deck, chance in zip((deck, apart), chances, strict=True):
                one_deck.submit(chance.new_job())
        for one_deck, chance in zip((deck, apart), chances, strict=True):
            chance.end_some()
            one_deck.settle()
    assert findings(deck.db) == ()


def test_what_comes_into_a_paused_queue_that_is_new_is_not_claimed_by_its_group(deck: Deck) -> None:
    deck.db.execute("INSERT INTO queue (name, paused_at) VALUES ('new', 1)")
    deck.do(Enqueue(tasks=(task("t", queue="new"),), actor="tester"), slots=1)
    assert deck.report.claimed == []
    assert deck.claim(1) == []
    deck.do(Resume(queue="new"))
    assert len(deck.claim(1)) == 1


def test_what_is_claimed_as_it_comes_writes_neither_its_lane_nor_its_aisle(deck: Deck) -> None:
    deck.end_all(deck.enqueue(task("first")) and deck.claim(1))
    for table in ("lane", "aisle"):
        deck.db.execute(
            f"CREATE TRIGGER {table}_written BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    (answer,) = deck.ask(Enqueue(tasks=(task("second"),), actor="tester"), slots=1)
    assert not isinstance(answer, Exception)
    assert [claimed.key for claimed in deck.report.claimed] == ["second"]
    deck.end("second")


# Shut and open


def test_a_paused_queue_shuts_its_aisle_and_opens_it_again(deck: Deck) -> None:
    for _ in range(3):
        deck.submit(one("later"))
    deck.do(Pause(queue="later"))
    assert deck.rows("SELECT queue FROM aisle WHERE shut_by = 0") == [("later",)]
    deck.submit(one("later"))
    assert deck.claim() == []
    deck.do(Resume(queue="later"))
    assert len(deck.claim()) == 4


def test_what_comes_into_a_queue_that_is_paused_is_shut_by_the_claim_that_meets_it(deck: Deck) -> None:
    deck.db.execute("INSERT INTO queue (name, paused_at) VALUES ('later', 1)")
    deck.enqueue(task("t", queue="later"))
    assert deck.rows("SELECT shut_by FROM aisle WHERE queue = 'later'") == [(None,)]
    assert deck.claim() == []
    assert deck.rows("SELECT shut_by FROM aisle WHERE queue = 'later'") == [(0,)]


def test_a_paused_job_shuts_its_lanes_and_opens_them_again(deck: Deck) -> None:
    first, second = deck.submit(one()), deck.submit(one())
    deck.do(Pause(job_id=first))
    assert shut(deck) == [first]
    assert [claimed.job_id for claimed in deck.claim()] == [second]
    deck.do(Resume(job_id=first))
    assert [claimed.job_id for claimed in deck.claim()] == [first]


def test_a_lane_that_is_new_to_a_paused_job_is_shut_by_the_claim_that_meets_it(deck: Deck) -> None:
    deck.do(Pause(job_id=1))
    deck.enqueue(task("t", queue="other"))
    assert shut(deck) == []
    assert deck.claim() == []
    assert shut(deck) == [1]
    deck.do(Resume(job_id=1))
    assert deck.claim_keys() == ["t"]


def test_many_lanes_of_a_job_are_shut_as_they_are_met_and_opened_in_parts(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_LANES", 3)
    job = deck.submit(flat(*(task(f"t{n}", queue=f"q{n}") for n in range(10))))
    deck.do(Pause(job_id=job))
    assert len(shut(deck)) == 3
    assert deck.claim() == []
    assert len(shut(deck)) == 10
    deck.do(Resume(job_id=job))
    assert len(shut(deck)) == 7
    assert findings(deck.db) == ()
    assert deck.settle() == 3
    assert len(deck.claim()) == 10


def test_a_job_that_is_paused_again_stays_shut_whatever_was_left_to_open(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_LANES", 3)
    job = deck.submit(flat(*(task(f"t{n}", queue=f"q{n}") for n in range(10))))
    deck.do(Pause(job_id=job))
    deck.claim()
    deck.do(Resume(job_id=job))
    deck.do(Pause(job_id=job))
    deck.settle()
    assert len(shut(deck)) == 10
    assert deck.claim() == []
    assert findings(deck.db) == ()


def test_a_job_that_ran_out_and_is_run_again_is_open(deck: Deck) -> None:
    job = deck.submit(one())
    deck.do(Pause(job_id=job))
    deck.do(Cancel(job_id=job))
    deck.settle()
    assert shut(deck) == [job]
    deck.do(Rerun(job_id=job))
    assert deck.claim_keys() == ["t"]


# What a claim looks at


def small_sight(monkeypatch: pytest.MonkeyPatch, number: int = 4) -> None:
    monkeypatch.setattr(claim, "LANES_MIN", number)
    monkeypatch.setattr(claim, "LANES_MAX", number)


def test_free_slots_are_filled_from_more_lanes_than_one_look_sees(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_sight(monkeypatch)
    for _ in range(20):
        deck.submit(one())
    assert [claimed.job_id for claimed in deck.claim(20)] == list(range(2, 22))


def test_paused_jobs_that_fill_the_sight_hide_nothing_behind_them(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_sight(monkeypatch)
    for _ in range(10):
        deck.submit(one())
    deck.db.execute("UPDATE job SET status = 'paused' WHERE id > 1")
    last = deck.submit(one())
    deck.ask(slots=1)
    assert [claimed.job_id for claimed in deck.report.claimed] == [last]
    deck.db.execute("UPDATE job SET status = 'pending' WHERE status = 'paused'")
    deck.db.execute("UPDATE lane SET shut_by = NULL")
    deck.db.execute("UPDATE aisle SET head_key = (SELECT min(head_key) FROM lane)")


async def test_what_one_claim_did_not_come_to_is_claimed_by_the_next_group(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_sight(monkeypatch)
    monkeypatch.setattr(claim, "PASSES", 1)
    for _ in range(12):
        deck.submit(one())
    claimed: list[int] = []
    all_claimed = asyncio.Event()

    def listen(report: object) -> None:
        claimed.extend(one.task_id for one in report.claimed)  # type: ignore[attr-defined]
        if len(claimed) == 12:
            all_claimed.set()

    journal = Journal(deck.writer, clock=ManualClock(deck.now), listener=listen)
    journal.slots = 100
    journal.wake()
    await within(all_claimed.wait(), "all tasks are claimed without another command")
    await journal.close()
    deck.db = Deck.reading(deck.path)


@pytest.mark.parametrize("how", ["queue", "jobs"])
def test_what_is_paused_costs_a_claim_nothing(deck: Deck, how: str) -> None:
    def round_of_claims() -> None:
        deck.enqueue(*tasks("t", 10))
        deck.end_all(deck.claim(10))

    round_of_claims()
    alone = cost(deck, round_of_claims)
    plans = [one("later") for _ in range(600)]
    for plan in plans:
        deck.submit(plan)
    if how == "queue":
        deck.do(Pause(queue="later"))
    else:
        for job in range(2, 602):
            deck.do(Pause(job_id=job))
    round_of_claims()
    assert cost(deck, round_of_claims) <= alone * 1.1 + 2


def test_a_new_job_costs_as_much_beside_many_as_beside_few(deck: Deck) -> None:
    deck.do(Pause(job_id=deck.submit(one("later"))))
    deck.do(Pause(queue="later"))
    beside_few = cost(deck, lambda: deck.do(slots=5) or deck.submit(one("later")))
    for _ in range(600):
        deck.submit(one("later"))
    assert cost(deck, lambda: deck.do(slots=5) or deck.submit(one("later"))) <= beside_few * 1.1 + 2


PLANS = {
    "aisles": (sight._AISLES, (64,), ["aisle_open", "sqlite_autoindex_queue_1"]),
    "lanes": (sight._LANES, (1, 2**62, 64), ["lane_head", "PRIMARY KEY"]),
    "others waiting": (sight._WAITING, (), ["aisle_open"]),
    "reordered lanes": (sight._REORDERED, ("[1]",), ["PRIMARY KEY", "task_claim"]),
    "lanes of many": (sight._LANES_OF_MANY, ("[1]", 2**62, 64), ["lane_head", "PRIMARY KEY"]),
    "behind": (sight._BEHIND, (1, 1, 1, 4), ["task_claim"]),
    "heads of lanes": (_LANE_HEADS, ("[1]",), ["PRIMARY KEY", "task_claim"]),
    "heads of aisles": (_AISLE_HEADS, ("[1]",), ["lane_head", "PRIMARY KEY"]),
    "shut a job": (lanes._SHUT_JOB, (1, 9), ["PRIMARY KEY", "lane_job"]),
    "open a job": (lanes._OPEN_JOB, (1, 9), ["PRIMARY KEY", "lane_job"]),
}


@pytest.mark.parametrize("analyzed", ["as it is", "analyzed"])
@pytest.mark.parametrize("name", PLANS)
def test_each_statement_of_a_claim_goes_by_its_index(deck: Deck, name: str, analyzed: str) -> None:
    sql, args, indexes = PLANS[name]
    for number in range(30):
        deck.submit(one(f"q{number % 3}"))
    if analyzed == "analyzed":
        deck.db.execute("ANALYZE")
    plan = " | ".join(row[3] for row in deck.rows(f"EXPLAIN QUERY PLAN {sql}", *args))
    assert all(index in plan for index in indexes), plan
    assert "TEMP B-TREE" not in plan, plan
    assert "SCAN lane" not in plan, plan
    assert "SCAN job" not in plan, plan
    assert "SCAN task" not in plan, plan
