"""Tests of why tasks wait under pools and limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.control.wait_answers import WaitAnswers
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Dimension, Limit, LimitRef, Pool
from core.model.waits import EngineFacts
from core.store.readers import Readers
from core.store.reports import Reports
from tests.store.deck import AGING, Deck, stage, task
from tests.store.test_reports_counting import Plans
from tests.store.wait_cases import (
    BUDGET,
    CASES,
    CONCURRENCY,
    DAY,
    MIDNIGHT,
    NOON,
    UNTIL,
    USD,
    configure,
    number,
    quota,
    under,
)
from tests.support.recounts import findings


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
    (view,) = [view for view in page if view.key == "a"]
    assert (view.waits_for, view.wait_reason) == (short, code)
    where = parse(f"wait:{code}", Noun.TASKS)
    assert view.id in [found.id for found in (await reports.tasks.page(where)).rows]
    assert len(short) <= 16
    ((job_id,),) = deck.db.execute("SELECT job_id FROM task WHERE id = ?", (view.id,))
    in_job = await answers.job(job_id)
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


@pytest.mark.parametrize(
    ("limits", "paused", "said", "code"),
    [
        ((("cap", "gpu", 0),), (), {}, "slots"),
        ((("cap", "gpu", 0), ("few", "cpu", 0)), (), {}, "concurrency"),
        ((("cap", "gpu", 0),), ("cpu",), {}, "concurrency"),
        ((("cap", "gpu", 0),), ("gpu",), {}, "slots"),
        ((("cap", "gpu", 0),), (), {"prefer": ("gpu",)}, "concurrency"),
        ((("cap", "gpu", 0),), (), {"prefer": ("cpu",)}, "slots"),
        ((("cap", "gpu", 0),), (), {"prefer": ("nowhere",)}, "slots"),
        ((), ("gpu",), {"prefer": ("gpu",)}, "pool_paused"),
        ((), ("gpu",), {"prefer": ("gpu", "cpu")}, "slots"),
        ((), ("far",), {"prefer": ("far",)}, "slots"),
        ((("paid", "gpu", 0), ("cap", "cpu", 0)), (), {}, "budget"),
        ((("paid", "gpu", 0), ("cap", "cpu", 0)), (), {"prefer": ("cpu", "gpu")}, "concurrency"),
        ((("paid", "gpu", 2), ("few", "cpu", 0)), (), {"usd": 1}, "slots"),
        ((("paid", "gpu", 2), ("few", "cpu", 0)), (), {"usd": 3}, "budget"),
        ((("paid", "gpu", 0), ("paid2", "cpu", 0), ("own", "", 0)), (), {"name": "own"}, "concurrency"),
        ((("cap", "gpu", 0), ("few", "cpu", 0), ("own", "", 1)), (), {"name": "own"}, "concurrency"),
    ],
)
async def test_lists_are_filtered_by_what_the_limits_of_pools_keep_back(
    deck: Deck,
    reports: Reports,
    answers: WaitAnswers,
    limits: tuple[tuple[str, str, int], ...],
    paused: tuple[str, ...],
    said: dict[str, object],
    code: str,
) -> None:
    def limit(name: str, pool: str, most: int) -> Limit:
        on = {Dimension.POOL: pool} if pool else None
        if name.startswith("paid"):
            return Limit(name=name, kind=BUDGET, unit="usd", max=most * USD, on=on)
        return Limit(name=name, kind=CONCURRENCY, max=most, on=on)

    configure(
        deck,
        *(limit(*one) for one in limits),
        pools=(
            Pool(name="gpu", slots=1),
            Pool(name="cpu", slots=1),
            Pool(name="far", slots=1, queues=("q",)),
        ),
    )
    given = dict(said)
    cost = given.pop("usd", None)
    own = given.pop("name", None)
    deck.loose(
        task(
            "a",
            limits=() if own is None else (LimitRef(name=str(own)),),
            cost=None if cost is None else Estimate(amounts={"usd": cost * USD}),
            **given,
        )
    )
    for name in paused:
        deck.change(f"UPDATE pool SET paused_at = 7 WHERE name = '{name}'")
    told = (await answers.task(1)).reasons[0].code.value
    found = [
        len((await reports.tasks.page(parse(f"wait:{one}", Noun.TASKS))).rows) for one in (told, "slots")
    ]
    assert (told, found) == (code, [1, int(code == "slots")])


async def test_a_window_that_is_over_and_was_not_turned_keeps_nothing_back(
    deck: Deck, answers: WaitAnswers
) -> None:
    quota(deck)
    deck.now = MIDNIGHT + 1
    (reason,) = (await answers.task(number(deck))).reasons
    assert "it can start this moment" in reason.text
    assert findings(deck.db) == ()


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


async def test_a_task_waits_for_the_pools_that_it_prefers_alone(deck: Deck, answers: WaitAnswers) -> None:
    configure(deck, pools=(Pool(name="gpu", slots=1), Pool(name="cpu", slots=3)))
    deck.loose(task("x", prefer=("gpu",)), task("a", prefer=("gpu",)))
    assert deck.claim(4) == [(1, 1)]
    (reason,) = (await answers.task(2)).reasons
    assert reason.text == "the one slot of pool gpu is taken; it is next; running longest: x (task 1)"
    deck.change("UPDATE pool SET paused_at = 7 WHERE name = 'gpu'")
    assert [one.short for one in (await answers.task(2)).reasons] == ["paused pool"]
