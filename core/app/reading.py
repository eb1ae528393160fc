"""Open the store of a home for reading, engine or not.

Used by the commands that only read, and by `LastingControl`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from core.app.lock import is_held
from core.app.options import Options
from core.control.reading import ReadingControl
from core.control.wait_answers import EngineSight
from core.model.paths import Paths
from core.model.waits import EngineFacts
from core.store.readers import Readers
from core.store.reports import Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReading:
    """The reading half of the control, and the read models that it answers from."""

    control: ReadingControl
    reports: Reports


@asynccontextmanager
async def read_store(options: Options, *, engine: EngineSight | None = None) -> AsyncIterator[ReadingControl]:
    """Lend the reading half of the control; raise `Unavailable` (`store.missing`) when asked.

    `engine` says how the engine does; without it, an engine that holds its lock does not answer.
    """
    async with open_store(options, engine=engine) as store:
        yield store.control


@asynccontextmanager
async def open_store(options: Options, *, engine: EngineSight | None = None) -> AsyncIterator[StoreReading]:
    """Lend it with its read models; raise as `read_store` does."""
    paths = options.paths
    readers = Readers(paths.db)
    reports = Reports(readers)
    sight = engine or partial(_unheard, paths)
    control = ReadingControl(reports, paths.output, engine=sight, readers=readers)
    try:
        yield StoreReading(control=control, reports=reports)
    finally:
        await control.close()


async def _unheard(paths: Paths) -> EngineFacts:
    """Return whether an engine owns the store: who reads the store has no answer of one."""
    return EngineFacts(state="silent" if is_held(paths.lock) else "none")
