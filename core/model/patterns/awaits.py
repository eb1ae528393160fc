"""What tasks wait for: a file, another job, a poll.

Part of judgements and outcomes; kept in the table `awaited`.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class AwaitedFile(Struct, frozen=True, kw_only=True):
    """A file that has to be there, and not to have changed for `stable_ms`."""

    path: str
    root: str = ""
    """The folder that it must not lead out of, as the engine found it."""
    stable_ms: int = 0


class JobEnd(StrEnum):
    """How a job has to end."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ENDED = "ended"
    """In any way."""


class AwaitedJob(Struct, frozen=True, kw_only=True):
    """A job that has to end: by its id, by the key that it is submitted with, or the newest of a name."""

    id: int | None = None
    key: str | None = None
    name: str | None = None
    wanted: JobEnd = JobEnd.SUCCEEDED


class Poll(Struct, frozen=True, kw_only=True):
    """An answer that is asked for again and again, outside a slot."""

    every_ms: int
    url: str | None = None
    """Where to ask, as the first answer said it; None = as the first time."""
