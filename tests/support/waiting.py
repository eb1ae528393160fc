"""Waits for a condition that tell what was missing."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Awaitable, Callable
from typing import IO, TypeVar

import pytest

from tests.support.descriptors import is_readable

T = TypeVar("T")
DEADLINE = float(os.environ.get("TESTS_DEADLINE", "120"))
"""Seconds after which a wait has failed; long, because machines of tests are slow and shared."""
LOOK = 0.002
"""Seconds between two looks at the beginning of a wait."""
_RAREST = 0.05
"""The same of a long one: a twentieth of what it took so far, at most so much."""
_EMPTY_TURNS = 3
"""Turns of a loop with nothing to run after which it waits: what a turn brought may come a turn later."""


async def until(condition: Callable[[], T], story: str, *, seconds: float = DEADLINE) -> T:
    """Return the first true value of a condition, looking again and again."""
    begin = time.monotonic()
    while not (seen := condition()):
        if (waited := time.monotonic() - begin) > seconds:
            pytest.fail(f"waited {seconds:g} s in vain: {story}; last seen {seen!r}")
        await before_next_look(waited)
    return seen


async def within(work: Awaitable[T], story: str, *, seconds: float = DEADLINE) -> T:
    """Return what is awaited, or fail with the story."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        pytest.fail(f"waited {seconds:g} s in vain: {story}")


def until_now(condition: Callable[[], T], story: str, *, seconds: float = DEADLINE) -> T:
    """Do the same without a loop, for tests that watch other processes."""
    begin = time.monotonic()
    while not (seen := condition()):
        if (waited := time.monotonic() - begin) > seconds:
            pytest.fail(f"waited {seconds:g} s in vain: {story}; last seen {seen!r}")
        time.sleep(_until_next(LOOK * 5, waited))
    return seen


async def before_next_look(waited: float) -> None:
    """Wait for what came not yet after so many seconds, before the condition is looked at again."""
    await asyncio.sleep(_until_next(LOOK, waited))


def _until_next(least: float, waited: float) -> float:
    return min(max(least, waited / 20), _RAREST)


def first_line(stream: IO[str], story: str) -> str:
    """Return the first line that a process writes on a pipe."""
    if not is_readable(stream.fileno(), DEADLINE):
        pytest.fail(f"waited {DEADLINE:g} s in vain: {story}")
    return stream.readline()


async def idle(least: float = 0, most: float = 1) -> None:
    """Wait until nothing is ready to run and nothing ran for a while, half as long as Textual's own wait.

    That one looks at the time of the processor alone: of a process that a busy machine keeps waiting, it
    believes that it has nothing to do.
    """
    loop = asyncio.get_running_loop()
    begin = time.monotonic()
    while (waited := time.monotonic() - begin) < most:
        busy = time.process_time()
        await asyncio.sleep(LOOK * 5)
        quiet = not loop._ready  # type: ignore[attr-defined]
        if waited >= least and time.process_time() - busy < 0.001 and quiet:
            return


async def rest(least: float = 0, most: float = 1) -> None:
    """Wait until the loop of this test has nothing to run, now or in the next two milliseconds.

    Looking at the time of the processor costs 10 ms each time, and a whole second where anything burns it.
    Where threads work for the loop, wait for an idle process: what they bring is not on its way yet. A thread
    that an earlier test left behind brings nothing, and may keep the process from ever being idle.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + most
    empty = 0
    while empty < _EMPTY_TURNS and loop.time() < end:
        if threads_work(loop):
            await idle(least, most)
            return
        await asyncio.sleep(0)
        empty = 0 if loop._ready else empty + 1  # type: ignore[attr-defined]
        if empty == _EMPTY_TURNS and (due := _next_timer(loop)) < loop.time() + LOOK:
            await asyncio.sleep(due - loop.time())
            empty = 0


def threads_work(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a thread of the loop's own pool has something to do."""
    pool = loop._default_executor  # type: ignore[attr-defined]
    return pool is not None and bool(pool._idle_semaphore._value < len(pool._threads))


def _next_timer(loop: asyncio.AbstractEventLoop) -> float:
    timers = loop._scheduled  # type: ignore[attr-defined]
    return min((timer.when() for timer in timers if not timer.cancelled()), default=math.inf)


async def ticks(number: int) -> None:
    """Let the loop turn so many times."""
    for _ in range(number):
        await asyncio.sleep(0)
