"""Count loose tasks by status, from the events since they were admitted.

Used by the commands `exec` and `map` for their progress.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from core.cli.paging import PAGE_ROWS
from core.control.api import EventQuery, ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.status import TASK_MOVES, TaskStatus
from core.model.values import INBOX

_TARGETS = {move.event: move.target for move in TASK_MOVES}
"""The status after each kind of event."""


class GroupCounts:
    """The counts by status of some tasks of the inbox; each update reads only new events."""

    def __init__(self, deck: ReadingAPI, ids: Sequence[int]) -> None:
        self._deck = deck
        self._statuses: dict[int, TaskStatus] = dict.fromkeys(ids, TaskStatus.QUEUED)
        self._after: int | None = None
        mine = parse(f"kind:task.* task>={min(ids)}", Noun.EVENTS)
        self._query = EventQuery(job_id=INBOX, filter=mine)

    async def update(self) -> Mapping[str, int]:
        """Return the counts as of now."""
        after = await self._before_first() if self._after is None else self._after
        while True:
            page = await self._deck.events(self._query, after_id=after, limit=PAGE_ROWS)
            for event in page.rows:
                after = event.id
                if event.task_id in self._statuses and event.kind in _TARGETS:
                    self._statuses[event.task_id] = _TARGETS[event.kind]
            if page.next is None:
                break
            after = int(page.next)
        self._after = after
        return Counter(status.value for status in self._statuses.values())

    async def _before_first(self) -> int:
        # The events before those of the first task do not matter, and may be many.
        first = await self._deck.events(EventQuery(task_id=min(self._statuses)), limit=1)
        return first.rows[0].id if first.rows else 0
