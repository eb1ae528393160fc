"""Signals that ask for the end, one handler inside another."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from core.app.signals import (
    END_SIGNALS,
    Interrupted,
    cancelling_on_signal,
    deferring_signals,
    handling_signals,
)
from tests.support.waiting import ticks, until


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Hold every test to leave what the process did with signals before."""
    before = [signal.getsignal(number) for number in END_SIGNALS]
    yield
    after = [signal.getsignal(number) for number in END_SIGNALS]
    for number, action in zip(END_SIGNALS, before, strict=True):
        signal.signal(number, action)
    # SIGINT was the runner's of the loop; what is left is what any process does.
    assert after[1:] == before[1:]


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


async def test_the_layer_around_hears_again_when_the_inner_one_has_ended() -> None:
    heard: list[str] = []
    with handling_signals(lambda _: heard.append("outer")):
        with handling_signals(lambda _: heard.append("inner")):
            send(signal.SIGTERM)
            await until(lambda: heard == ["inner"], "the inner one hears")
        send(signal.SIGTERM)
        await until(lambda: heard == ["inner", "outer"], "the outer one hears")


async def test_what_comes_while_nobody_can_act_is_for_the_next_who_can() -> None:
    heard: list[signal.Signals] = []
    with deferring_signals():
        send(signal.SIGTERM)
        await until(lambda: signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "the next one ends at once")
        with handling_signals(heard.append):
            assert heard == [signal.SIGTERM]
        with handling_signals(heard.append):
            assert heard == [signal.SIGTERM]


async def test_what_nobody_took_is_forgotten_with_the_last_layer() -> None:
    heard: list[signal.Signals] = []
    with deferring_signals():
        send(signal.SIGTERM)
        await until(lambda: signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "it is kept")
    with handling_signals(heard.append):
        assert heard == []


@pytest.mark.parametrize("number", END_SIGNALS, ids=lambda one: one.name)
async def test_a_body_is_given_up_after_it_has_cleaned_up(number: signal.Signals) -> None:
    cleaned = []
    with pytest.raises(Interrupted) as caught, cancelling_on_signal():
        try:
            send(number)
            await asyncio.Event().wait()
        finally:
            await ticks(1)
            cleaned.append(True)
    assert caught.value.number is number
    assert cleaned == [True]
    # The task itself goes on.
    await ticks(1)


async def test_a_body_that_is_cancelled_by_others_stays_cancelled() -> None:
    async def work() -> None:
        with cancelling_on_signal():
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await ticks(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_process_that_is_not_to_mind_its_terminal_does_not() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handling_signals(lambda _: None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
