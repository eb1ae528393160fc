"""Which pool takes a head, and which gauge refuses it.

Used by the choice of `lanes`.
"""

from __future__ import annotations

from sys import maxsize
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.model.lanes import Head, Need, Room


class Round(NamedTuple):
    """Pools that take tasks together; `queue` = the one from which they do, None = any."""

    pools: frozenset[str]
    queue: str | None
    later: frozenset[str]
    """Pools that take after them."""


def rounds(room: Room) -> Iterator[Round]:
    """Yield the rounds in which pools take, in the order in which pools are asked.

    One with an order of its own takes queue by queue; others in a row take together, by one order.
    """
    together: list[str] = []
    later = list(room.free or {})
    for pool in room.free or {}:
        queues = room.listed.get(pool)
        if queues is None:
            together.append(pool)
            continue
        if together:
            later = later[len(together) :]
            yield Round(frozenset(together), None, frozenset(later))
        together = []
        later = later[1:]
        yield from (Round(frozenset({pool}), queue, frozenset(later)) for queue in queues)
    if together:
        yield Round(frozenset(together), None, frozenset())


class _Lefts(dict[int, int]):
    """What gauges have left; one that is asked for the first time is read from the room."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self._room = room

    def __missing__(self, gauge_id: int) -> int:
        left = self[gauge_id] = self._room.left(gauge_id)
        return left


class Filling:
    """Free slots and gauges as one choice fills them; nothing outside changes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._free = {pool: number for pool, number in (room.free or {}).items() if number > 0}
        self._left = _Lefts(room)
        self._needs: Sequence[Need] | None = None
        """Those of the heads at hand, which are mostly alike; they are taken of the gauges together."""
        self._fitting = self._taken = 0
        """How many more heads with these needs fit, and how many have taken since the gauges were lowered."""
        self._round: Round | None = None
        self.was_put_off = False
        """A head was left for a pool that takes later."""
        self.dear: dict[int, Need] = {}
        """Lanes whose head did not fit, and the gauge that has too little left."""

    def admit(self, head: Head) -> str | None:
        """Take a slot and all that the head needs; None = it cannot start now, and nothing was taken.

        All gauges are looked at before any is lowered. A gauge with nothing left lets nothing through, not
        even what needs nothing of it.
        """
        lacking: Need | None = None
        for pool in self._room.pools_of(head):
            if self._free.get(pool, 0) <= 0:
                continue
            needs = self._room.needs(head, pool)
            if needs is not self._needs:
                self._turn_to(needs)
            if not self._fitting:
                lacking = self._lacking(needs)
                continue
            if self._round is not None and pool in self._round.later:
                # It is asked before the pools that take now, and has not had its turn.
                self.was_put_off = True
                return None
            self._take(pool)
            return pool
        if lacking is not None:
            self.dear[head.lane_id] = lacking
        return None

    def begin(self, turn: Round) -> None:
        """Let some of the pools take, from now on."""
        self._round = turn

    @property
    def is_full(self) -> bool:
        """Return whether no pool that may take now has a free slot."""
        return not self._free if self._round is None else self._round.pools.isdisjoint(self._free)

    def _turn_to(self, needs: Sequence[Need]) -> None:
        """Lower the gauges by what was taken; count how many heads with these needs fit."""
        left = self._left
        for gauge_id, amount in self._needs or ():
            left[gauge_id] -= amount * self._taken
        self._needs, self._taken = needs, 0
        self._fitting = min([_times(left[gauge_id], amount) for gauge_id, amount in needs], default=maxsize)

    def _lacking(self, needs: Sequence[Need]) -> Need | None:
        """Return the first that does not fit."""
        self._turn_to(needs)
        return next((need for need in needs if not _times(self._left[need.gauge_id], need.amount)), None)

    def _take(self, pool: str) -> None:
        self._fitting -= 1
        self._taken += 1
        self._free[pool] -= 1
        if not self._free[pool]:
            del self._free[pool]


def _times(left: int, amount: int) -> int:
    """Return how often an amount can be taken; nothing is taken, not even nothing, where nothing is left."""
    if left <= 0:
        return 0
    return left // amount if amount else maxsize


def admit(head: Head, room: Room) -> str | None:
    """Return the pool in which a head may start now; None = none."""
    return Filling(room).admit(head)
