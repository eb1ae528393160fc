"""Counts: how many rows match a filter, or a verb would change.

Read from the store; shown by the console before it asks for a change.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Count(Struct, frozen=True, kw_only=True):
    """How many rows a filter finds.

    Exact when `searched` is None; otherwise only the newest `searched` rows were looked at.
    """

    number: int
    searched: int | None = None


class Preview(Struct, frozen=True, kw_only=True):
    """What a verb on a filter would act on, as of an event."""

    as_of: int
    """The newest event when this was judged, or the one that was asked for."""
    number: int
    by_status: Mapping[str, int]
    first: tuple[int, ...]
    """The lowest ids, at most five."""
    since: int = 0
    """Tasks that the filter finds now, but that changed after `as_of`: a verb leaves them alone."""
