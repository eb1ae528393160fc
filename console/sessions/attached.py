"""The console with an engine in another process, here or remote.

Called by `console.sessions.choice`, which chooses among the sessions.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from console.sessions.decks import OpenDeck, SessionDecks
from console.sessions.flags import ConsoleFlags
from console.sessions.screen import show_screen
from core.app.options import Options, own_claim
from core.app.reading.lasting_control import attach_beside_damage, attach_lasting
from core.app.remote.ssh_host import NO_QUESTIONS, attach_or_start_remote, attach_remote
from core.model.actors import Door
from core.model.paths import ensure_home


def run(flags: ConsoleFlags) -> None:
    """Show the screens until they are left."""
    asyncio.run(show_attached(flags))


async def show_attached(flags: ConsoleFlags) -> None:
    """Attach to the engine of a home or host and show the screens; after them, those of the next deck."""
    options = Options(
        home=flags.home, host=flags.host, remote_command=flags.remote_command, actor=own_claim(Door.CONSOLE)
    )
    # Read-only starts no engine there, and here shows the store where none runs.
    attach_to = attach_remote if flags.read_only else attach_or_start_remote
    attach_here = attach_lasting if flags.read_only else attach_beside_damage
    async with AsyncExitStack() as opened:
        control = await opened.enter_async_context(
            attach_to(options, ssh_options=NO_QUESTIONS) if options.host else attach_here(options)
        )
        if options.host:
            # While the terminal is still plain: an engine of another protocol is reported there.
            await control.status()
        else:
            ensure_home(options.paths.home)
        first = OpenDeck(options=options, control=control, opened=opened.pop_all())
        await _show(SessionDecks(first, starts=not flags.read_only), flags)


async def _show(decks: SessionDecks, flags: ConsoleFlags) -> None:
    try:
        while True:
            await show_screen(decks.deck, decks, flags=flags)
            # Once more: it was used until now.
            await asyncio.to_thread(decks.note_used)
            if not await decks.go_on():
                return
    finally:
        await decks.close_opened()
        await decks.deck.opened.aclose()
