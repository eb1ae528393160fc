"""Start an engine as a process of its own session, so that the end of a terminal does not end it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.model.errors import Unavailable
from core.model.paths import ensure_home
from core.model.text import SafeText, safe_line

LINGER_SECONDS = 5
"""How long such an engine, idle, waits for somebody to come, or to come back."""
LOG = "detached.log"
"""Where it writes what it would say on a terminal, in `logs/`."""
_TAIL_BYTES = 2_000


def engine_argv(home: Path, *words: str) -> list[str]:
    """Return the command line of an engine that ends when nobody needs it any more."""
    # -P: a folder called `core` where somebody happens to stand must not shadow ours.
    argv = [sys.executable, "-P", "-m", "console.launch", "serve", "--until-idle"]
    return [*argv, "--linger", str(LINGER_SECONDS), "--home", str(home), *words]


def spawn_engine(home: Path, words: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start an engine on a home and return at once; raise `Unavailable` (`engine.start`)."""
    log = ensure_home(home).logs / LOG
    try:
        with log.open("ab") as stream:
            return subprocess.Popen(
                engine_argv(home, *words),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
    except OSError as error:
        raise Unavailable(
            "engine.start", f"cannot start an engine: {error.strerror}", hint="run 'taskdeck serve'"
        ) from error


def last_words(log: Path) -> SafeText:
    """Return the last line that an engine wrote, or where to look."""
    said = log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").split("\n") if log.exists() else []
    lines = [line for line in said if line.strip()]
    return safe_line(lines[-1] if lines else f"see {log}")
