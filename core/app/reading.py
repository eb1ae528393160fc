"""Read the store of a home, whether an engine runs or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.app.options import Options
from core.control.api import ControlAPI
from core.control.reading import ReadingControl
from core.control.remote import RemoteControl
from core.control.store_first import StoreFirstControl
from core.control.transport import SocketDialer
from core.store.readers import Readers
from core.store.reports import Reports


@asynccontextmanager
async def read_store(options: Options) -> AsyncIterator[ReadingControl]:
    """Lend the reading half of the control; raise `Unavailable` (`store.missing`) when asked."""
    paths = options.paths
    readers = Readers(paths.db)
    control = ReadingControl(Reports(readers), paths.output, readers=readers)
    try:
        yield control
    finally:
        await control.close()


@asynccontextmanager
async def read_home(options: Options) -> AsyncIterator[ControlAPI]:
    """Lend a control that reads the store and asks the engine, if one runs, for all else.

    Raises `Unavailable` (`store.missing` and its like) where nothing can be read.
    """
    paths = options.paths
    readers = Readers(paths.db)
    reading = ReadingControl(Reports(readers), paths.output, readers=readers)
    control = StoreFirstControl(reading=reading, engine=RemoteControl(SocketDialer(paths.socket)))
    try:
        await control.queues()
        yield control
    finally:
        await control.close()
