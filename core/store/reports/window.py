"""Windows: how many rows are looked at where no index leaves few of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Compare, Filter, Term, field_of
from core.store.predicates import Condition, has_index, where
from core.store.schema import event, job, task

SEARCHED = 100_000
"""Rows looked at for what neither counters nor an index give."""
_TABLES: dict[Noun, Table] = {Noun.JOBS: job, Noun.TASKS: task, Noun.EVENTS: event}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked for in which table, as SQL."""

    filter: Filter
    table: Table
    conditions: Sequence[Condition]
    """All are to hold."""
    indexed: Sequence[Condition]
    """Those whose rows an index finds."""
    ranges: Sequence[Condition]
    """Those that bound the id."""
    searches: bool
    """Rows have to be looked at before it is known whether they are meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The rows that are looked at next in order of id, `SEARCHED` at the most."""

    condition: Condition
    end: int
    """The id behind which the next stretch begins."""
    looked: int
    """Rows from the start of the list to the end of this stretch, if no id is missing."""


def question_of(filter_: Filter, *, now: int) -> Question:
    """Return what a filter asks."""
    conditions = where(filter_, now=now)
    terms = list(zip(filter_.terms, conditions, strict=True))
    return Question(
        filter=filter_,
        table=_TABLES[filter_.noun],
        conditions=conditions,
        indexed=[said for term, said in terms if has_index(filter_.noun, term)],
        ranges=[said for term, said in terms if _bounds_id(filter_.noun, term)],
        searches=not all(_bounds_id(filter_.noun, term) for term in filter_.terms),
    )


async def leaves_few(db: AsyncConnection, question: Question) -> bool:
    """Tell whether an index leaves no more rows to be looked at than `SEARCHED`."""
    if not question.indexed:
        return False
    number = question.table.c.id
    probe = select(number).where(*question.indexed).limit(1).offset(SEARCHED)
    return (await db.execute(probe)).first() is None


async def floor_of(db: AsyncConnection, question: Question) -> int | None:
    """Return the id above which the newest `SEARCHED` rows lie; None = no more are to be looked at."""
    if await leaves_few(db, question):
        return None
    number = question.table.c.id
    lowest = select(number).where(*question.ranges).order_by(number.desc()).limit(1).offset(SEARCHED)
    found = (await db.execute(lowest)).scalar()
    return None if found is None else int(found)


async def stretch_down(db: AsyncConnection, question: Question, *, after: int | None) -> Stretch | None:
    """Return the stretch below an id (None = from the newest); None = it goes to the oldest row."""
    oldest, newest = await _ends(db, question)
    floor = (newest if after is None else min(newest, after - 1)) - SEARCHED
    if floor < oldest:
        return None
    return Stretch(condition=question.table.c.id > floor, end=floor + 1, looked=newest - floor)


async def stretch_up(db: AsyncConnection, question: Question, *, after: int | None) -> Stretch | None:
    """Return the stretch above an id (None = from the oldest); None = it goes to the newest row."""
    oldest, newest = await _ends(db, question)
    ceiling = (oldest if after is None else max(oldest, after + 1)) + SEARCHED
    if ceiling > newest:
        return None
    return Stretch(condition=question.table.c.id < ceiling, end=ceiling - 1, looked=ceiling - oldest)


async def _ends(db: AsyncConnection, question: Question) -> tuple[int, int]:
    number = question.table.c.id
    query = select(number).where(*question.ranges).limit(1)
    # One by one: SQLite reads the whole table for both at once.
    oldest = (await db.execute(query.order_by(number))).scalar()
    newest = (await db.execute(query.order_by(number.desc()))).scalar()
    return oldest or 0, newest or 0


def _bounds_id(noun: Noun, term: Term) -> bool:
    return isinstance(term, Compare) and field_of(noun, term.field).name == "id"
