"""Tests of waits: threads of other loops are not waited for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.support import waiting
from tests.support.waiting import rest, until


@pytest.fixture
def idles(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long each wait for an idle process may have taken."""
    asked: list[float] = []

    async def idle(_least: float = 0, most: float = 1) -> None:
        asked.append(most)

    monkeypatch.setattr(waiting, "idle", idle)
    return asked


async def test_an_idle_process_is_waited_for_while_a_thread_works_for_the_loop(idles: list[float]) -> None:
    done = threading.Event()
    work = asyncio.get_running_loop().run_in_executor(None, done.wait)
    try:
        await rest()
        assert idles == [1]
    finally:
        done.set()
    await work
    # Its thread is free a moment after its answer is there.
    await until(lambda: not waiting.threads_work(asyncio.get_running_loop()), "the thread works on")
    idles.clear()
    await rest()
    assert idles == []


async def test_a_thread_that_another_loop_left_behind_is_not_waited_for(idles: list[float]) -> None:
    done = threading.Event()
    left = threading.Thread(target=done.wait, name="asyncio_0", daemon=True)
    left.start()
    try:
        await rest()
        assert idles == []
    finally:
        done.set()
        left.join()
