"""A context manager that gives a command the control's reading half.

Used by the commands that only read; those that change something use `access`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from core.app.lasting_control import read_engine_first
from core.app.lock import is_held
from core.app.remote_host import attach_or_start_remote
from core.cli.access import note_trouble, running
from core.cli.arguments import Common
from core.cli.output import note
from core.control.api import ReadingAPI
from core.model.errors import TaskdeckError, Unavailable


def reading(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend what reads through the engine that runs, here or on a host; without one here, the store."""
    chosen = arguments.options()
    return read_engine_first(chosen) if chosen.host is None else attach_or_start_remote(chosen)


def reading_files(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend what reads store and output files here, or through the engine of a host."""
    chosen = arguments.options()
    if chosen.host is not None:
        return attach_or_start_remote(chosen)
    # SQL takes longer to import than most commands take to run.
    from core.app.reading import read_store

    return read_store(chosen)


async def note_closed_claims(arguments: Common) -> None:
    """Say why the engine that runs, if one does, claims nothing: what is queued waits for that."""
    options = arguments.options()
    if options.host is None and not is_held(options.paths.lock):
        return
    try:
        async with running(arguments) as deck:
            await note_trouble(deck)
    except Unavailable as error:
        if error.code == "engine.stopping":
            note("the engine is stopping: new work waits for the next engine")
    except TaskdeckError:
        # What was asked for is listed.
        return
