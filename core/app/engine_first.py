"""Read through the engine that runs, or from the store where none does.

Used by the commands that only read: an engine has loaded already what reading the store takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from core.app.attach import closing, dial
from core.app.options import Options
from core.control.api import ReadingAPI, Request
from core.control.sockets import is_open
from core.model.errors import Conflict, Unavailable

_PATIENCE = 2.0
"""Seconds for an engine to say that it is there; the store is there whatever became of it."""
R = TypeVar("R")


class EngineFirst(ReadingAPI):
    """Asks the engine as long as one answers, then the store: a read may be asked twice."""

    def __init__(self, options: Options, engine: ReadingAPI | None, opened: AsyncExitStack) -> None:
        self._options = options
        self._engine = engine
        self._opened = opened
        self._store: ReadingAPI | None = None

    async def ask(self, request: Request[R]) -> R:
        """Answer a read; raise `Unavailable` (`store.missing`) and what else reading the store raises."""
        if self._engine is not None:
            try:
                return await self._engine.ask(request)
            except (Unavailable, Conflict) as error:
                if not error.code.startswith("engine."):
                    raise
                # None answers any more, or it is of another release.
                self._engine = None
        if self._store is None:
            # SQL takes longer to import than such a command takes to run.
            from core.app.reading import read_store

            self._store = await self._opened.enter_async_context(read_store(self._options))
        return await self._store.ask(request)

    async def close(self) -> None:
        """Close what was opened."""
        await self._opened.aclose()


@asynccontextmanager
async def read_engine_first(options: Options) -> AsyncIterator[ReadingAPI]:
    """Lend what reads through the engine of a home, if one runs, else from its store."""
    async with AsyncExitStack() as opened:
        engine = None
        if is_open(options.paths.socket):
            engine = await opened.enter_async_context(closing(dial(options.paths, patience=_PATIENCE)))
        yield EngineFirst(options, engine, opened)
