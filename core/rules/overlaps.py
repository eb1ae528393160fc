"""Overlaps: what becomes of a fire beside unfinished ones.

Passed to the store's writer.
"""

from __future__ import annotations

from core.model.decisions import FireDecision
from core.model.timing.schedules import QUEUED_MAX, FireStatus, Overlap


def decide_fire(overlap: Overlap, *, open_jobs: int, waiting: int) -> FireDecision:
    """Return what becomes of a fire: `open_jobs` have not ended, `waiting` fires wait already."""
    if overlap is Overlap.ALLOW or not (open_jobs or waiting):
        return FireDecision(status=FireStatus.SUBMITTED)
    match overlap:
        case Overlap.SKIP:
            return FireDecision(status=FireStatus.SKIPPED, reason="a job of an earlier fire has not ended")
        case Overlap.REPLACE:
            return FireDecision(status=FireStatus.WAITING, is_replacing=True)
        case Overlap.QUEUE:
            pass
    if waiting >= QUEUED_MAX:
        return FireDecision(status=FireStatus.MISSED, reason=f"{QUEUED_MAX} fires wait already")
    return FireDecision(status=FireStatus.WAITING)
