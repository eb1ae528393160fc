"""Wait for work while its progress is shown, and leave when asked to."""

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
_GONE = ("engine.lost", "engine.none", "engine.stopping")


@asynccontextmanager
async def interrupts() -> AsyncIterator[asyncio.Future[signal.Signals]]:
    """Lend a future that the first interrupt, termination or hang-up resolves; a second one ends at once."""
    asked: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()

    def leave(number: signal.Signals) -> None:
        restore_signals()
        asked.set_result(number)

    with handling_signals(leave):
        try:
            yield asked
        finally:
            asked.cancel()


@contextmanager
def kept(what: str, *, arguments: Common) -> Iterator[None]:
    """Say of work whose engine goes that it is kept, and how it goes on; raise `Unavailable`."""
    try:
        yield
    except Unavailable as error:
        if error.code not in _GONE:
            raise
        raise Unavailable(
            error.code,
            f"the engine ended before {what} did; the next engine goes on with it",
            hint=f"go on: {arguments.command('serve', '--until-idle')}",
            facts=error.facts,
        ) from error


async def wait_with(work: Coroutine[None, None, T], tick: Callable[[], Awaitable[None]]) -> T:
    """Return the result of `work` as soon as it is there; meanwhile tick at most twice a second.

    Raises `Interrupted` when a signal asks to leave; the work is given up then.
    """
    async with interrupts() as asked:
        doing = asyncio.ensure_future(work)
        # Progress that cannot be had ends nothing: the work itself is what counts.
        ticking = asyncio.ensure_future(_tick(tick))
        ended = asyncio.Event()
        doing.add_done_callback(lambda _: ended.set())
        asked.add_done_callback(lambda _: ended.set())
        try:
            await ended.wait()
            if doing.done():
                return doing.result()
            raise Interrupted(asked.result())
        finally:
            ticking.cancel()
            doing.cancel()
            await asyncio.gather(ticking, doing, return_exceptions=True)


async def _tick(tick: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        await tick()
        # A slow answer slows the questions down: progress never takes more than a tenth of the time.
        await asyncio.sleep(max(_POLL_SECONDS, 10 * (loop.time() - begun)))
