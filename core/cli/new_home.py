"""The configuration that a built-in workflow brings to a new data directory.

Used by `run`.
"""

from __future__ import annotations

from pathlib import Path

from core.files.writing import write_new
from core.model.paths import Paths, ensure_home, is_ours


def write_configuration(home: Path, text: bytes) -> Path | None:
    """Write config.toml of a data directory that was never used; return its path, None where it was.

    One that is there, also of a directory that is prepared for its first use, is the operator's. Raises as
    `ensure_home` does.
    """
    path = Paths(home=home).config
    if is_ours(home):
        return None
    ensure_home(home)
    try:
        write_new(path, text)
    except OSError:
        # Another has written one meanwhile, or nothing can be written: the engine says what it needs.
        return None
    return path
