"""Search: a filter as SQL, and how many rows it may scan.

Used by the lists of this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Compare, Filter, Term, field_of
from core.store.predicates import Condition, has_index, where
from core.store.tables.schema import event, job, task

SCAN_LIMIT = 100_000
"""Rows scanned for what neither counters nor an index give."""
_TABLES: dict[Noun, Table] = {Noun.JOBS: job, Noun.TASKS: task, Noun.EVENTS: event}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched for in which table."""

    filter: Filter
    table: Table
    conditions: Sequence[Condition]
    """All are to hold."""
    indexed: Sequence[Condition]
    """Those whose rows an index finds."""
    id_bounds: Sequence[Condition]
    """Those that bound the id."""
    scans: bool
    """Rows have to be read before it is known whether they match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The rows that are scanned next in order of id, `SCAN_LIMIT` at the most."""

    condition: Condition
    end: int
    """The id behind which the next segment begins."""
    scanned: int
    """Rows from the start of the list to the end of this segment, if no id is missing."""


def search_of(filter_: Filter, *, now: int) -> Search:
    """Return the search of a filter; ages are judged at `now` (ms UTC)."""
    conditions = where(filter_, now=now)
    terms = list(zip(filter_.terms, conditions, strict=True))
    return Search(
        filter=filter_,
        table=_TABLES[filter_.noun],
        conditions=conditions,
        indexed=[condition for term, condition in terms if has_index(filter_.noun, term)],
        id_bounds=[condition for term, condition in terms if _bounds_id(filter_.noun, term)],
        scans=not all(_bounds_id(filter_.noun, term) for term in filter_.terms),
    )


async def is_selective(db: AsyncConnection, search: Search) -> bool:
    """Tell whether an index leaves no more than `SCAN_LIMIT` rows to be scanned."""
    if not search.indexed:
        return False
    row_id = search.table.c.id
    probe = select(row_id).where(*search.indexed).limit(1).offset(SCAN_LIMIT)
    return (await db.execute(probe)).first() is None


async def scan_floor(db: AsyncConnection, search: Search) -> int | None:
    """Return the id above which the newest `SCAN_LIMIT` rows are; None = fewer are to be scanned."""
    if await is_selective(db, search):
        return None
    row_id = search.table.c.id
    lowest = select(row_id).where(*search.id_bounds).order_by(row_id.desc()).limit(1).offset(SCAN_LIMIT)
    floor = (await db.execute(lowest)).scalar()
    return None if floor is None else int(floor)


async def segment_below(db: AsyncConnection, search: Search, *, after: int | None) -> Segment | None:
    """Return the segment below an id (None = from the newest); None = it goes to the oldest row."""
    oldest, newest = await _first_and_last_id(db, search)
    floor = (newest if after is None else min(newest, after - 1)) - SCAN_LIMIT
    if floor < oldest:
        return None
    return Segment(condition=search.table.c.id > floor, end=floor + 1, scanned=newest - floor)


async def segment_above(db: AsyncConnection, search: Search, *, after: int | None) -> Segment | None:
    """Return the segment above an id (None = from the oldest); None = it goes to the newest row."""
    oldest, newest = await _first_and_last_id(db, search)
    ceiling = (oldest if after is None else max(oldest, after + 1)) + SCAN_LIMIT
    if ceiling > newest:
        return None
    return Segment(condition=search.table.c.id < ceiling, end=ceiling - 1, scanned=ceiling - oldest)


class _Ids(NamedTuple):
    """The first and the last id; 0 = there is none."""

    oldest: int
    newest: int


async def _first_and_last_id(db: AsyncConnection, search: Search) -> _Ids:
    row_id = search.table.c.id
    query = select(row_id).where(*search.id_bounds).limit(1)
    # One by one: SQLite reads the whole table for both at once.
    oldest = (await db.execute(query.order_by(row_id))).scalar()
    newest = (await db.execute(query.order_by(row_id.desc()))).scalar()
    return _Ids(oldest or 0, newest or 0)


def _bounds_id(noun: Noun, term: Term) -> bool:
    return isinstance(term, Compare) and field_of(noun, term.field).name == "id"
