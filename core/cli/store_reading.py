"""Context managers that read a store, or a bundle, in this process.

Used by `reading`; they bring SQL along, which takes longer to import than most commands take to run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from core.app.bundles.check import report_on
from core.app.bundles.control import cut_text, title
from core.app.bundles.opening import open_bundle
from core.app.doctor import DoctorReport
from core.app.options import Options
from core.app.reading.store import read_store
from core.app.signals import Interrupted
from core.cli.output import note
from core.cli.refusals import Left, note_left_out, suspicion
from core.control.api import ReadingAPI, Request
from core.control.reading import ReadingControl

R = TypeVar("R")


@asynccontextmanager
async def reading_home(options: Options) -> AsyncIterator[ReadingAPI]:
    """Lend what reads the store of a home; after a failure it leaves damaged rows out, and names them."""
    suspicion.reads = True
    async with read_store(options) as reading:
        yield reading if suspicion.error is None else CarefulReading(reading, suspicion.error)
        note_left_out([row.message for row in reading.beside.rows])


class CarefulReading(ReadingAPI):
    """Reads without the rows that are damaged."""

    def __init__(self, reading: ReadingControl, error: Exception) -> None:
        self._reading = reading
        self._error = error

    async def ask(self, request: Request[R]) -> R:
        """Answer; raise the error where no row is damaged, `store.row` where a part is written already."""
        answer = await self._reading.beside.ask(request, self._error)
        if suspicion.is_late:
            raise self._reading.beside.refuse(request)
        return answer

    async def close(self) -> None:
        """Do nothing: who lent the store closes it."""


@asynccontextmanager
async def reading_bundle(path: Path) -> AsyncIterator[ReadingAPI]:
    """Lend what reads a bundle, and say of when it is; raise as `open_bundle` does, and `Left`."""
    try:
        async with open_bundle(path, tell=note) as opened:
            note(f"{title(opened)}, read-only")
            if cut := cut_text(opened):
                note(cut)
            yield opened.control
    except Interrupted as interrupted:
        raise Left(f"interrupted ({interrupted.number.name})", hint="run it again") from None


async def check_bundle(path: Path) -> DoctorReport:
    """Return whether the store in a bundle is sound; raise as `reading_bundle` does."""
    try:
        async with open_bundle(path, tell=note) as opened:
            return await asyncio.to_thread(report_on, opened)
    except Interrupted as interrupted:
        raise Left(f"interrupted ({interrupted.number.name})", hint="run it again") from None
