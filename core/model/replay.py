"""Replay: a job as its events tell that it stood.

Made by the store's reports; shown by commands and console. Times are ms UTC.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.views import JobView, StageView


class JobAt(Struct, frozen=True, kw_only=True):
    """A job and its stages after an event; counts hold the tasks that were there then."""

    event: int
    """The last event of the job that is counted."""
    at: int
    """When that was."""
    job: JobView
    stages: tuple[StageView, ...]
    later: int
    """How many events of the job came after it."""
    unknown: int = 0
    """Tasks of which nothing tells how they stood: their first events are gone."""
    is_trimmed: bool = False
    """The first events of the job itself are gone, or its tasks are being deleted."""
