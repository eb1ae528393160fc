"""Count where loose tasks stand, from the events since they were admitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from core.cli.paging import WHOLE
from core.control.api import EventQuery, ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.status import TASK_MOVES, TaskStatus
from core.model.values import INBOX

_TARGETS = {move.event: move.target for move in TASK_MOVES}
"""The status after each kind of event; both reruns wait again."""


class GroupCounts:
    """How many of some tasks of the inbox stand where; each look reads only what is new."""

    def __init__(self, deck: ReadingAPI, ids: Sequence[int]) -> None:
        self._deck = deck
        self._statuses: dict[int, TaskStatus] = dict.fromkeys(ids, TaskStatus.QUEUED)
        self._after: int | None = None
        mine = parse(f"kind:task.* task>={min(ids)}", Noun.EVENTS)
        self._query = EventQuery(job_id=INBOX, filter=mine)

    async def look(self) -> Mapping[str, int]:
        """Return the present counts by status."""
        after = await self._born() if self._after is None else self._after
        while True:
            page = await self._deck.events(self._query, after_id=after, limit=WHOLE)
            for event in page.rows:
                after = event.id
                if event.task_id in self._statuses and event.kind in _TARGETS:
                    self._statuses[event.task_id] = _TARGETS[event.kind]
            if page.next is None:
                break
            after = int(page.next)
        self._after = after
        return Counter(status.value for status in self._statuses.values())

    async def _born(self) -> int:
        # All that came before the first of them is of no concern, and may be long.
        first = await self._deck.events(EventQuery(task_id=min(self._statuses)), limit=1)
        return first.rows[0].id if first.rows else 0
