"""Wait for work to end while its progress is shown.

Used by `run`, `exec`, `map` and `wait`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from core.app.reading.lasting_control import GONE
from core.app.signals import Interrupted, handling_signals, restore_signals
from core.cli.arguments import Common
from core.cli.claim_watch import OutOfPatience
from core.model.errors import TaskdeckError, Unavailable

T = TypeVar("T")
_POLL_SECONDS = 0.5
_SIGNALS_MAX = 3


class Interrupts:
    """The signals that ask this command to end, one after the other."""

    def __init__(self) -> None:
        self._received: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._count = 0

    @property
    def came(self) -> bool:
        """Whether one came that was not taken yet."""
        return not self._received.empty()

    async def take(self) -> signal.Signals:
        """Return the next one as soon as it comes."""
        return await self._received.get()

    def receive(self, number: signal.Signals) -> None:
        """Note one; after the third the next one ends the process at once."""
        self._received.put_nowait(number)
        self._count += 1
        if self._count == _SIGNALS_MAX:
            restore_signals()


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Lend the signals that ask for the end and come within."""
    received = Interrupts()
    with handling_signals(received.receive):
        yield received


@contextmanager
def explaining_lost_engine(what: str, *way_back: str, arguments: Common) -> Iterator[None]:
    """If the engine ends meanwhile, or patience does, raise `Unavailable` that names how to go on."""
    try:
        yield
    except OutOfPatience as over:
        raise Unavailable(
            "patience.over",
            f"nothing was claimed for as long as --patience allows: {over.why}",
            hint=f"{what} stays queued and starts when that is over; wait on: {arguments.command(*way_back)}",
            facts={"reason": over.code},
        ) from over
    except Unavailable as error:
        if error.code not in GONE:
            raise
        raise Unavailable(
            error.code,
            f"the engine ended before {what} did; the next engine continues it",
            hint=f"continue: {arguments.command(*way_back)}",
            facts=error.facts,
        ) from error


async def wait_with(
    work: Coroutine[None, None, T], tick: Callable[[], Awaitable[bool]], received: Interrupts
) -> T:
    """Return the result of `work` as soon as it is there; meanwhile tick, and often while that says so.

    Raises `Interrupted` when a signal asks to leave, `OSError` if a tick cannot write, and `OutOfPatience`;
    the work is cancelled then.
    """
    waiting = asyncio.ensure_future(work)
    ticking = asyncio.ensure_future(_tick(tick))
    interrupted = asyncio.ensure_future(received.take())
    pending = {waiting, ticking, interrupted}
    try:
        while not (waiting.done() or interrupted.done()):
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if ticking.done():
                ticking.result()
        if waiting.done():
            return waiting.result()
        raise Interrupted(interrupted.result())
    finally:
        for one in (ticking, waiting, interrupted):
            one.cancel()
        await asyncio.gather(ticking, waiting, interrupted, return_exceptions=True)


async def _tick(tick: Callable[[], Awaitable[bool]]) -> None:
    loop, pause = asyncio.get_running_loop(), _POLL_SECONDS / 8
    while True:
        begun, is_lively = loop.time(), False
        # A failure to read the progress ends nothing, one to write it does.
        with suppress(TaskdeckError):
            is_lively = await tick()
        pause = _POLL_SECONDS / 8 if is_lively else min(2 * pause, _POLL_SECONDS)
        # A slow answer slows the questions down: progress never takes more than a tenth of the time.
        await asyncio.sleep(max(pause, 10 * (loop.time() - begun)))
