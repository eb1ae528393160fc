"""A context manager that gives a command the control's reading half.

Used by the commands that only read; those that change something use `access`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from core.cli.arguments import Common
from core.control.api import ReadingAPI


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
