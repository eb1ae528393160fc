"""The console with an engine in another process, here or remote.

Called by `choice`.
"""

from __future__ import annotations

from console.engine_lifecycle.starters import DialedEngine, SpawnedEngine
from console.sessions.flags import ConsoleFlags
from console.sessions.screen import show_screen
from core.app.attach import attach
from core.app.options import Options, own_claim
from core.app.remote_host import NO_QUESTIONS, attach_or_start_remote, attach_remote
from core.app.spawn import engine_argv
from core.model.actors import Door
from core.model.paths import ensure_home


async def show_local(flags: ConsoleFlags) -> None:
    """Attach to the engine of a home and show the screens."""
    options = Options(home=flags.home, actor=own_claim(Door.CONSOLE))
    paths = ensure_home(options.paths.home)
    starter = SpawnedEngine(engine_argv(paths.home, options.spawn_flags), paths.logs / "console-engine.log")
    async with attach(options) as control:
        await show_screen(control, starter, flags=flags, home=paths.home)


async def show_remote(flags: ConsoleFlags) -> None:
    """Attach through ssh to the engine of a host and show the screens; read-only starts none there."""
    options = Options(
        home=flags.home, host=flags.host, remote_command=flags.remote_command, actor=own_claim(Door.CONSOLE)
    )
    attach_to = attach_remote if flags.read_only else attach_or_start_remote
    async with attach_to(options, ssh_options=NO_QUESTIONS) as control:
        # While the terminal is still plain: an engine of another protocol is reported there.
        await control.status()
        await show_screen(control, DialedEngine(), flags=flags, home=Options().paths.home)
