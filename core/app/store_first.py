"""A ControlAPI that reads the store, and sends changes to the engine.

Used by the console's session of lines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from core.app.attach import closing, dial
from core.app.options import Options
from core.app.reading import read_store
from core.control.api import ControlAPI, Kind, ReadingAPI, Request, kind_of
from core.control.reading import ReadingControl
from core.control.wait_answers import ask_engine

R = TypeVar("R")


class StoreFirstControl(ControlAPI):
    """Two controls as one: what can be read is read from the store, whether the engine is there or not."""

    def __init__(self, *, reading: ReadingControl, engine: ControlAPI) -> None:
        self._reading = reading
        self._engine = engine

    async def ask(self, request: Request[R]) -> R:
        """Ask the one that can answer."""
        asked: ReadingAPI = self._reading if kind_of(request) is Kind.READ else self._engine
        return await asked.ask(request)

    async def close(self) -> None:
        """Close both."""
        await self._reading.close()
        await self._engine.close()


@asynccontextmanager
async def read_store_first(options: Options) -> AsyncIterator[ControlAPI]:
    """Lend a control that reads the store and asks the engine, if one runs, for all else.

    Raises `Unavailable` (`store.missing` and its like) where nothing can be read.
    """
    async with (
        closing(dial(options.paths)) as engine,
        read_store(options, engine=partial(ask_engine, engine)) as reading,
    ):
        control = StoreFirstControl(reading=reading, engine=engine)
        await control.queues()
        yield control
