"""Decide how a group of instances ends.

Called by the store's writer, through `writer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.patterns.instance_verdicts import GroupEnd
from core.model.patterns.instances import AfterThreshold, OnInstanceFailure
from core.model.status import TASK_FINAL, TaskStatus

if TYPE_CHECKING:
    from core.model.patterns.instance_verdicts import GroupTally

_BAD = (TaskStatus.FAILED, TaskStatus.CANCELLED)


def decide_group(tally: GroupTally) -> GroupEnd | None:
    """Return how a group ends with its instances as they stand; None = that is open.

    Skipped instances count neither as successes nor as failures.
    """
    if tally.needed is not None:
        return _by_threshold(tally, tally.needed)
    failed = tally.counts.get(TaskStatus.FAILED, 0)
    if failed and tally.on_failure is OnInstanceFailure.STOP:
        return GroupEnd(is_success=False, reason=_named(tally))
    if _open(tally):
        return None
    if not any(tally.counts.get(status) for status in _BAD):
        return GroupEnd(is_success=True)
    return GroupEnd(is_success=tally.on_failure is OnInstanceFailure.CONTINUE, reason=_named(tally))


def _by_threshold(tally: GroupTally, needed: int) -> GroupEnd | None:
    succeeded = tally.counts.get(TaskStatus.SUCCEEDED, 0)
    if succeeded >= needed:
        # The others run on: all of them have to be there before their group ends.
        is_whole = sum(tally.counts.values()) >= tally.total
        if tally.after is AfterThreshold.RUN_ALL and not is_whole:
            return None
        return GroupEnd(
            is_success=True,
            reason=f"{succeeded:,} of {tally.total:,} instances succeeded, {needed:,} were needed",
        )
    if succeeded + _open(tally) < needed:
        return GroupEnd(is_success=False, reason=f"{_named(tally)}: {needed:,} successes cannot be reached")
    return None


def _open(tally: GroupTally) -> int:
    return tally.total - sum(tally.counts.get(status, 0) for status in TASK_FINAL)


def _named(tally: GroupTally) -> str:
    said = [
        f"{number:,} {'was' if number == 1 else 'were'} cancelled"
        if status is TaskStatus.CANCELLED
        else f"{number:,} {status}"
        for status in (*_BAD, TaskStatus.SKIPPED)
        if (number := tally.counts.get(status, 0)) and (status in _BAD or tally.needed is not None)
    ]
    all_ = "of 1 instance" if tally.total == 1 else f"of {tally.total:,} instances"
    return f"{all_} {' and '.join(said)}" if said else all_
