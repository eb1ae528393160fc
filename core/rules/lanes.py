"""Choose tasks from the heads of open lanes: order, aging, fairness.

Called by the store's claim, through `writer`.
"""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING

from core.model.bounds import PRIORITY_MAX
from core.model.lanes import Picks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.model.lanes import Head

LEVEL_MAX = 2 * PRIORITY_MAX
"""Age lifts a task to this level at most; there all wait their turn by fair share."""
WINDOW = 10
"""How many picks a job that was idle or outranked may be ahead of the front."""

_in_order = attrgetter("sort_key", "task_id")


def sort_key(eligible_at: int, priority: int, *, aging_step: int) -> int:
    """Return the key a task gets when it is queued; lower is earlier.

    `eligible_at` in ms UTC; `aging_step` = ms of waiting that weigh as much as one priority level. The
    key never changes: every task of a lane ages alike, so their order stays.
    """
    return eligible_at - priority * aging_step


def effective_level(key: int, *, now: int, aging_step: int) -> int:
    """Return floor(priority + age / aging_step), between 0 and `LEVEL_MAX`, from a sort key."""
    return min(LEVEL_MAX, max(0, (now - key) // aging_step))


def choose(heads: Sequence[Head], slots: int, *, now: int, aging_step: int, window: int = WINDOW) -> Picks:
    """Choose at most `slots` tasks from the heads of the open lanes.

    The highest whole level comes first. Within a level the job with the lowest virtual time, then the
    lowest sort key, then the lowest id; each pick raises its job's virtual time by 1. A job further than
    `window` behind the front is lifted to it, so that no job saves up turns while it is idle. Of every
    lane the picks are a prefix of its heads in (sort_key, id) order; the heads may come in any order.
    """
    if not heads or slots <= 0:
        return Picks(vtimes={})
    if _one_job(heads):
        return _choose_of_one_job(heads, slots)
    front = max(head.vtime for head in heads)
    vtimes = {head.job_id: max(head.vtime, front - window) for head in heads}
    levels: dict[int, list[Head]] = {}
    for head in heads:
        levels.setdefault(effective_level(head.sort_key, now=now, aging_step=aging_step), []).append(head)
    chosen: list[int] = []
    touched: set[int] = set()
    for level in sorted(levels, reverse=True):
        for head in _take_turns(levels[level], vtimes, slots - len(chosen)):
            chosen.append(head.task_id)
            touched.add(head.job_id)
        if len(chosen) >= slots:
            break
    return Picks(task_ids=tuple(chosen), vtimes={job: vtimes[job] for job in touched})


def _one_job(heads: Sequence[Head]) -> bool:
    first = heads[0].job_id
    return all(head.job_id == first for head in heads)


def _choose_of_one_job(heads: Sequence[Head], slots: int) -> Picks:
    # A lower sort key never has a lower level: without rivals the order of the keys is the whole rule.
    chosen = sorted(heads, key=_in_order)[:slots]
    first = chosen[0]
    return Picks(
        task_ids=tuple(head.task_id for head in chosen), vtimes={first.job_id: first.vtime + len(chosen)}
    )


def _take_turns(heads: Iterable[Head], vtimes: dict[int, int], slots: int) -> list[Head]:
    """Take turns among the jobs of one level; raises `vtimes` in place."""
    waiting: dict[int, list[Head]] = {}
    for head in sorted(heads, key=_in_order, reverse=True):
        waiting.setdefault(head.job_id, []).append(head)
    turns = [(vtimes[job], *_in_order(mine[-1]), job) for job, mine in waiting.items()]
    heapq.heapify(turns)
    taken: list[Head] = []
    while turns and len(taken) < slots:
        job = turns[0][3]
        mine = waiting[job]
        taken.append(mine.pop())
        vtimes[job] += 1
        if mine:
            heapq.heapreplace(turns, (vtimes[job], *_in_order(mine[-1]), job))
        else:
            heapq.heappop(turns)
    return taken
