"""The console as lines of text, without its own engine.

Called by `choice`, where no terminal can be drawn on or the flags say so.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial

from console.last_look import LastLook
from console.memory import Memory
from console.sessions.flags import ConsoleFlags
from console.sessions.overview import write_overview
from core.app.options import Options, own_claim
from core.app.reading.store import read_store_first
from core.app.remote.ssh_host import attach_or_start_remote
from core.model.actors import Door
from core.model.errors import Invalid


def run(flags: ConsoleFlags) -> None:
    """Write the overview until it is left."""
    asyncio.run(show_lines(flags))


async def show_lines(flags: ConsoleFlags) -> None:
    """Write the overview of a home or host, once or again and again; raise `Invalid` (`usage`)."""
    if flags.embedded:
        raise Invalid("usage", "--embedded needs a terminal that can show a full screen")
    options = Options(
        home=flags.home, host=flags.host, remote_command=flags.remote_command, actor=own_claim(Door.CONSOLE)
    )
    # What an operator saw of a host is kept with the own home, as the screen keeps it.
    memory = Memory((Options() if flags.host else options).paths.home)
    last_look = LastLook(memory)
    write = partial(write_overview, out=sys.stdout, watch=flags.watch, last_look=last_look)
    if flags.host:
        async with attach_or_start_remote(options) as control:
            await write(control)
    else:
        async with read_store_first(options) as store_first:
            await write(store_first, left_out=lambda: store_first.reading.left_out)
    memory.write()
