"""Open the store of a home for reading, engine or not.

Used by the commands that only read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.app.options import Options
from core.control.reading import ReadingControl
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
