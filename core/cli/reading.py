"""A context manager that gives a command the control's reading half.

Used by the commands that only read; those that change something use `access`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from core.app.attach import attach
from core.app.lock import is_held
from core.app.options import Options
from core.app.reading.lasting_control import PATIENCE, left_out, read_engine_first
from core.app.remote.ssh_host import attach_or_start_remote
from core.cli.access import running, trouble_lines
from core.cli.arguments import Common, Reading
from core.cli.output import note
from core.cli.refusals import note_left_out, suspicion
from core.control.api import ReadingAPI
from core.model.errors import TaskdeckError, Unavailable

_LOOK_SECONDS = 1.0


def reading(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend what reads through the engine that runs, here or on a host; else the store, or a bundle."""
    chosen = arguments.options()
    if isinstance(arguments, Reading) and arguments.bundle is not None:
        return _in_process(chosen, arguments.bundle)
    if chosen.host is not None:
        return attach_or_start_remote(chosen)
    if suspicion.error is not None:
        return _in_process(chosen, None)
    suspicion.reads = True
    return _engine_first(chosen)


@asynccontextmanager
async def _engine_first(chosen: Options) -> AsyncIterator[ReadingAPI]:
    async with read_engine_first(chosen) as control:
        yield control
        note_left_out(left_out(control))


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

    return reading_home(chosen) if bundle is None else reading_bundle(bundle)


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
