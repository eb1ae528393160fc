"""Pages in order of id, read by segments where rows are scanned.

Used by the keyset pages and the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.reports.paging.search import Search, Segment, is_selective, segment_above, segment_below
from core.store.reports.totals import counter_totals


@dataclass(frozen=True, slots=True, kw_only=True)
class IdPageRequest:
    """Behind which id a page begins (None = at the start), its direction, and its rows at the most."""

    after: int | None
    descending: bool
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdPage:
    """The ids of a page in order, and behind which id the next one begins (None = nothing follows)."""

    ids: Sequence[int]
    end: int | None = None
    searched: int | None = None
    """Rows scanned since the start of the list, where the page ended early for that."""


async def read_id_page(db: AsyncConnection, search: Search, request: IdPageRequest) -> IdPage:
    """Return the next page, full unless nothing follows or `SCAN_LIMIT` rows were scanned for it."""
    query = _in_order(search, request).limit(request.limit + 1)
    segment = await _next_segment(db, search, request) if search.scans else None
    if segment is None:
        return await _unbounded_page(db, query, request)
    ids = await _ids(db, query.where(segment.condition))
    if len(ids) >= request.limit:
        return IdPage(ids=ids[: request.limit], end=ids[request.limit - 1])
    if await is_selective(db, search):
        return await _unbounded_page(db, query, request)
    if request.after is None and await _are_all(db, search, len(ids)):
        return IdPage(ids=ids)
    return IdPage(ids=ids, end=segment.end, searched=segment.scanned)


async def _unbounded_page(db: AsyncConnection, query: Select[int], request: IdPageRequest) -> IdPage:
    ids = await _ids(db, query)
    return IdPage(ids=ids[: request.limit], end=ids[request.limit - 1] if len(ids) > request.limit else None)


async def _are_all(db: AsyncConnection, search: Search, number: int) -> bool:
    totals = await counter_totals(db, search.filter)
    return totals is not None and sum(totals.values()) == number


async def _next_segment(db: AsyncConnection, search: Search, request: IdPageRequest) -> Segment | None:
    next_segment = segment_below if request.descending else segment_above
    return await next_segment(db, search, after=request.after)


def _in_order(search: Search, request: IdPageRequest) -> Select[int]:
    row_id = search.table.c.id
    query = select(row_id).where(*search.conditions)
    query = query.order_by(row_id.desc() if request.descending else row_id)
    if request.after is None:
        return query
    return query.where(row_id < request.after if request.descending else row_id > request.after)


async def _ids(db: AsyncConnection, query: Select[int]) -> Sequence[int]:
    return (await db.execute(query)).scalars().all()
