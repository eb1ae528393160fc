"""The command `taskdeck dial-stdio`, which loads neither click nor the engine.

Called by `console.launch`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from console.sessions.flags import read_dial
from core.app import collector
from core.app.remote.stdio_bridge import dial_or_start, dial_stdio
from core.model.errors import TaskdeckError


def run_dial(arguments: Sequence[str]) -> int:
    """Bridge standard input and output to the engine; return the exit status."""
    collector.resume()
    try:
        flags = read_dial(arguments)
        if flags.start:
            dial_or_start(flags.home)
        else:
            dial_stdio(flags.home)
    except TaskdeckError as error:
        # One line: the client finds it among the messages of ssh.
        with suppress(OSError):
            sys.stderr.write(f"error[{error.code}]: {error.message}; {error.hint}\n")
            sys.stderr.flush()
        return error.exit_code
    return 0
