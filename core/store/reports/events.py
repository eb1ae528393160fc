"""Events: pages of the history, in order of id.

Read by the control, for lists and for clients that follow.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import Invalid
from core.model.events import EventView
from core.model.records import replace
from core.model.views import Page
from core.store.reports.cursors import order_of
from core.store.reports.id_pages import IdPageRequest, read_id_page
from core.store.reports.keyset import PageKeys, bounded_limit, page_of, rows_by_id
from core.store.reports.rows import EVENTS, event_view
from core.store.reports.search import search_of
from core.store.reports.source import Source
from core.store.schema import event


class EventReports:
    """The history of the store, of one job or of one task."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def page(
        self,
        where: Filter | None = None,
        *,
        job_id: int | None = None,
        task_id: int | None = None,
        after_id: int = 0,
        limit: int = 100,
    ) -> Page[EventView]:
        """Return events with an id above `after_id` in order of id; `next` is the next `after_id`, as text.

        With `sort:-id` the newest come first, with ids below `after_id` (0 = from the newest). `next` is
        None when nothing follows yet. Raises `Invalid` (`filter.sort`) for any other order.
        """
        filter_ = where or Filter(noun=Noun.EVENTS)
        order = order_of(filter_, descending=False)
        if order.name != "id":
            raise Invalid(
                "filter.sort", "events are in order of id", hint="write 'sort:-id' for the newest first"
            )
        request = IdPageRequest(
            after=after_id or None, descending=order.descending, limit=bounded_limit(limit)
        )
        terms = (*filter_.terms, *_equals("job", job_id), *_equals("task", task_id))
        search = search_of(replace(filter_, terms=terms), now=self._source.now())
        async with self._source.snapshot() as db:
            page = await read_id_page(db, search, request)
            rows = await rows_by_id(db, EVENTS, event, page.ids)
        end = None if page.end is None else str(page.end)
        keys = PageKeys(ids=page.ids, next=end, searched=page.searched)
        return page_of([event_view(row) for row in rows], keys)


def _equals(field: str, value: int | None) -> Iterable[In]:
    return () if value is None else (In(field=field, values=(value,)),)
