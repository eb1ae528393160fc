"""Events: pages of the history, in order of id.

Read by the control, for lists and for clients that follow.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import Invalid
from core.model.events import EventView
from core.model.records import replace
from core.model.values import ID_MAX
from core.model.views import Page
from core.store.reports.paging.cursors import order_of
from core.store.reports.paging.id_pages import IdPage, IdPageRequest, read_id_page
from core.store.reports.paging.keyset import PageKeys, bounded_limit, page_of, rows_by_id
from core.store.reports.paging.search import search_of
from core.store.reports.past.surrounding_events import AroundJob, Stretch, read_around
from core.store.reports.rows import EVENTS, event_view
from core.store.reports.source import Source
from core.store.tables.schema import event


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
        request = _request(filter_, after_id=after_id, limit=limit)
        terms = (*filter_.terms, *_equals("job", job_id), *_equals("task", task_id))
        search = search_of(replace(filter_, terms=terms), now=self._source.now())
        async with self._source.snapshot() as db:
            return await _read(db, await read_id_page(db, search, request))

    async def story(
        self, job_id: int, where: Filter | None = None, *, after_id: int = 0, limit: int = 100
    ) -> Page[EventView]:
        """Return events of a job as `page` does, with what `read_around` finds in its place among them."""
        filter_, now = where or Filter(noun=Noun.EVENTS), self._source.now()
        request = _request(filter_, after_id=after_id, limit=limit)
        terms = (*filter_.terms, *_equals("job", job_id))
        search = search_of(replace(filter_, terms=terms), now=now)
        conditions = search_of(filter_, now=now).conditions
        async with self._source.snapshot() as db:
            page = await read_id_page(db, search, request)
            found = await read_around(db, job_id, _stretch(request, page), conditions)
            return await _read(db, _woven(page, found, request))


def _request(filter_: Filter, *, after_id: int, limit: int) -> IdPageRequest:
    order = order_of(filter_, descending=False)
    if order.name != "id":
        raise Invalid(
            "filter.sort", "events are in order of id", hint="write 'sort:-id' for the newest first"
        )
    return IdPageRequest(after=after_id or None, descending=order.descending, limit=bounded_limit(limit))


async def _read(db: AsyncConnection, page: IdPage) -> Page[EventView]:
    rows = await rows_by_id(db, EVENTS, event, page.ids)
    end = None if page.end is None else str(page.end)
    keys = PageKeys(ids=page.ids, next=end, searched=page.searched)
    return page_of([event_view(row) for row in rows], keys)


def _stretch(request: IdPageRequest, page: IdPage) -> Stretch:
    """Return the events that a page is about: from where it begins to where it ends, if it ends."""
    begin, end = request.after, page.end
    above, below = (end, begin) if request.descending else (begin, end)
    # What a page ends with is of that page.
    below = below + 1 if below is not None and not request.descending else below
    above = above - 1 if above is not None and request.descending else above
    return Stretch(
        above=0 if above is None else above,
        below=ID_MAX if below is None else below,
        descending=request.descending,
    )


def _woven(page: IdPage, found: AroundJob, request: IdPageRequest) -> IdPage:
    """Return a page with the events around the job in their places, no longer than it may be."""
    ids = sorted({*page.ids, *found.ids}, reverse=request.descending)
    end = found.end
    if end is not None:
        ids = [one for one in ids if (one >= end if request.descending else one <= end)]
    if len(ids) > request.limit:
        return IdPage(ids=ids[: request.limit], end=ids[request.limit - 1])
    return replace(page, ids=ids) if end is None else IdPage(ids=ids, end=end)


def _equals(field: str, value: int | None) -> Iterable[In]:
    return () if value is None else (In(field=field, values=(value,)),)
