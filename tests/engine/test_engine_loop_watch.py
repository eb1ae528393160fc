"""The watch of the loop names what blocks it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator

import pytest

from core.engine.monitoring import loop_watch
from core.engine.monitoring.loop_watch import BLOCKED_SECONDS, Blocked, LoopWatch
from tests.support.waiting import DEADLINE, ticks, until


class Watched:
    """A watch that was started, and what it told."""

    def __init__(self) -> None:
        self.watch = LoopWatch()
        self.told: list[Blocked] = []
        self.watch.start(self.told.append)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    one = Watched()
    yield one
    one.watch.stop()


def hold_until_it_is_seen(watch: LoopWatch) -> None:
    """Keep the loop for as long as nothing has named this function."""
    never, over = threading.Event(), time.monotonic() + DEADLINE
    while watch.present is None and time.monotonic() < over:
        never.wait(0.01)


async def test_what_blocks_the_loop_is_named_and_told_once_it_goes_on(watched: Watched) -> None:
    began = time.monotonic()
    hold_until_it_is_seen(watched.watch)
    assert watched.told == []
    await until(lambda: watched.told, "the loop goes on")
    (blocked,) = watched.told
    assert BLOCKED_SECONDS <= blocked.seconds <= time.monotonic() - began + 1
    assert "in hold_until_it_is_seen: never.wait(0.01)" in " ".join(blocked.stack)
    assert watched.watch.present is None
    assert watched.watch.take_lag() >= BLOCKED_SECONDS
    assert watched.watch.take_lag() < BLOCKED_SECONDS


async def test_a_loop_that_comes_round_without_a_rest_is_not_blocked(watched: Watched) -> None:
    over = time.monotonic() + 1.5 * BLOCKED_SECONDS
    while time.monotonic() < over:
        await ticks(1)
    assert (watched.told, watched.watch.present) == ([], None)


async def test_a_watch_that_is_stopped_ends_its_thread() -> None:
    watch, others = LoopWatch(), set(threading.enumerate())
    watch.start(lambda _: None)
    (thread,) = set(threading.enumerate()) - others
    watch.stop()
    watch.stop()
    await until(lambda: not thread.is_alive(), "its thread ends")


async def test_a_loop_at_rest_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, waits, asked = threading.Semaphore(0), loop_watch._waits, []

    def seen(ident: int) -> bool:
        looks.release()
        return waits(ident)

    monkeypatch.setattr(loop_watch, "_waits", seen)
    watch = LoopWatch()
    monkeypatch.setattr(watch, "_ask", asked.append)
    watch.start(lambda _: None)
    await asyncio.to_thread(lambda: [looks.acquire(timeout=DEADLINE) for _ in range(3)])
    watch.stop()
    assert asked == []


STOPPED = """
import asyncio, sys, threading
from core.engine.monitoring.loop_watch import LoopWatch
async def main():
    watch, told = LoopWatch(), []
    watch.start(told.append)
    await asyncio.sleep(0)
    def tell():
        wait = threading.Event().wait
        while (first := watch._asked) is None: wait(0.01)
        print("asked", flush=True)
        while watch._asked == first: wait(0.01)
        print("asked again", flush=True)
    threading.Thread(target=tell, daemon=True).start()
    # In the middle of a turn.
    sys.stdin.readline()
    await asyncio.sleep(0.05)
    print(len(told), watch.present is None, flush=True)
asyncio.run(main())
"""


def test_a_process_that_was_stopped_is_not_blocked() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "asked\n"
        os.kill(process.pid, signal.SIGSTOP)
        threading.Event().wait(3 * BLOCKED_SECONDS)
        os.kill(process.pid, signal.SIGCONT)
        # What was asked before counts from here on.
        assert process.stdout.readline() == "asked again\n"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "0 True\n"
