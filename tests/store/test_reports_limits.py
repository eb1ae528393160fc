"""Tests of why tasks wait under pools and limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.control.wait_answers import WaitAnswers
from core.model.commands import FollowUp
from core.model.estimates import Estimate
from core.model.limit_commands import Configure
from core.model.limits import Dimension, Limit, LimitKind, LimitRef, Per, Pool, Spent, Window
from core.model.waits import EngineFacts
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.verify import verify
from tests.store.deck import AGING, Deck, stage, task
from tests.store.test_reports_counting import Plans

CONCURRENCY, RATE, QUOTA, BUDGET = LimitKind
DAY = Window(per=Per.DAY)
NOON = 1_700_000_000_000
MIDNIGHT = 1_700_006_400_000
USD = 1_000_000


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    made.now = NOON
    yield made
    made.close()


class Engine:
    """An engine that serves, with so many slots."""

    slots = 4
    running = 0

    async def __call__(self) -> EngineFacts:
        return EngineFacts(state="serving", slots=self.slots, running=self.running, aging_step=AGING)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def answers(reports: Reports, engine: Engine) -> WaitAnswers:
    return WaitAnswers(reports.waits, engine)


def configure(deck: Deck, *limits: Limit, pools: tuple[Pool, ...] = ()) -> None:
    deck.do(Configure(pools=pools, limits=limits))
    deck.do(FollowUp())


def under(name: str, key: str, *, usd: int | None = None, ref: str = "", **more: object):
    cost = None if usd is None else Estimate(amounts={"usd": usd * USD})
    return task(key, limits=(LimitRef(name=name, key=ref),), cost=cost, **more)


def no_pool(deck: Deck) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=2, queues=("gpu",)),))
    deck.loose(task("a", queue="mail"))


def pool_paused(deck: Deck) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=2, queues=("gpu",)),))
    deck.change("UPDATE pool SET paused_at = 7, paused_by = 'ann', pause_reason = 'too hot'")
    deck.loose(task("a", queue="gpu"))


def slots(deck: Deck) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=2, queues=("gpu",)), Pool(name="cpu", slots=2)))
    deck.job(stage(*(task(f"b{n}", queue="gpu") for n in range(4))))
    deck.claim(4)
    deck.loose(task("a", queue="gpu"))


def concurrency(deck: Deck) -> None:
    configure(deck, Limit(name="db", kind=CONCURRENCY, max=2))
    deck.job(stage(under("db", "x"), under("db", "y")))
    deck.claim(4)
    deck.loose(under("db", "a"))
    deck.claim(4)


def keyed_concurrency(deck: Deck) -> None:
    configure(deck, Limit(name="host", kind=CONCURRENCY, max=1))
    deck.loose(under("host", "x", ref="db1"), under("host", "a", ref="db1"), under("host", "z", ref="db2"))
    deck.claim(2)


def rate(deck: Deck) -> None:
    configure(deck, Limit(name="api", kind=RATE, max=2, step_us=30_000_000, on={Dimension.QUEUE: "web"}))
    deck.loose(*(task(key, queue="web") for key in ("x", "y", "a")))
    deck.claim(4)


def quota(deck: Deck) -> None:
    configure(deck, Limit(name="daily", kind=QUOTA, max=1, window=DAY))
    deck.loose(under("daily", "x"), under("daily", "a"))
    deck.claim(4)


def budget(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, window=DAY, on={}))
    deck.loose(task("x", cost=Estimate(amounts={"usd": 6 * USD})))
    deck.end(*deck.claim(4))
    deck.loose(
        task("y", cost=Estimate(amounts={"usd": 3 * USD})), task("a", cost=Estimate(amounts={"usd": 2 * USD}))
    )
    deck.claim(4)


def over(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=2 * USD, on={}))
    deck.loose(task("x", cost=Estimate(amounts={"usd": 1 * USD})))
    deck.end(*deck.claim(4), spent=(Spent(unit="usd", amount=3 * USD),))
    deck.loose(task("a"))
    deck.claim(4)


def too_dear(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=2 * USD, window=DAY, on={}))
    deck.loose(task("a", cost=Estimate(amounts={"usd": 5 * USD})))
    deck.claim(4)


def frozen(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, on={}))
    deck.loose(task("a"))
    deck.change("UPDATE engine SET frozen_at = 9, frozen_by = 'bob', freeze_reason = 'too much'")


def shut(deck: Deck) -> None:
    configure(deck, Limit(name="llm", kind=CONCURRENCY, max=5))
    deck.loose(under("llm", "a"))
    deck.change("UPDATE gauge SET shut_until = ?", deck.now + 60_000)


def behind(deck: Deck) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, window=DAY))
    deck.job(stage(under("team", "x", usd=6), under("team", "y", usd=5), under("team", "a", usd=1)))
    deck.claim(4)


def being_keyed(deck: Deck) -> None:
    deck.loose(task("a"))
    deck.do(Configure(limits=(Limit(name="db", kind=CONCURRENCY, max=2),)))


CASES: dict[str, tuple[Callable[[Deck], None], str, str, str, str]] = {
    "no_pool": (no_pool, "no_pool", "a pool", "no pool drains queue mail", "config.toml"),
    "pool_paused": (
        pool_paused,
        "pool_paused",
        "paused pool",
        "pool gpu is paused by ann: too hot",
        "taskdeck pools resume gpu",
    ),
    "slots": (
        slots,
        "slots",
        "a slot",
        "all 4 slots of pools gpu and cpu are taken; it is next; running longest: b0 (task 1 of job 2), b1 (",
        "taskdeck pools resize gpu",
    ),
    "concurrency": (
        concurrency,
        "concurrency",
        "limit db",
        "limit db allows 2 at once and 2 run: x (task 1 of job 2), y (task 2 of job 2)",
        "the end of one of them",
    ),
    "keyed": (
        keyed_concurrency,
        "concurrency",
        "limit host=db1",
        "limit host=db1 allows 1 at once and 1 runs: x (task 1)",
        "the end of one of them",
    ),
    "rate": (
        rate,
        "rate",
        "rate api",
        "rate api allows one start every 30s, 2 at once, and has none left now",
        "its next token",
    ),
    "quota": (
        quota,
        "quota",
        "quota daily",
        "quota daily has nothing left of 1 starts today",
        "its next window",
    ),
    "budget": (
        budget,
        "budget",
        "budget team",
        "budget team has 1 usd left of 10 usd today, and it needs 2 usd (6 usd used, 3 usd reserved)",
        "its next window",
    ),
    "over": (
        over,
        "budget",
        "budget team",
        "budget team has nothing left of 2 usd in all (3 usd used, 1 usd over)",
        "a larger `max`",
    ),
    "too_dear": (
        too_dear,
        "budget",
        "budget team",
        "budget team is 2 usd today, and it needs 5 usd: it can never start",
        "a lower `cost`",
    ),
    "frozen": (
        frozen,
        "frozen",
        "frozen budgets",
        "all spending is frozen by bob: too much; it is under budget team",
        "taskdeck budgets unfreeze",
    ),
    "shut": (shut, "shut", "llm shut", "llm is shut until then", "its time"),
    "behind": (
        behind,
        "behind",
        "behind 2",
        "y (task 2) is before it and needs 5 usd of budget team, which has 4 usd left; the order",
        "taskdeck why --task 2",
    ),
    "being_keyed": (
        being_keyed,
        "limits_changed",
        "new limits",
        "pools or limits were changed",
        "the engine",
    ),
}
UNTIL = {
    "quota": MIDNIGHT,
    "budget": MIDNIGHT,
    "behind": MIDNIGHT,
    "rate": NOON + 30_030,
    "shut": NOON + 60_000,
}


def number(deck: Deck, key: str = "a") -> int:
    ((found,),) = deck.db.execute("SELECT id FROM task WHERE key = ?", (key,)).fetchall()
    return int(found)


@pytest.mark.parametrize("case", CASES)
async def test_each_reason_is_told_with_numbers_and_what_ends_it(
    deck: Deck, reports: Reports, answers: WaitAnswers, engine: Engine, case: str
) -> None:
    prepare, code, short, text, ends = CASES[case]
    prepare(deck)
    engine.running = deck.db.execute("SELECT count(*) FROM attempt WHERE status = 'running'").fetchone()[0]
    (reason,) = (await answers.task(number(deck))).reasons
    assert (reason.code.value, reason.short) == (code, short)
    assert reason.text.startswith(text)
    assert ends in reason.ends
    assert abs((reason.until or 0) - UNTIL.get(case, 0)) <= 50
    page = await answers.told((await reports.tasks.page()).rows)
    assert {view.key: view.waits_for for view in page}["a"] == short
    assert len(short) <= 16
    in_job = await answers.job(2 if case == "behind" else 1)
    assert short in [group.reason.short for group in in_job.groups]


async def test_a_task_that_could_start_this_moment_says_so(deck: Deck, answers: WaitAnswers) -> None:
    configure(
        deck,
        Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, on={}),
        pools=(Pool(name="gpu", slots=2, queues=("gpu",)),),
    )
    deck.loose(task("a", queue="gpu"))
    (reason,) = (await answers.task(1)).reasons
    assert (reason.code.value, reason.text) == (
        "slots",
        "a slot of pool gpu is free, it is next: it can start this moment",
    )
    assert deck.claim(2) == [(1, 1)]


async def test_what_a_task_waits_for_beside_is_told_too_and_what_passes_soon_is_not(
    deck: Deck, answers: WaitAnswers
) -> None:
    configure(
        deck,
        Limit(name="db", kind=CONCURRENCY, max=0, on={}),
        Limit(name="team", kind=BUDGET, unit="usd", max=0, window=DAY, on={}),
        pools=(Pool(name="gpu", slots=1, queues=("gpu",)),),
    )
    deck.job(stage(task("x", queue="gpu"), task("a", "x", queue="gpu")))
    told = [reason.code.value for reason in (await answers.task(number(deck))).reasons]
    assert told == ["needs", "budget"]
    told = [reason.code.value for reason in (await answers.task(number(deck, "x"))).reasons]
    assert told == ["concurrency", "budget"]


async def test_a_job_is_told_by_what_most_of_its_tasks_wait_for(deck: Deck, answers: WaitAnswers) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=0, window=DAY))
    spending = [under("team", f"d{n}", usd=0) for n in range(4)]
    deck.job(stage(task("fetch"), *(task(f"n{n}", "fetch") for n in range(3)), *spending))
    deck.job(stage(*(under("team", f"d{n}", usd=n) for n in range(3))))
    deck.claim(4)
    told = await answers.job(2)
    assert told.summary == "7 tasks: 4 wait for budget team, 3 need fetch; 1 run"
    assert told.groups[0].reason.text == "budget team has nothing left of 0 usd today"
    (group,) = (await answers.job(3)).groups
    assert group.reason.text == "budget team has less left than each of them needs"
    assert group.reason.numbers["limit"] == "team"
    assert "needs" not in group.reason.numbers


async def test_a_limit_of_a_pool_keeps_a_task_back_only_if_no_other_pool_takes_it(
    deck: Deck, answers: WaitAnswers
) -> None:
    both = (Pool(name="gpu", slots=1), Pool(name="cpu", slots=1))
    limit = Limit(name="cap", kind=CONCURRENCY, max=0, on={Dimension.POOL: "gpu"})
    configure(deck, limit, pools=both[:1])
    deck.loose(task("a"))
    assert [reason.short for reason in (await answers.task(1)).reasons] == ["limit cap"]
    configure(deck, limit, pools=both)
    (reason,) = (await answers.task(1)).reasons
    assert reason.text.startswith("a slot of pool cpu is free")
    assert len(deck.claim(2)) == 1


async def test_a_window_that_is_over_and_was_not_turned_keeps_nothing_back(
    deck: Deck, answers: WaitAnswers
) -> None:
    quota(deck)
    deck.now = MIDNIGHT + 1
    (reason,) = (await answers.task(number(deck))).reasons
    assert "it can start this moment" in reason.text
    assert verify(deck.db) == ()


async def test_the_reasons_of_a_list_are_read_with_a_fixed_number_of_statements(
    deck: Deck, reports: Reports, readers: Readers
) -> None:
    counts = []
    limit = Limit(name="team", kind=BUDGET, unit="usd", max=10 * USD, on={})
    configure(deck, limit, pools=(Pool(name="gpu", slots=1),))
    for _ in range(2):
        deck.loose(*(task(f"t{n}", queue=f"q{n}") for n in range(20)))
        tasks = [one for (one,) in deck.db.execute("SELECT id FROM task")]
        plans = Plans(deck, readers)
        await reports.waits.of_tasks(tasks)
        told = plans.all()
        counts.append(len(told))
        for table in ("task", "t", "a", "j", "l", "g"):
            assert f"SCAN {table} |" not in f"{' | '.join(told)} |", table
    assert counts == [5, 5]


async def test_nothing_more_is_read_where_nothing_is_configured(
    deck: Deck, reports: Reports, readers: Readers
) -> None:
    deck.loose(task("a"))
    plans = Plans(deck, readers)
    await reports.waits.of_tasks([1])
    assert len(plans.all()) == 2


async def test_one_paused_pool_of_two_keeps_nothing_back(deck: Deck, answers: WaitAnswers) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=1), Pool(name="cpu", slots=1)))
    deck.change("UPDATE pool SET paused_at = 7 WHERE name = 'gpu'")
    deck.loose(task("a"))
    (reason,) = (await answers.task(1)).reasons
    assert reason.text.startswith("a slot of pool cpu is free")
