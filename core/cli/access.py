"""Context managers that give a command the control of an engine.

Used by the commands that change something; those that only read use `reading`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from core.app.attach import EngineAccess, Purpose, attach, attach_or_host
from core.app.attach import ensure_engine as ensure_engine_of
from core.app.remote_host import attach_or_start_remote, attach_remote
from core.cli.arguments import Common, Hosting
from core.cli.output import note
from core.control.api import ControlAPI


@asynccontextmanager
async def changing(arguments: Common) -> AsyncIterator[ControlAPI]:
    """Lend the control of the engine that runs, or one that applies commands without an engine.

    On a host an engine is started if none runs.
    """
    chosen = arguments.options()
    if chosen.host is not None:
        async with attach_or_start_remote(chosen) as control:
            yield control
        return
    async with attach_or_host(chosen, Purpose.CHANGE) as access:
        yield access.control


def running(arguments: Common) -> AbstractAsyncContextManager[ControlAPI]:
    """Lend the control of an engine that runs already; raise `Unavailable` (`engine.none`)."""
    chosen = arguments.options()
    return attach(chosen) if chosen.host is None else attach_remote(chosen)


def hosting(arguments: Hosting) -> AbstractAsyncContextManager[EngineAccess]:
    """Lend the engine that runs, or host one in this process."""
    return attach_or_host(arguments.options(), Purpose.RUN_TASKS)


async def ensure_engine(arguments: Hosting) -> None:
    """Start an engine in a process of its own unless one runs."""
    await ensure_engine_of(arguments.options())


def note_ignored(access: EngineAccess, arguments: Hosting) -> None:
    """Say that an engine that runs already keeps its own slots and connectors."""
    if access.is_attached and (arguments.slots or arguments.connector):
        note("an engine runs already: --slots and --connector are ignored")


async def note_drain(deck: ControlAPI) -> None:
    """Say, before work is submitted, that an engine that drains leaves it to the next one."""
    if (await deck.status()).state == "draining":
        note("the engine drains: new work waits for the next engine (taskdeck serve)")
