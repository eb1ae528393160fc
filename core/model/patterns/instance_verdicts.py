"""What decides on a group: its instances by status, and its end.

Made by the store's writer, decided in `core.rules.instances`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from core.model.patterns.instances import AfterThreshold, OnInstanceFailure
from core.model.status import TaskStatus


class GroupTally(Struct, frozen=True, kw_only=True):
    """The instances of a group that has not ended."""

    total: int
    counts: Mapping[TaskStatus, int]
    """Those that have a row, by status."""
    needed: int | None
    """Successes that decide; None = all, without a threshold."""
    after: AfterThreshold
    on_failure: OnInstanceFailure


class GroupEnd(Struct, frozen=True, kw_only=True):
    """How a group ends, and why; an empty reason is the ordinary course."""

    is_success: bool
    reason: str = ""
