"""What tells a file from a later one of the same name.

Used by the server of the control and by `core.app`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIdentity:
    """Device and inode: no other file has them as long as this one is open."""

    device: int
    inode: int


def file_identity(path: Path) -> FileIdentity | None:
    """Return the identity of what a path names, a link itself; None = there is nothing, or no way to it."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return FileIdentity(device=status.st_dev, inode=status.st_ino)
