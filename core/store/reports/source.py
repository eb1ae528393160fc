"""Source: the connections and the clock that all read models share.

Made by `Reports`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.present import present_ms
from core.store.readers import Readers

_OFFSET = text("SELECT time_offset FROM engine")


async def engine_offset(db: AsyncConnection) -> int:
    """Return how far engine time is ahead of the wall clock, ms."""
    return int((await db.execute(_OFFSET)).scalar_one())


def wall_clock() -> int:
    """Return the moment in ms UTC."""
    return present_ms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where read models read, and `now` (ms UTC) for ages in filters."""

    readers: Readers
    now: Callable[[], int] = wall_clock

    def snapshot(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection whose statements all see the same moment; see `Readers.snapshot`."""
        return self.readers.snapshot()
