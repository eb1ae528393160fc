"""What is predicted of a job, beside what the engine then does."""

from __future__ import annotations

from typing import Any

import pytest

from core.model.commands.work import SubmitOptions
from core.model.errors import InvalidDocument
from core.model.limits.limits import Capacity, Dimension, Limit, LimitKind, Per, Pool, Window
from core.model.predictions import Fit, PredictionView
from tests.support.house import House

STEP = 1
"""Seconds by which the clock moves."""
SECONDS = {"get": 20, "left": 60, "right": 30, "join": 10, "mail": 5, "file": 15}
DAY = 86_400_000


@pytest.fixture(autouse=True)
def told_the_time(empty_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let reports look at the clock of the engine."""
    monkeypatch.setattr("core.store.reports.source.present_ms", lambda: empty_house.clock.wall)


def delay(key: str, *needs: str, seconds: float | None = None, **more: Any) -> dict[str, Any]:
    took = SECONDS[key] if seconds is None else seconds
    return {"key": key, "uses": "delay", "with": {"seconds": took}, "needs": list(needs), **more}


NIGHTLY: dict[str, Any] = {
    "name": "nightly",
    "stages": [
        {
            "name": "work",
            "tasks": [
                delay("get"),
                delay("left", "get"),
                delay("right", "get"),
                delay("join", "left", "right"),
            ],
        },
        {"name": "tell", "tasks": [delay("mail"), delay("file")]},
    ],
}
WIDE: dict[str, Any] = {"name": "wide", "tasks": [delay(f"t{n}", seconds=20 + n) for n in range(10)]}


async def pass_to_the_next(house: House) -> None:
    """Let time pass until something is due, in whole seconds."""
    # What is looked at each second needs no turn of its own.
    due = next((at for at in house.clock.pending() if at > STEP * 1_000), 0)
    house.clock.advance(seconds=max(STEP, due // 1_000))
    await house.settle()


async def finish(house: House, job_id: int) -> int:
    """Let time pass until a job has ended; return how long it took (ms)."""
    took = "SELECT finished_at - created_at FROM job WHERE id = ?"
    while (ms := house.rows(took, job_id)[0][0]) is None:
        await pass_to_the_next(house)
    return int(ms)


async def measure(house: House, *documents: dict[str, Any]) -> None:
    """Run each of them as often as it takes to know what is usual."""
    for document in documents:
        for _ in range(3):
            await finish(house, (await house.control.submit(document)).job_id)


async def predicted(house: House, document: dict[str, Any], **options: Any) -> PredictionView:
    return await house.control.predict(document, options=SubmitOptions(**options))


def within(view: PredictionView, took: int, share: float) -> bool:
    assert view.takes is not None
    return abs(view.takes.low - took) <= share * took


@pytest.mark.parametrize("slots", [1, 2, 4])
async def test_a_job_of_known_times_takes_what_was_predicted(empty_house: House, slots: int) -> None:
    await empty_house.open(slots=slots)
    await measure(empty_house, NIGHTLY)
    before = empty_house.last_event()
    view = await predicted(empty_house, NIGHTLY)
    assert empty_house.last_event() == before
    assert (view.unknown, view.unknown_others) == (0, 0)
    assert view.critical == ("get", "left", "join", "file")
    took = await finish(empty_house, (await empty_house.control.submit(NIGHTLY)).job_id)
    assert within(view, took, 0.1), (view.takes, took)


async def test_a_job_behind_others_starts_and_ends_as_predicted(empty_house: House) -> None:
    house = empty_house
    await house.open(slots=3)
    await measure(house, NIGHTLY, WIDE)
    for _ in range(3):
        await house.control.submit(WIDE)
    house.clock.advance(seconds=10)
    await house.settle()
    asked_at = house.clock.wall
    view = await predicted(house, NIGHTLY)
    assert (view.queued, view.running) == (27, 3)
    job_id = (await house.control.submit(NIGHTLY)).job_id
    took = await finish(house, job_id)
    first = min(one.task.started_at or 0 for one in (await house.control.job_detail(job_id)).tasks)
    assert view.starts is not None
    assert abs(view.starts.low - first) <= 0.25 * (first - asked_at)
    assert within(view, took, 0.25), (view.takes, took)


async def test_a_pool_and_a_budget_hold_a_job_as_predicted(empty_house: House) -> None:
    house = empty_house
    day = Window(per=Per.DAY)
    house.capacity = Capacity(
        pools=(Pool(name="wide", slots=4), Pool(name="mail", slots=1, queues=("mail",))),
        limits=(
            Limit(
                name="team",
                kind=LimitKind.BUDGET,
                unit="usd",
                max=100,
                window=day,
                on={Dimension.PROJECT: "red"},
            ),
        ),
    )
    await house.open(slots=5)
    document = {
        "name": "mails",
        "tasks": [delay(f"t{n}", seconds=30, queue="mail", cost={"usd": 0.00003}) for n in range(4)],
    }
    await measure(house, document)
    view = await predicted(house, document, project="red")
    (fit,) = view.budgets
    assert (fit.fits, fit.needs.low, fit.left) == (Fit.NO, 120, 100)
    submitted = await house.control.submit(document, options=SubmitOptions(project="red"))
    while (await house.control.job(submitted.job_id)).tasks.get("succeeded", 0) < 3:
        await pass_to_the_next(house)
    assert fit.spent_at is not None
    assert abs(fit.spent_at - house.clock.wall) <= 5_000
    assert view.ends is not None
    assert fit.turns_at is not None
    assert 0 < view.ends.low - fit.turns_at <= 31_000


async def test_what_submit_refuses_is_not_predicted(house: House) -> None:
    with pytest.raises(InvalidDocument):
        await predicted(house, {"name": "x", "tasks": [delay("get", limits=["db"])]})


def per_job(amount: int, **more: Any) -> Limit:
    return Limit(
        name="own", kind=LimitKind.BUDGET, unit="usd", max=amount, window=Window(per=Per.JOB), **more
    )


async def test_a_group_counts_as_its_instances_and_takes_as_long_as_they_do(empty_house: House) -> None:
    house = empty_house
    await house.open(slots=4)
    document = {
        "name": "fan",
        "params": {"films": {"type": "array", "default": ["a", "b", "c", "d", "e", "f"]}},
        "tasks": [
            delay("get"),
            delay("cut", "get", seconds=20, for_each="${{ params.films }}", max_parallel=2),
            delay("pair", seconds=30, needs=[{"each": "cut"}], for_each="${{ params.films }}"),
            delay("none", for_each=[], seconds=5),
            delay(
                "cross", "pair", "none", seconds=5, matrix={"a": [1, 2], "b": [1, 2], "exclude": [{"a": 2}]}
            ),
            delay("mail", "cross"),
        ],
    }
    await measure(house, document)
    view = await predicted(house, document)
    assert (view.tasks, view.unknown, view.open_groups) == (1 + 6 + 6 + 2 + 1, 0, 0)
    took = await finish(house, (await house.control.submit(document)).job_id)
    assert within(view, took, 0.1), (view.takes, took)


async def test_a_group_that_begins_two_at_once_is_predicted_two_at_once(empty_house: House) -> None:
    await empty_house.open(slots=4)
    document = {"name": "pairs", "tasks": [delay("cut", seconds=20, for_each=4, max_parallel=2)]}
    await measure(empty_house, document)
    view = await predicted(empty_house, document)
    assert view.takes is not None
    assert round(view.takes.low / 1_000) == 40


async def test_a_budget_that_one_instance_fits_into_is_too_small_for_all(empty_house: House) -> None:
    house = empty_house
    house.capacity = Capacity(limits=(per_job(50),))
    await house.open(slots=4)
    tasks = [
        delay(
            "ask", seconds=1, for_each=[10, 20, 30], cost={"usd": "${{ item / 1000000.0 }}"}, limits=["own"]
        )
    ]
    view = await predicted(house, {"name": "asks", "tasks": tasks})
    ((fit,), (cost,)) = view.budgets, view.costs
    assert (cost.unit, cost.amount.low, cost.unestimated) == ("usd", 60, 0)
    assert (fit.limit, fit.key, fit.needs.low, fit.left, fit.fits) == ("own", "", 60, 50, Fit.NO)


async def test_of_a_group_whose_items_are_not_known_nothing_is_promised(empty_house: House) -> None:
    house = empty_house
    house.capacity = Capacity(limits=(per_job(50),))
    await house.open(slots=4)
    tasks = [
        delay("list", seconds=5),
        delay("ask", "list", seconds=1, for_each="${{ tasks.list.output.json }}"),
        delay("beside", seconds=1, for_each=2),
    ]
    document = {
        "name": "open",
        "tasks": [{**task, "limits": ["own"], "cost": {"usd": 0.00001}} for task in tasks],
    }
    view = await predicted(house, document)
    ((fit,), (cost,)) = view.budgets, view.costs
    assert (view.tasks, view.open_groups, fit.fits) == (4, 1, Fit.PERHAPS)
    assert (fit.needs.low, fit.needs.high, cost.amount.high) == (40, None, None)
    assert view.ends is not None
    assert view.ends.high is None


async def test_what_needs_very_many_instances_needs_the_last_of_them(
    empty_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.control.planned_instances.EDGES_MAX", 3)
    await empty_house.open(slots=1)
    tasks = [
        delay("many", seconds=10, for_each=3),
        delay("a", "many", seconds=10),
        delay("b", "many", seconds=10),
    ]
    await measure(empty_house, {"name": "many", "tasks": tasks})
    view = await predicted(empty_house, {"name": "many", "tasks": tasks})
    assert view.takes is not None
    assert (view.tasks, round(view.takes.low / 1_000)) == (5, 50)
