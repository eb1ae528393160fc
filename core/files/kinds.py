"""What a path is, without ever raising.

Used by every room that only asks whether something is there.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Those of pathlib raise for a folder that may not be entered and for a name that is too long; here such a
# path is none of it. Where the reason matters, open the file and let its error say it.


def exists(path: Path) -> bool:
    """Return whether there is anything, links followed; False where it cannot be known."""
    return os.path.exists(path)  # noqa: PTH110 - does not raise


def is_file(path: Path) -> bool:
    """Return whether it is a regular file, links followed; False where it cannot be known."""
    return os.path.isfile(path)  # noqa: PTH113 - does not raise


def is_dir(path: Path) -> bool:
    """Return whether it is a directory, links followed; False where it cannot be known."""
    return os.path.isdir(path)  # noqa: PTH112 - does not raise


def is_link(path: Path) -> bool:
    """Return whether it is a symbolic link; False where it cannot be known."""
    return os.path.islink(path)  # noqa: PTH114 - does not raise


def is_stream(path: Path) -> bool:
    """Return whether it is a pipe, a socket or a character device; False where it cannot be known."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - as its neighbours
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)
