"""A context manager that gives a command the control's reading half.

Used by the commands that only read; those that change something use `access`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.app.attach import attach
from core.app.lock import is_held
from core.app.options import Options
from core.app.reading.lasting_control import PATIENCE, LastingControl, read_engine_first
from core.app.remote.ssh_host import attach_or_start_remote
from core.cli.access import running, trouble_lines
from core.cli.arguments import Common, Reading
from core.cli.output import note
from core.cli.second_run import second_run
from core.control.api import ReadingAPI
from core.model.errors import TaskdeckError, Unavailable

if TYPE_CHECKING:
    from core.cli.store_reading import HomeReading

_LOOK_SECONDS = 1.0
_NAMED = 3
"""Rows that are named by a command that left them out."""


def reading(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend what reads through the engine that runs, here or on a host; else the store, or a bundle."""
    chosen = arguments.options()
    if isinstance(arguments, Reading) and arguments.bundle is not None:
        return _in_process(chosen, arguments.bundle)
    if chosen.host is not None:
        return attach_or_start_remote(chosen)
    if second_run.cause is not None:
        return _in_process(chosen, None)
    return _naming_left_out(read_engine_first(chosen))


def reading_files(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend what reads store and output files here, or through the engine of a host, or of a bundle."""
    chosen = arguments.options()
    if isinstance(arguments, Reading) and arguments.bundle is not None:
        return _in_process(chosen, arguments.bundle)
    if chosen.host is not None:
        return attach_or_start_remote(chosen)
    return _in_process(chosen, None)


def _in_process(chosen: Options, bundle: Path | None) -> AbstractAsyncContextManager[ReadingAPI]:
    # SQL takes longer to import than most commands take to run.
    from core.cli.store_reading import reading_bundle, reading_home

    if bundle is not None:
        return reading_bundle(bundle)
    return _naming_left_out(reading_home(chosen, cause=second_run.cause))


@asynccontextmanager
async def _naming_left_out(
    lent: AbstractAsyncContextManager[LastingControl | HomeReading],
) -> AsyncIterator[ReadingAPI]:
    """Lend what reads a store of this machine; name a few of the damaged rows that were left out."""
    second_run.reads = True
    async with lent as control:
        yield control
        rows = control.store.left_out
    for row in rows[:_NAMED]:
        note(f"left out: {row}")
    if len(rows) > _NAMED:
        note(f"left out: {len(rows) - _NAMED:,} rows more; 'taskdeck doctor' names them")


async def note_closed_claims(arguments: Common) -> None:
    """Say why the engine that runs, if one does, claims nothing: what is queued waits for that."""
    for line in await _closed_claims(arguments):
        note(line)


class ClosedClaims:
    """Says why nothing is claimed while a command follows what waits: once, and again when it changes."""

    def __init__(self, arguments: Common) -> None:
        self._arguments = arguments
        self._said: tuple[str, ...] = ()
        self._looked_at = -_LOOK_SECONDS

    async def look(self) -> None:
        """Ask the engine, but not at each call."""
        if time.monotonic() - self._looked_at < _LOOK_SECONDS:
            return
        said, self._said = self._said, await _closed_claims(self._arguments)
        self._looked_at = time.monotonic()
        for line in self._said:
            if line not in said:
                note(line)
        if said and not self._said:
            note("tasks are claimed again")


async def _closed_claims(arguments: Common) -> tuple[str, ...]:
    options = arguments.options()
    if isinstance(arguments, Reading) and arguments.bundle is not None:
        return ()
    if options.host is None and not is_held(options.paths.lock):
        return ()
    lent = attach(options, patience=PATIENCE) if options.host is None else running(arguments)
    try:
        async with lent as deck:
            return trouble_lines(await deck.status())
    except Unavailable as error:
        if error.code == "engine.stopping":
            return ("the engine is stopping: new work waits for the next engine",)
        if error.code == "engine.silent":
            return (f"{error.message}: what waits may wait for it; {error.hint}",)
        return ()
    except TaskdeckError:
        # What was asked for is listed.
        return ()
