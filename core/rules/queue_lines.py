"""Queued tasks of lanes, and those that are chosen ahead.

Used by the simulation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Sequence
from operator import attrgetter

from core.model.lanes import Head, Picks

AHEAD_MAX = 256
"""Tasks that are chosen before their slots are free, at the most."""
_in_order = attrgetter("sort_key", "task_id")


class Line:
    """The queued tasks of a lane; what has begun is taken from its front."""

    __slots__ = ("_asked", "_first", "_heads")

    def __init__(self, heads: Sequence[Head]) -> None:
        self._heads = list(heads)
        self._first = self._asked = 0

    def front(self) -> Head:
        """Return the first task; those behind it are looked at from the start again."""
        self._asked = 0
        return self._heads[self._first]

    def further(self) -> Head | None:
        """Return the task behind the last one that was looked at; None = it was the last."""
        self._asked += 1
        number = self._first + self._asked
        return self._heads[number] if number < len(self._heads) else None

    def begin(self) -> bool:
        """Take the first task; return whether there is another."""
        self._first += 1
        return self._first < len(self._heads)

    def add(self, head: Head) -> int:
        """Put a task into its place; return how many are before it."""
        place = bisect_right(self._heads, _in_order(head), lo=self._first, key=_in_order)
        self._heads.insert(place, head)
        return place - self._first


class Ahead:
    """Tasks that were chosen before their slots were free, in order."""

    __slots__ = ("_chosen", "_of_lane", "chosen_at", "heads", "number", "vtimes")

    def __init__(self) -> None:
        self.heads: deque[Head] = deque()
        self.number = 1
        """How many are chosen the next time."""
        self.chosen_at = 0
        self.vtimes: dict[int, int] = {}
        """Of the jobs, as far as tasks were taken."""
        self._chosen = 0
        self._of_lane: Counter[int] = Counter()

    def fill(self, picks: Picks, number: int, *, now: int) -> None:
        """Hold the first of what was chosen; the next time it may be more."""
        self.heads = deque(picks.heads[:number])
        self.chosen_at = now
        self._chosen = len(picks.heads)
        self.number = min(AHEAD_MAX, 2 * self._chosen)
        self.vtimes = dict(picks.vtimes)
        self._of_lane = Counter(head.lane_id for head in self.heads)
        for head in picks.heads:
            self.vtimes[head.job_id] -= 1

    def take(self) -> Head:
        """Return the next of them, which begins."""
        head = self.heads.popleft()
        self.vtimes[head.job_id] += 1
        self._of_lane[head.lane_id] -= 1
        return head

    def arrive(self, lane_id: int, before: int) -> None:
        """Choose again when a task has come to a lane in a place to which the choice has looked."""
        if self.heads and before <= self._of_lane[lane_id]:
            self.heads.clear()
            self.number = max(1, self._chosen // 2)
