"""How long an engine for clients goes on."""

from __future__ import annotations

import asyncio
import os

import pytest

from core.app.engine_process import StartNotice
from core.app.hosting import lifetime
from core.app.hosting.lifetime import serve_until_idle
from tests.support.waiting import DEADLINE, until


class Quiet:
    """Stands for an engine that is idle, and for its waiters and its clients."""

    def __init__(self) -> None:
        self.watched = False
        self.attached = False
        self.stopping = False
        self.was_used = False
        self.looks = 0
        self.end = asyncio.Event()
        self.waiters = self

    async def until_none(self) -> None:
        return

    async def wait_idle(self) -> None:
        self.looks += 1

    async def ended(self) -> None:
        await self.end.wait()

    def stop(self, *, reason: str) -> None:
        assert reason
        self.stopping = True

    def is_attached(self) -> bool:
        return self.attached


async def test_an_idle_engine_ends_when_nobody_came_and_nobody_watches() -> None:
    quiet = Quiet()
    await asyncio.wait_for(
        serve_until_idle(quiet, quiet, linger=lambda: 0, attached=quiet.is_attached), DEADLINE
    )
    assert quiet.looks == 1
    # Before anything else is heard: what came now would be accepted, and nothing would run it.
    assert quiet.stopping


@pytest.mark.parametrize("how", ["watched", "attached"])
async def test_it_stays_while_somebody_is_there_and_ends_when_the_last_one_left(monkeypatch, how) -> None:
    monkeypatch.setattr(lifetime, "WATCH_SECONDS", 0.01)
    quiet = Quiet()
    setattr(quiet, how, True)
    work = asyncio.create_task(serve_until_idle(quiet, quiet, linger=lambda: 0, attached=quiet.is_attached))
    await until(lambda: quiet.looks > 3, "it looks on")
    assert not work.done()
    setattr(quiet, how, False)
    await asyncio.wait_for(work, DEADLINE)


async def test_who_asks_for_the_end_does_not_wait_for_those_who_watch() -> None:
    quiet = Quiet()
    quiet.watched = True
    work = asyncio.create_task(
        serve_until_idle(quiet, quiet, linger=lambda: 3600, attached=quiet.is_attached)
    )
    await until(lambda: quiet.looks, "it is idle")
    quiet.stopping = True
    quiet.end.set()
    await asyncio.wait_for(work, DEADLINE)


def test_the_client_that_started_an_engine_is_expected_until_it_listens_no_longer() -> None:
    reading, writing = os.pipe()
    notice = StartNotice(writing)
    notice.serves()
    assert notice.is_heard()
    os.close(reading)
    assert not notice.is_heard()
