"""What takes the room of a data directory.

Made by the control; shown by the command `disk`.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ShareOf(StrEnum):
    """What a share of the outputs is of."""

    WORKFLOW = "workflow"
    JOB = "job"
    AGE = "age"


class OutputShare(Struct, frozen=True, kw_only=True):
    """Outputs of one workflow, job or age; loose tasks are those of job 1."""

    of: ShareOf
    name: str
    tasks: int
    bytes: int


class DiskView(Struct, frozen=True, kw_only=True):
    """Sizes in bytes on disk."""

    store: int
    wal: int
    free_pages: int
    """Of the store: room in it that new rows take first."""
    logs: int
    copies: int
    """The store as it was before upgrades."""
    outputs: int
    folders: int
    """Of tasks, that were looked at."""
    is_partial: bool
    """There are more outputs than were looked at."""
    shares: tuple[OutputShare, ...]
    """The largest of each kind first."""
    disk_free: int
    files_free: int | None
