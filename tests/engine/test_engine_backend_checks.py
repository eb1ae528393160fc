"""An engine looks at backends: what waits, what it writes."""

from __future__ import annotations

import asyncio

import pytest

from core.model.backend_checks import Check, CheckStatus, Look, TcpTarget
from core.model.limits.limits import Backend, Capacity, Dimension
from core.model.records import replace
from tests.support.house import House, task

PORT = TcpTarget(host="a.example", port=1)
API = Backend(
    name="api", match={Dimension.CONNECTOR: "steer"}, check=Check(target=PORT, every_ms=10_000, slow_ms=500)
)
FINE, LATE = (Look(answered=True, took_ms=took, text="200 OK") for took in (5, 900))
REFUSED = Look(answered=False, took_ms=1, text="connection refused")


class Service:
    """An outside system that is as the test says; counts who looks at it."""

    def __init__(self) -> None:
        self.look = FINE
        self.looks = 0
        self.release: asyncio.Event | None = None

    async def answer(self, _: Check) -> Look:
        self.looks += 1
        if self.release is not None:
            await self.release.wait()
        return self.look


async def opened(house: House, service: Service, *backends: Backend) -> None:
    house.capacity = Capacity(backends=backends or (API,))
    house.look_at = service.answer
    await house.open()
    await passes(house, seconds=1)


async def passes(house: House, *, seconds: int = 10, times: int = 1) -> None:
    """Let time pass, each time as much, and all that follows happen."""
    for _ in range(times):
        house.clock.advance(seconds=seconds)
        await house.settle()


def statuses(house: House) -> list[str]:
    return [status for (status,) in house.rows("SELECT status FROM check_change ORDER BY id")]


async def test_a_service_that_goes_and_comes_back_keeps_a_thousand_tasks_waiting(empty_house: House) -> None:
    house, service = empty_house, Service()
    await opened(house, service)
    service.look = REFUSED
    await passes(house, times=2)
    assert statuses(house) == ["up", "down"]
    job = await house.submit(*(task(f"t{number}") for number in range(1_000)))
    await passes(house, times=3)
    assert house.rows("SELECT count(*) FROM attempt") == [(0,)]
    assert house.engine.watched
    service.look = FINE
    await passes(house, times=2)
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT count(*) FROM attempt") == [(1_000,)]
    assert statuses(house) == ["up", "down", "up"]
    assert not house.engine.watched


async def test_looks_that_say_nothing_new_write_nothing(empty_house: House) -> None:
    house, service = empty_house, Service()
    await opened(house, service)
    before = house.last_event()
    looks = service.looks
    for look in (FINE, REFUSED, LATE, FINE, REFUSED, FINE):
        service.look = look
        await passes(house)
    assert (house.last_event(), service.looks) == (before, looks + 6)


async def test_a_slow_service_is_told_and_its_tasks_go_on(empty_house: House) -> None:
    house, service = empty_house, Service()
    await opened(house, service)
    service.look = LATE
    await passes(house, times=2)
    assert statuses(house) == ["up", "slow"]
    assert (await house.finish(task("a"))).status == "succeeded"


async def test_a_look_that_hangs_is_followed_by_none(empty_house: House) -> None:
    house, service = empty_house, Service()
    service.release = asyncio.Event()
    await opened(house, service)
    await passes(house, times=5)
    assert service.looks == 1
    service.release.set()
    await house.settle()
    assert service.looks == 2
    await passes(house)
    assert service.looks == 3


async def test_the_next_engine_knows_what_is_down_and_asks_as_often(empty_house: House) -> None:
    house, service = empty_house, Service()
    service.look = REFUSED
    await opened(house, service)
    await passes(house)
    assert statuses(house) == ["down"]
    await house.stop()
    job = None
    service.look = FINE
    await opened(house, service)
    job = await house.submit(task("a"))
    await house.settle()
    assert house.rows("SELECT count(*) FROM attempt") == [(0,)]
    await passes(house)
    assert (await house.ended(job)).status == "succeeded"


async def test_another_configuration_begins_anew_and_one_without_a_check_ends_the_looks(
    empty_house: House,
) -> None:
    house, service = empty_house, Service()
    await opened(house, service)
    checks = house.engine.health.checks
    other = replace(API, check=Check(target=TcpTarget(host="b.example", port=2), every_ms=10_000))
    await checks.configure((other,))
    looks = service.looks
    await passes(house, seconds=1)
    assert service.looks == looks + 1
    await checks.configure((replace(API, check=None),))
    await passes(house, times=3)
    assert (service.looks, checks.last_looks()) == (looks + 1, {})


async def test_an_operator_looks_now_and_is_told_how_far_it_is(empty_house: House) -> None:
    house, service = empty_house, Service()
    await opened(house, service)
    service.look = REFUSED
    last = await house.engine.health.checks.look_now("api")
    assert (last.look, last.toward, last.seen, last.wanted) == (REFUSED, CheckStatus.DOWN, 1, 2)


async def test_a_look_that_breaks_is_named_told_to_who_asked_and_followed_by_the_next(
    empty_house: House,
) -> None:
    house, service = empty_house, Service()
    breaks: list[Exception] = [ValueError("an odd name"), ValueError("an odd name")]

    async def broken(check: Check) -> Look:
        if breaks:
            raise breaks.pop()
        return await Service.answer(service, check)

    service.answer = broken  # type: ignore[method-assign]
    await opened(house, service)
    assert "the check of backend api: ValueError: an odd name" in house.engine.info().set_aside
    with pytest.raises(ValueError, match="an odd name"):
        await house.engine.health.checks.look_now("api")
    await passes(house)
    assert (statuses(house), house.engine.info().set_aside) == (["up"], "")


async def test_an_operator_waits_for_the_look_that_is_under_way(empty_house: House) -> None:
    house, service = empty_house, Service()
    service.release = asyncio.Event()
    await opened(house, service)
    asked = [asyncio.ensure_future(house.engine.health.checks.look_now("api")) for _ in range(2)]
    await house.settle()
    assert service.looks == 1
    service.release.set()
    assert [last.look for last in await asyncio.gather(*asked)] == [FINE, FINE]
