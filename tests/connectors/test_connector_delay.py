"""Waiting on the engine's clock."""

from __future__ import annotations

import asyncio

import pytest

from core.connectors.delay import Delay
from core.model.errors import Invalid
from tests.connectors.inline_calls import HandClock, make_context


async def test_a_delay_sleeps_on_the_clock_and_returns_nothing(tmp_path):
    clock = HandClock()
    task = asyncio.ensure_future(Delay().call({"seconds": 1.5}, make_context(tmp_path, clock)).run())
    await asyncio.wait([task], timeout=0)
    assert not task.done()
    clock.gate.set()
    assert await task == {}
    assert clock.slept == [1.5]
    assert not any(tmp_path.iterdir())


async def test_zero_seconds_are_over_without_a_sleep(tmp_path):
    clock = HandClock()
    for zero in (0, 0.0):
        assert await Delay().call({"seconds": zero}, make_context(tmp_path, clock)).run() == {}
    assert clock.slept == []


async def test_the_output_of_one_call_is_not_shared_with_the_next(tmp_path):
    run = Delay().call({"seconds": 0}, make_context(tmp_path)).run
    (await run())["mine"] = 1
    assert await run() == {}


async def test_cancellation_travels_on(tmp_path):
    task = asyncio.ensure_future(Delay().call({"seconds": 9}, make_context(tmp_path)).run())
    await asyncio.wait([task], timeout=0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("seconds", [-1, "1", None, True, float("nan"), float("inf"), 10**12])
def test_other_lengths_are_refused(tmp_path, seconds):
    assert len(Delay().check({"seconds": seconds})) == 1
    with pytest.raises(Invalid):
        Delay().call({"seconds": seconds}, make_context(tmp_path))


def test_an_expression_waits_for_its_attempt(tmp_path):
    assert Delay().check({"seconds": "${{ params.s }}"}) == ()
    with pytest.raises(Invalid):
        Delay().call({"seconds": "${{ params.s }}"}, make_context(tmp_path))
