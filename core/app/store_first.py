"""Read the store of a home, and ask its engine for the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.app.attach import closing, dial
from core.app.options import Options
from core.app.reading import read_store
from core.control.api import ControlAPI
from core.control.store_first import StoreFirstControl


@asynccontextmanager
async def read_store_first(options: Options) -> AsyncIterator[ControlAPI]:
    """Lend a control that reads the store and asks the engine, if one runs, for all else.

    Raises `Unavailable` (`store.missing` and its like) where nothing can be read.
    """
    async with read_store(options) as reading, closing(dial(options.paths)) as engine:
        control = StoreFirstControl(reading=reading, engine=engine)
        await control.queues()
        yield control
