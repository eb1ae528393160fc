"""Read a store without an engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.app.options import Options
from core.control.reading import ReadingControl
from core.store.readers import Readers
from core.store.reports import Reports


@asynccontextmanager
async def reading(options: Options) -> AsyncIterator[ReadingControl]:
    """Read the store file, whether an engine runs or not; raise `Unavailable` (`store.missing`)."""
    paths = options.paths
    readers = Readers(paths.db)
    control = ReadingControl(Reports(readers), paths.output, readers=readers)
    try:
        yield control
    finally:
        await control.close()
