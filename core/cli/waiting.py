"""Wait for work to end while its progress is shown.

Used by `run`, `exec` and `map`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from core.app.signals import Interrupted, handling_signals, restore_signals
from core.cli.arguments import Common
from core.model.errors import Unavailable

T = TypeVar("T")
_POLL_SECONDS = 0.5
_LOST_ENGINE = ("engine.lost", "engine.none", "engine.stopping")


@asynccontextmanager
async def interrupts() -> AsyncIterator[asyncio.Future[signal.Signals]]:
    """Lend a future that the first interrupt, termination or hang-up resolves; a second one ends at once."""
    received: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()

    def leave(number: signal.Signals) -> None:
        restore_signals()
        received.set_result(number)

    with handling_signals(leave):
        try:
            yield received
        finally:
            received.cancel()


@contextmanager
def explaining_lost_engine(what: str, *, arguments: Common) -> Iterator[None]:
    """If the engine ends meanwhile, raise `Unavailable` that says how the work continues."""
    try:
        yield
    except Unavailable as error:
        if error.code not in _LOST_ENGINE:
            raise
        raise Unavailable(
            error.code,
            f"the engine ended before {what} did; the next engine continues it",
            hint=f"continue: {arguments.command('serve', '--until-idle')}",
            facts=error.facts,
        ) from error


async def wait_with(work: Coroutine[None, None, T], tick: Callable[[], Awaitable[None]]) -> T:
    """Return the result of `work` as soon as it is there; meanwhile tick at most twice a second.

    Raises `Interrupted` when a signal asks to leave; the work is cancelled then.
    """
    async with interrupts() as received:
        waiting = asyncio.ensure_future(work)
        # A failure to read the progress ends nothing: the work itself is what counts.
        ticking = asyncio.ensure_future(_tick(tick))
        ended = asyncio.Event()
        waiting.add_done_callback(lambda _: ended.set())
        received.add_done_callback(lambda _: ended.set())
        try:
            await ended.wait()
            if waiting.done():
                return waiting.result()
            raise Interrupted(received.result())
        finally:
            ticking.cancel()
            waiting.cancel()
            await asyncio.gather(ticking, waiting, return_exceptions=True)


async def _tick(tick: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        await tick()
        # A slow answer slows the questions down: progress never takes more than a tenth of the time.
        await asyncio.sleep(max(_POLL_SECONDS, 10 * (loop.time() - begun)))
