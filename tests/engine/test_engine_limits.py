"""Tasks under pools, limits and budgets, by a whole engine."""

from __future__ import annotations

from core.model.limits.limits import Capacity, Dimension, Limit, LimitKind, Per, Pool, Window
from tests.support.house import House, task

USD = 1_000_000


def budget(usd: float, *, per: Per = Per.DAY, **more: object) -> Limit:
    return Limit(
        name="team",
        kind=LimitKind.BUDGET,
        unit="usd",
        max=round(usd * USD),
        window=Window(per=per),
        on={},
        **more,  # type: ignore[arg-type]
    )


def spends(key: str, usd: str = "1", **more: object) -> dict[str, object]:
    return task(key, "block", cost={"usd": usd}, **more)


async def opened(house: House, *limits: Limit, pools: tuple[Pool, ...] = (), **settings: object) -> None:
    house.capacity = Capacity(limits=limits, pools=pools)
    await house.open(**settings)


def gauge(house: House, name: str) -> tuple[int, int, int]:
    (row,) = house.rows("SELECT used, reserved, unknown FROM gauge WHERE name = ?", name)
    return row


async def test_a_concurrency_limit_holds_back_what_names_it_and_nothing_else(house: House) -> None:
    await house.stop()
    await opened(house, Limit(name="db", kind=LimitKind.CONCURRENCY, max=1))
    limited = [task(key, "block", limits=["db"]) for key in "ab"]
    job = await house.submit(*limited, task("c", "block"))
    await house.running("a", "c")
    await house.settle()
    assert house.states(job) == {"a": "running", "b": "queued", "c": "running"}
    house.steer.release("a")
    await house.running("b")


async def test_what_a_spent_budget_holds_back_starts_when_its_window_turns(house: House) -> None:
    await house.stop()
    await opened(house, budget(2))
    job = await house.submit(*(spends(key) for key in "abc"))
    await house.running("a", "b")
    await house.settle()
    assert house.states(job)["c"] == "queued"
    assert gauge(house, "team") == (0, 2 * USD, 0)
    house.steer.release("a")
    house.steer.release("b")
    await house.reach(job, "b", "succeeded")
    await house.settle()
    assert gauge(house, "team") == (2 * USD, 0, 0)
    assert house.states(job)["c"] == "queued"
    house.clock.advance(hours=24)
    await house.running("c")
    assert gauge(house, "team") == (0, USD, 0)


async def test_a_raised_budget_lets_what_waits_start(house: House) -> None:
    await house.stop()
    await opened(house, budget(1))
    job = await house.submit(spends("a"), spends("b"))
    await house.running("a")
    await house.settle()
    assert house.states(job)["b"] == "queued"
    await house.stop()
    await opened(house, budget(5))
    await house.running("b")


async def test_a_rate_starts_one_after_the_other(house: House) -> None:
    await house.stop()
    await opened(house, Limit(name="api", kind=LimitKind.RATE, max=1, step_us=200_000))
    job = await house.submit(*(task(key, "block", limits=["api"]) for key in "abc"))
    await house.running("a")
    await house.settle()
    assert house.states(job) == {"a": "running", "b": "queued", "c": "queued"}
    house.clock.advance(seconds=0.2)
    await house.running("b")
    await house.settle()
    assert house.states(job)["c"] == "queued"
    house.clock.advance(seconds=0.2)
    await house.running("c")


async def test_a_pool_takes_from_its_queues_and_no_more_than_its_slots(house: House) -> None:
    await house.stop()
    pools = (Pool(name="gpu", slots=1, queues=("gpu",)), Pool(name="cpu", slots=2, queues=("default",)))
    await opened(house, pools=pools)
    job = await house.submit(
        *(task(key, "block", queue="gpu") for key in "ab"), *(task(key, "block") for key in "cde")
    )
    await house.running("a", "c", "d")
    await house.settle()
    assert house.states(job) == {"a": "running", "b": "queued", "c": "running", "d": "running", "e": "queued"}
    assert house.rows("SELECT pool, count(*) FROM attempt GROUP BY 1") == [("cpu", 2), ("gpu", 1)]
    assert house.engine.info().slots == 3
    house.steer.release("a")
    await house.running("b")
    assert house.states(job)["e"] == "queued"


async def test_a_task_of_a_queue_without_a_pool_waits(house: House) -> None:
    await house.stop()
    await opened(house, pools=(Pool(name="gpu", slots=1, queues=("gpu",)),))
    job = await house.submit(task("a", "block"), task("b", "block", queue="gpu"))
    await house.running("b")
    await house.settle()
    assert house.states(job)["a"] == "queued"


async def test_a_limit_of_a_pool_binds_there_alone(house: House) -> None:
    await house.stop()
    pools = (Pool(name="one", slots=2, queues=("default",)), Pool(name="two", slots=2))
    limit = Limit(name="few", kind=LimitKind.CONCURRENCY, max=1, on={Dimension.POOL: "one"})
    await opened(house, limit, pools=pools)
    job = await house.submit(*(task(key, "block") for key in "abcd"))
    await house.running("a", "b", "c")
    await house.settle()
    assert house.states(job)["d"] == "queued"
    assert house.rows("SELECT pool, count(*) FROM attempt GROUP BY 1") == [("one", 1), ("two", 2)]
