"""Choose the console session by its flags.

Called by `console.launch`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from console.sessions.flags import ConsoleFlags, read_flags
from core.app import collector
from core.app.signals import Interrupted
from core.cli.refusals import LEFT, report
from core.model.errors import TaskdeckError


class Session(Protocol):
    """A module of this folder that shows the console in one way."""

    def run(self, flags: ConsoleFlags) -> None:
        """Show the console until it ends."""


def run_console(arguments: Sequence[str]) -> int:
    """Run the console as its flags ask, and return the exit status."""
    try:
        flags = read_flags(arguments)
        _load(flags).run(flags)
    except TaskdeckError as error:
        return report(error)
    except Interrupted:
        return LEFT
    return 0


def _load(flags: ConsoleFlags) -> Session:
    """Import the session that the flags ask for: one that attaches needs neither SQL nor a server."""
    lines = flags.in_lines
    if flags.bundle is not None:
        name = "bundled"
    elif lines:
        name = "lines"
    else:
        name = "embedded" if flags.embedded else "attached"
    if not lines:
        _prepare_screen()
    session: Session = import_module(f"console.sessions.{name}")
    if lines or flags.bundle is not None:
        # Where there are screens, they say when they have started.
        collector.resume()
    return session


def _prepare_screen() -> None:
    # On a slow line every frame of an animation costs a second; Textual reads these when it is imported.
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
