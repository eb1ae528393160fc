"""Choose the console session by its flags.

Called by `console.launch`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from console.sessions import collector
from console.sessions.flags import ConsoleFlags, read_flags
from core.app.signals import Interrupted
from core.cli.refusals import LEFT, report
from core.model.errors import TaskdeckError


def run_console(arguments: Sequence[str]) -> int:
    """Run the console as its flags ask, and return the exit status."""
    try:
        flags = read_flags(arguments)
        if flags.bundle is not None:
            _run_bundle(flags, flags.bundle)
        elif flags.wants_lines or not can_draw():
            _run_lines(flags)
        else:
            _run_screen(flags)
    except TaskdeckError as error:
        return report(error)
    except Interrupted:
        return LEFT
    return 0


def can_draw() -> bool:
    """Tell whether standard input and output are a terminal that can show a full screen."""
    can_move = os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    return can_move and sys.stdin.isatty() and sys.stdout.isatty()


def _run_lines(flags: ConsoleFlags) -> None:
    # SQL is for sessions that read the store themselves: the screens ask the engine.
    from console.sessions.lines import show_lines

    asyncio.run(show_lines(flags))


def _run_bundle(flags: ConsoleFlags, file: Path) -> None:
    _prepare_screen()
    # A bundle is unpacked into a store, which brings SQL along.
    from console.sessions.bundled import show_bundle, write_bundle_overview

    lines = flags.wants_lines or not can_draw()
    asyncio.run(write_bundle_overview(flags, file) if lines else show_bundle(flags, file))


def _prepare_screen() -> None:
    # On a slow line every frame of an animation costs a second; Textual reads these when it is imported.
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")


def _run_screen(flags: ConsoleFlags) -> None:
    _prepare_screen()
    collector.pause()
    if flags.embedded:
        # The engine brings SQL and a server along: a console that attaches needs neither.
        from console.sessions.embedded import show_embedded

        show_embedded(flags)
        return
    # Textual: neither lines nor commands pay for it.
    from console.sessions.attached import show_attached

    asyncio.run(show_attached(flags))
