"""The console on the engine of this machine."""

from __future__ import annotations

from console.engine_lifecycle.starters import SpawnedEngine
from console.sessions.flags import ConsoleFlags
from console.sessions.screen import show_screen
from core.app.attach import attach
from core.app.options import Options
from core.app.spawn import engine_argv
from core.model.paths import ensure_home


async def show_local(flags: ConsoleFlags) -> None:
    """Attach to the engine of a home and show the screens."""
    options = Options(home=flags.home)
    paths = ensure_home(options.paths.home)
    starter = SpawnedEngine(engine_argv(paths.home), paths.logs / "console-engine.log")
    async with attach(options) as control:
        await show_screen(control, starter, flags=flags, home=paths.home)
