"""Room on the disk of the outputs: how much is free.

Asked by `Outputs` for the engine's janitor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import host
from core.model.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What has to be free on a disk."""

    free_bytes: int
    free_files: int
    """A task makes some six files and folders."""


def short_disk(existing: Path, least: Room, *, root: Path) -> Unavailable | None:
    """Return why the disk of an existing path, below which `root` lies, has no room; None = it has."""
    left, files = host.free_bytes(existing), host.free_files(existing)
    if left < least.free_bytes:
        return Unavailable(
            "short.disk",
            f"less than {least.free_bytes // _MIB:,} MiB are free on the disk of {root}",
            hint="free room on that disk: the engine sees it by itself",
            facts={"path": str(root), "free": left, "least": least.free_bytes},
        )
    if files is not None and files < least.free_files:
        return Unavailable(
            "short.inodes",
            f"fewer than {least.free_files:,} files can still be created on the disk of {root}",
            hint="remove files from that disk: the engine sees it by itself",
            facts={"path": str(root), "free": files, "least": least.free_files},
        )
    return None
