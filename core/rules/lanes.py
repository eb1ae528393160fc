"""Choose tasks from the heads of open lanes: order, aging, fairness.

Called by the store's claim, through `writer`.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from operator import attrgetter
from typing import TYPE_CHECKING

from core.model.bounds import PRIORITY_MAX
from core.model.lanes import ANY_SLOT, Picks
from core.rules.room import Filling, rounds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from core.model.lanes import Further, Head, Room

    _Waiting: TypeAlias = tuple[int, int, Head, bool]
    """Sort key and id, by which the heads of a job are in order; True = what is behind one, not read yet."""

LEVEL_MAX = 2 * PRIORITY_MAX
"""Age lifts a task to this level at most; there all wait their turn by fair share."""
WINDOW = 10
"""How many picks a job that was idle or outranked may be ahead of the front."""

_in_order = attrgetter("sort_key", "task_id")
_sort_key = attrgetter("sort_key")


def sort_key(eligible_at: int, priority: int, *, aging_step: int) -> int:
    """Return the key a task gets when it is queued; lower is earlier.

    `eligible_at` in ms UTC; `aging_step` = ms of waiting that weigh as much as one priority level. The
    key never changes: every task of a lane ages alike, so their order stays.
    """
    return eligible_at - priority * aging_step


def effective_level(key: int, *, now: int, aging_step: int) -> int:
    """Return floor(priority + age / aging_step), between 0 and `LEVEL_MAX`, from a sort key."""
    return min(LEVEL_MAX, max(0, (now - key) // aging_step))


def choose(
    heads: Sequence[Head],
    slots: int,
    *,
    now: int,
    aging_step: int,
    room: Room = ANY_SLOT,
) -> Picks:
    """Choose at most `slots` tasks from the heads of the open lanes.

    The highest whole level comes first. Within a level the job with the lowest virtual time, then the
    lowest sort key, then the lowest id; each pick raises its job's virtual time by 1. A job further than
    `WINDOW` behind the front is lifted to it, so that no job saves up turns while it is idle. Of every
    lane the picks are a prefix of its queue in (sort_key, id) order. The heads may come in any order; with
    `room.further` they are the first of each lane, and what is behind a picked one is asked for. With
    `room.free` a head also needs a slot of a pool that drains its queue and enough of each of its gauges;
    what is behind one that does not fit waits with it, while other lanes go on. All that holds in each round
    of pools, where pools of `room.listed` take from the first of their queues first.
    """
    if not heads or slots <= 0:
        return Picks(vtimes={})
    if room.free is None and room.further is None and _one_job(heads):
        return _choose_of_one_job(heads, slots)
    front = max(map(attrgetter("vtime"), heads))
    filling = None if room.free is None else Filling(room)
    choice = _Choice(now, aging_step, room.further or _nothing_further, filling)
    behind = front - WINDOW
    choice.vtimes = {head.job_id: vtime if (vtime := head.vtime) > behind else behind for head in heads}
    if filling is None or not room.listed:
        choice.begin(heads)
        chosen = choice.take(slots)
    else:
        chosen = _choose_in_rounds(heads, slots, choice=choice, filling=filling, room=room)
    return Picks(
        task_ids=tuple(head.task_id for head in chosen),
        vtimes={head.job_id: choice.vtimes[head.job_id] for head in chosen},
        heads=() if filling is None else tuple(chosen),
        pools=tuple(choice.pools),
        dear={} if filling is None else filling.dear,
    )


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


def _choose_in_rounds(
    heads: Sequence[Head], slots: int, *, choice: _Choice, filling: Filling, room: Room
) -> list[Head]:
    waiting = list(heads)
    chosen: list[Head] = []
    before = -1
    # Again where a task was left for a pool that is full by now: it may start in one that is asked before.
    while before < len(chosen) < slots and (before < 0 or filling.was_put_off):
        before, filling.was_put_off = len(chosen), False
        for turn in rounds(room):
            filling.begin(turn)
            choice.begin([head for head in waiting if turn.queue in (None, head.queue)])
            taken = choice.take(slots - len(chosen))
            chosen += taken
            choice.read_behind()
            gone = {head.task_id for head in taken}
            waiting = [head for head in (*waiting, *choice.behind) if head.task_id not in gone]
    return chosen


def _nothing_further(_: Head) -> None:
    return None


class _Choice:
    """Heads by level; take them level by level, in turns among the jobs of one."""

    def __init__(self, now: int, aging_step: int, further: Further, filling: Filling | None) -> None:
        self._now = now
        self._aging_step = aging_step
        self._further = further
        self._filling = filling
        self.pools: list[str] = []
        """Those of the picks, in their order."""
        self._waiting: list[Head] = []
        """In order, so that those of the highest level come first."""
        self.vtimes: dict[int, int] = {}
        """Virtual times of the jobs; each pick raises one."""
        self.behind: list[Head] = []
        """Those that were found behind picks of this round."""
        self._unread: list[Head] = []
        """Picks of this round whose lanes were not read further."""

    def begin(self, heads: Sequence[Head]) -> None:
        """Begin a round with some heads, one of each lane."""
        self._waiting = sorted(heads, key=_in_order)
        self.behind.clear()
        self._unread.clear()

    def take(self, slots: int) -> list[Head]:
        """Return the picks in order."""
        taken: list[Head] = []
        while self._waiting and len(taken) < slots and not self._is_full():
            level = self._level(self._waiting[0])
            taken += self._take_of_level(level, slots - len(taken))
        return taken

    def _take_of_level(self, level: int, slots: int) -> list[Head]:
        waiting: dict[int, list[_Waiting]] = {}
        # A list in order is a heap.
        for head in self._pop_level(level):
            waiting.setdefault(head.job_id, []).append((head.sort_key, head.task_id, head, False))
        turns = [(self.vtimes[job], *mine[0][:2], job) for job, mine in waiting.items()]
        heapq.heapify(turns)
        taken: list[Head] = []
        while turns and len(taken) < slots and not self._is_full():
            job = turns[0][3]
            mine = waiting[job]
            *_, head, is_behind = heapq.heappop(mine)
            if is_behind:
                self._look_behind(head, level, mine)
            elif self._admits(head):
                taken.append(head)
                self.vtimes[job] += 1
                # What is behind it is read when it may be its turn: its key is not below this one.
                heapq.heappush(mine, (head.sort_key, head.task_id, head, True))
            if mine:
                heapq.heapreplace(turns, (self.vtimes[job], *mine[0][:2], job))
            else:
                heapq.heappop(turns)
        self._unread += [head for mine in waiting.values() for *_, head, is_behind in mine if is_behind]
        return taken

    def read_behind(self) -> None:
        """Read what is behind those picks of this round whose lanes were not read further."""
        self.behind += [behind for head in self._unread if (behind := self._further(head)) is not None]
        self._unread.clear()

    def _is_full(self) -> bool:
        return self._filling is not None and self._filling.is_full

    def _admits(self, head: Head) -> bool:
        if self._filling is None:
            return True
        pool = self._filling.admit(head)
        if pool is None:
            return False
        self.pools.append(pool)
        return True

    def _look_behind(self, head: Head, level: int, mine: list[_Waiting]) -> None:
        behind = self._further(head)
        if behind is None:
            return
        self.behind.append(behind)
        if self._level(behind) == level:
            heapq.heappush(mine, (behind.sort_key, behind.task_id, behind, False))
        else:
            # It waits less long: its level is lower.
            insort(self._waiting, behind, key=_in_order)

    def _pop_level(self, level: int) -> list[Head]:
        """Take out the heads of the highest level: all whose keys are below that of the next one."""
        end = len(self._waiting)
        if level > 0:
            end = bisect_right(self._waiting, self._now - level * self._aging_step, key=_sort_key)
        found, self._waiting = self._waiting[:end], self._waiting[end:]
        return found

    def _level(self, head: Head) -> int:
        return effective_level(head.sort_key, now=self._now, aging_step=self._aging_step)
