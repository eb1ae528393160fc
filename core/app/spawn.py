"""Start an engine as a process that outlives its terminal.

Called by `attach`, by `dial-stdio` and by the console's attached session.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.files.kinds import exists
from core.model.errors import Unavailable
from core.model.paths import ensure_home
from core.model.text import SafeText, safe_line

LINGER_SECONDS = 5
"""How long such an engine, when idle, waits for a client before it ends."""
LOG = "detached.log"
"""Where its standard output and error go, in `logs/`."""
_TAIL_BYTES = 2_000
_ENTRY = Path(__file__).absolute().parents[2] / "_taskdeck.py"


def program() -> list[str]:
    """Return the command line of this very taskdeck, to which its arguments are added."""
    # By its path: a name would be looked for in PYTHONPATH first. -P: and its folder must not stand
    # before the standard library.
    return [sys.executable, "-P", str(_ENTRY)]


def engine_argv(home: Path, flags: Sequence[str] = ()) -> list[str]:
    """Return the command line of an engine that ends when no client needs it any more."""
    return [*program(), "serve", "--until-idle", "--linger", str(LINGER_SECONDS), "--home", str(home), *flags]


def spawn_engine(home: Path, flags: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start an engine in a session of its own and return at once; raise `Unavailable` (`engine.start`)."""
    log = ensure_home(home).logs / LOG
    try:
        with log.open("ab") as stream:
            return subprocess.Popen(
                engine_argv(home, flags),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
    except OSError as error:
        raise Unavailable(
            "engine.start", f"cannot start an engine: {error.strerror}", hint="run 'taskdeck serve'"
        ) from error


def last_line(log: Path) -> SafeText:
    """Return the last line that an engine wrote to its log, or where the log is."""
    tail = log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").split("\n") if exists(log) else []
    lines = [line for line in tail if line.strip()]
    return safe_line(lines[-1] if lines else f"see {log}")
