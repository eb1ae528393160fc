"""Copies of the store beside the work of the engine, for backups.

Owned by the engine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from core.logs import get_logger
from core.model.backups import StoreCopied
from core.store.backups.copying import copy_beside
from core.store.journal import Journal
from core.store.writer import Writer

_log = get_logger(__name__)


class StoreCopies:
    """Makes one copy at a time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def copy(self, file: Path) -> StoreCopied:
        """Copy the store into an empty file, in steps between the commits; a cancelled caller ends it.

        Raises as `copy_beside` does, and `Conflict` (`store.lent`) while another copy is being made.
        """
        stop = threading.Event()

        def copy(writer: Writer, carry_out: Callable[[], None]) -> StoreCopied:
            return copy_beside(writer.connection, file, carry_out, stop)

        try:
            copied = await self._journal.lend(copy)
        except asyncio.CancelledError:
            stop.set()
            raise
        _log.info(
            "store copied",
            file=str(file),
            bytes=copied.size,
            ms=copied.ms,
            longest_us=copied.longest_us,
            longest_cpu_us=copied.longest_cpu_us,
        )
        return copied
