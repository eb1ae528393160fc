"""A context manager that gives a command the control's reading half.

Used by the commands that only read; those that change something use `access`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, suppress

from core.app.lock import is_held
from core.cli.arguments import Common
from core.cli.output import note
from core.control.api import ReadingAPI
from core.model.errors import TaskdeckError
from core.model.text import safe_line
from core.model.values import to_iso


def reading(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend the control that reads the store file here, or that of the engine of a host."""
    chosen = arguments.options()
    if chosen.host is None:
        # SQL takes longer to import than such a command takes to run: not for a remote host.
        from core.app.reading import read_store

        return read_store(chosen)
    # The http client takes as long: not for the store file here.
    from core.app.remote_host import attach_or_start_remote

    return attach_or_start_remote(chosen)


async def note_closed_claims(arguments: Common) -> None:
    """Say why the engine that runs, if one does, claims nothing: what is queued waits for that."""
    options = arguments.options()
    if options.host is None and not is_held(options.paths.lock):
        return
    # Most lists show nothing queued, and need no client of an engine.
    from core.cli.access import running

    with suppress(TaskdeckError):
        async with running(arguments) as deck:
            closed = (await deck.status()).closed
        for one in closed:
            why = safe_line(f"{one.message} ({one.hint})")
            note(f"nothing is claimed since {to_iso(one.since)}: {why}")
