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
from core.cli.refusals import Left
from core.control.api import ReadingAPI, Request
from core.control.reading import ReadingControl

R = TypeVar("R")


@asynccontextmanager
async def reading_home(options: Options, *, cause: Exception | None) -> AsyncIterator[HomeReading]:
    """Lend what reads the store of a home, without damaged rows if the first run failed with a `cause`."""
    async with read_store(options) as reading:
        yield HomeReading(reading, cause)


class HomeReading(ReadingAPI):
    """Reads a store; once a first run has failed, without its damaged rows."""

    def __init__(self, reading: ReadingControl, cause: Exception | None) -> None:
        self.store = reading
        self._cause = cause

    async def ask(self, request: Request[R]) -> R:
        """Answer; raise the `cause` where no row is damaged."""
        if self._cause is None:
            return await self.store.ask(request)
        return await self.store.sound_rows.ask(request, self._cause)

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
