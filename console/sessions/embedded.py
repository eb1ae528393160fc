"""The console with an engine in its own process.

Called by `choice`.
"""

from __future__ import annotations

import asyncio
import sys

from console.engine_lifecycle.starters import EmbeddedEngine
from console.sessions.decks import OpenDeck
from console.sessions.flags import ConsoleFlags
from console.sessions.screen import show_screen
from core.app.attach import attach
from core.app.hosting.engine_thread import EngineThread
from core.app.options import Options, own_claim
from core.app.signals import cancelling_on_signal, deferring_signals
from core.model.actors import Door


def run(flags: ConsoleFlags) -> None:
    """Start an engine beside the screens; it ends with them, or when it has drained."""
    options = Options(home=flags.home, actor=own_claim(Door.CONSOLE))
    engine = EngineThread(options)
    try:
        asyncio.run(_show(engine, options, flags=flags))
        if engine.is_draining:
            sys.stderr.write("waiting for what still runs; Ctrl-C stops at once\n")
            engine.join()
    finally:
        engine.stop()
        engine.join()


async def _show(engine: EngineThread, options: Options, *, flags: ConsoleFlags) -> None:
    # At any moment, a signal that ends the console has to end its engine in order.
    with deferring_signals():
        with cancelling_on_signal():
            await engine.start()
        async with attach(options) as control:
            deck = OpenDeck(options=options, control=control, own_engine=EmbeddedEngine(engine))
            # Its engine lives in this process: nothing else can be shown by it.
            await show_screen(deck, None, flags=flags)
