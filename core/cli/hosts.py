"""Reach the deck for work: through the engine that runs, or one of our own."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from core import app
from core.app.hosted import Hosted
from core.app.joining import changing as change_store
from core.app.joining import detach as start_detached
from core.app.joining import hosting as host_engine
from core.cli.arguments import Common, Hosting
from core.cli.deck import options
from core.cli.output import note
from core.control.api import ControlAPI

__all__ = ["Hosted", "changing", "detach", "hosting", "note_drain", "note_ignored", "running"]


def changing(arguments: Common) -> AbstractAsyncContextManager[ControlAPI]:
    """Lend the ControlAPI of the engine that runs, or apply without one; a host has always one."""
    chosen = options(arguments)
    return change_store(chosen) if chosen.host is None else app.far(chosen)


def running(arguments: Common) -> AbstractAsyncContextManager[ControlAPI]:
    """Lend the ControlAPI of an engine that runs already; raise `Unavailable` (`engine.none`)."""
    chosen = options(arguments)
    return app.attached(chosen) if chosen.host is None else app.far_running(chosen)


def hosting(arguments: Hosting) -> AbstractAsyncContextManager[Hosted]:
    """Lend an engine, this process's own or the one that runs already."""
    return host_engine(options(arguments))


async def detach(arguments: Hosting) -> None:
    """Have an engine go on in a process of its own."""
    await start_detached(options(arguments))


def note_ignored(hosted: Hosted, arguments: Hosting) -> None:
    """Say that an engine that runs already has slots and connectors of its own."""
    if hosted.attached and (arguments.slots or arguments.connector):
        note("an engine runs already: --slots and --connector are its own")


async def note_drain(deck: ControlAPI) -> None:
    """Say that an engine that drains takes work for the next one only; asked before it is brought."""
    if (await deck.status()).state == "draining":
        note("the engine drains: what is new waits for the next one (taskdeck serve)")
