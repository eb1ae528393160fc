"""Open the store of a home for reading, engine or not.

Used by the commands that only read, and by `LastingControl`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.app.options import Options
from core.control.reading import ReadingControl
from core.store.readers import Readers
from core.store.reports import Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReading:
    """The reading half of the control, and the read models that it answers from."""

    control: ReadingControl
    reports: Reports


@asynccontextmanager
async def read_store(options: Options) -> AsyncIterator[ReadingControl]:
    """Lend the reading half of the control; raise `Unavailable` (`store.missing`) when asked."""
    async with open_store(options) as store:
        yield store.control


@asynccontextmanager
async def open_store(options: Options) -> AsyncIterator[StoreReading]:
    """Lend it with its read models; raise as `read_store` does."""
    paths = options.paths
    readers = Readers(paths.db)
    reports = Reports(readers)
    control = ReadingControl(reports, paths.output, readers=readers)
    try:
        yield StoreReading(control=control, reports=reports)
    finally:
        await control.close()
