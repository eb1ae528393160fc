"""ReaderPool: connections for reading, no more than are needed.

Made by `core.store.readers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

PATIENCE = 0.02
"""Seconds without any given back after which a read opens another connection, which takes as long."""
LONGEST = 0.2
"""Seconds after which it does so whatever is given back."""


class ReaderPool:
    """Connections whose engine is made at first use, and once more after each close.

    Most reads are shorter than the opening of a connection: a dozen that come at once, as at the start of an
    engine, need one or two.
    """

    def __init__(self, make: Callable[[], AsyncEngine]) -> None:
        self._make = make
        self._made: AsyncEngine | None = None
        self._news: asyncio.Future[None] | None = None
        """Done when a connection was given back; None = nothing waits for that."""

    @property
    def engine(self) -> AsyncEngine:
        """Return what connects to the store, as long as it is not closed."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection; raise what its pool does."""
        engine = self.engine
        assert isinstance(engine.pool, QueuePool)
        try:
            await self._wait_for_one(engine.pool)
            async with engine.connect() as connection:
                yield connection
        finally:
            news, self._news = self._news, None
            if news is not None:
                news.set_result(None)

    async def close(self) -> None:
        """Close all connections; the next one is opened again."""
        made, self._made = self._made, None
        if made is not None:
            await made.dispose()

    async def _wait_for_one(self, pool: QueuePool) -> None:
        """Wait while others give theirs back: on a busy machine each takes long, and a new one longer."""
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST
        while _may_grow(pool) and loop.time() < end:
            self._news = self._news or loop.create_future()
            given_back, _ = await asyncio.wait([self._news], timeout=PATIENCE)
            if not given_back:
                return


def _may_grow(pool: QueuePool) -> bool:
    return not pool.checkedin() and 0 < pool.checkedout() < pool.size()
