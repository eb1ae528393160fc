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
from pathlib import Path

import pytest

from core.engine.loop_watch import BLOCKED_SECONDS, Blocked, LoopWatch
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


async def test_a_watch_that_is_stopped_leaves_the_loop_as_it_was() -> None:
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    before, files = selector.select, len(list(Path("/proc/self/fd").iterdir()))
    watch = LoopWatch()
    watch.start(lambda _: None)
    assert selector.select != before
    watch.stop()
    watch.stop()
    assert selector.select == before
    await until(
        lambda: len(list(Path("/proc/self/fd").iterdir())) <= files, "its timer is closed by its thread"
    )


STOPPED = """
import asyncio, sys, time
from core.engine.loop_watch import LoopWatch
async def main():
    watch, told = LoopWatch(), []
    watch.start(told.append)
    await asyncio.sleep(0)
    print("ready", flush=True)
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
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        threading.Event().wait(3 * BLOCKED_SECONDS)
        os.kill(process.pid, signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "0 True\n"
