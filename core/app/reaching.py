"""Attach to the engine of another machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from core.app.options import Options
from core.app.ssh import Far, greet, greet_running
from core.control.api import ControlAPI
from core.control.remote import RemoteControl
from core.control.transport import CommandDialer
from core.host import runtime_dir

SILENT = ("-o", "BatchMode=yes")
"""Has ssh fail instead of asking: behind a full screen nobody would see the question."""


def far_host(options: Options) -> Far:
    """Return how the host of these options is reached."""
    assert options.host is not None, "only a named host is far"
    settings = options.settings()
    return Far(
        host=options.host,
        ssh=settings.ssh,
        remote_command=options.remote_command or settings.remote_command,
        home=None if options.home is None else str(options.home),
        shared=runtime_dir(),
    )


@asynccontextmanager
async def far(options: Options, *, more: Sequence[str] = ()) -> AsyncIterator[ControlAPI]:
    """Attach to the engine of a host, started there if none runs; raise `Unavailable` (`host.*`).

    Goes there once by itself first: ssh may ask for a password then. `more` = options for ssh after that.
    """
    there = far_host(options)
    await greet(there)
    async with _lent(there.argv(*more)) as control:
        yield control


@asynccontextmanager
async def far_running(options: Options, *, more: Sequence[str] = ()) -> AsyncIterator[ControlAPI]:
    """Do the same where an engine has to run already; raise `Unavailable` (`engine.none`)."""
    there = far_host(options)
    await greet_running(there)
    async with _lent(there.plain_argv(*more)) as control:
        yield control


@asynccontextmanager
async def _lent(argv: Sequence[str]) -> AsyncIterator[ControlAPI]:
    remote = RemoteControl(CommandDialer(argv))
    try:
        yield remote
    finally:
        await remote.close()
