"""Which tasks have changed since an event.

Used by the picker of a list screen.
"""

from __future__ import annotations

from collections.abc import Collection

from core.control.api import ControlAPI, EventQuery
from core.filters.fields import Noun
from core.filters.terms import Filter, In

_EVENTS = 2_000
_PAGES = 20
"""Pages of events that are read: of the rows in memory there are hardly more."""


async def changed_since(control: ControlAPI, task_ids: Collection[int], *, as_of: int) -> frozenset[int]:
    """Return which of some tasks have an event after another one; beyond a bound all of them."""
    if not task_ids:
        return frozenset()
    only = Filter(noun=Noun.EVENTS, terms=(In(field="task", values=tuple(task_ids)),))
    changed: set[int] = set()
    after = as_of
    for _ in range(_PAGES):
        page = await control.events(EventQuery(filter=only), after_id=after, limit=_EVENTS)
        changed |= {event.task_id for event in page.rows if event.task_id is not None}
        if page.next is None:
            return frozenset(changed)
        after = int(page.next)
    return frozenset(task_ids)
