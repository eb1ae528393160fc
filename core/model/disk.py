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


class StoreRoom(Struct, frozen=True, kw_only=True):
    """Pages of the file of a store."""

    pages: int
    unused: int
    """New rows take these first."""
    page_size: int
    is_shrinking: bool
    """An engine gives free pages back; else the file is rewritten by `compact`."""

    @property
    def is_worth_it(self) -> bool:
        """Return whether so much is free that the file should be smaller."""
        return self.unused >= LEAST_PAGES and SHARE * self.unused >= self.pages


LEAST_PAGES = 256
"""Free pages (1 MiB) that stay in a store for new rows."""
SHARE = 10
"""A tenth of a store and more is not left free."""


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
    unused_pages: int = 0
    is_shrinking: bool = True
    """An engine gives free pages of the store back; else `compact` does."""
