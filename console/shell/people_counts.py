"""Counts of work items: who is waited for, on every screen.

Owned by the live updates.
"""

from __future__ import annotations

from console.desk import Desk
from console.feed import People
from console.shell.navigator import Navigator
from core.model.errors import TaskdeckError
from core.model.patterns.work_items import ItemScope
from core.model.status import TASK_MOVES, TaskStatus

_HOLDING = (TaskStatus.WAITING, TaskStatus.HELD)
"""Only tasks that stand so have an open item."""
_MOVES = frozenset(move.event for move in TASK_MOVES if {*move.sources, move.target} & {*_HOLDING})


class PeopleCounts:
    """Counts the open work items after events that may have opened or ended one."""

    def __init__(self, desk: Desk, *, navigator: Navigator) -> None:
        self._desk = desk
        self._navigator = navigator

    async def follow(self, kinds: frozenset[str]) -> None:
        """Count after these events, and show it."""
        feed = self._desk.feed
        may_have_changed = kinds & _MOVES or any(kind.startswith("item.") for kind in kinds)
        if not may_have_changed:
            return
        people = People()
        if any(feed.pulse.tasks.get(status) for status in _HOLDING):
            try:
                found = await self._desk.control.work_items.list(
                    ItemScope.OVERDUE, limit=1, actor=self._desk.items.actor
                )
            except TaskdeckError:
                # The screen shows what is wrong; the next event counts again.
                return
            people = People(open=found.open, mine=found.mine, overdue=found.overdue)
        if people != feed.pulse.people:
            feed.note_people(people)
            if screen := self._navigator.current:
                screen.show_status()
