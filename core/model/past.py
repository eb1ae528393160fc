"""The past: jobs and tasks as they stood after an event.

Made by the store's reports; shown by commands and console. Times are ms UTC.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class PastView(Struct, frozen=True, kw_only=True):
    """How many tasks and jobs stood where after an event; only statuses that occur."""

    event: int
    """The last event of that moment: what names it in further questions."""
    at: int
    """The moment that was asked for."""
    tasks: Mapping[str, int]
    jobs: Mapping[str, int]
    """Without the inbox."""
    undone: int
    """How many events happened since."""
    missing: int = 0
    """Jobs and tasks that stood there and were deleted since, or whose status then is not known."""


class PastJob(Struct, frozen=True, kw_only=True):
    """A job as it stood, and how many of its tasks stood where."""

    id: int
    name: str
    status: str
    tasks: Mapping[str, int]
    created_at: int
    actor: str | None = None


class PastTask(Struct, frozen=True, kw_only=True):
    """A task as it stood."""

    id: int
    job_id: int
    key: str
    name: str | None
    status: str
    queue: str
    uses: str
    group: str | None
    created_at: int
    since: int | None
    """When it came to that status; None = not known."""
