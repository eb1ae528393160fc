"""Walk a list in order of id: stretch by stretch where rows have to be searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.reports.counting import kept_counts
from core.store.reports.window import Question, Stretch, leaves_few, stretch_down, stretch_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Behind which id a page begins (None = at the start), which way it goes, and its rows at the most."""

    after: int | None
    descending: bool
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The ids of a page in order, and behind which id the next one begins (None = nothing follows)."""

    ids: Sequence[int]
    end: int | None = None
    searched: int | None = None
    """Rows looked at since the start of the list, where the page ended early for that."""


async def walk_on(db: AsyncConnection, question: Question, walk: Walk) -> Found:
    """Return the next page, full unless nothing follows or `SEARCHED` rows were looked at for it."""
    query = _in_order(question, walk).limit(walk.limit + 1)
    stretch = await _stretch(db, question, walk) if question.searches else None
    if stretch is None:
        return await _full(db, query, walk)
    ids = await _numbers(db, query.where(stretch.condition))
    if len(ids) >= walk.limit:
        return Found(ids=ids[: walk.limit], end=ids[walk.limit - 1])
    if await leaves_few(db, question):
        return await _full(db, query, walk)
    if walk.after is None and await _are_all(db, question, len(ids)):
        return Found(ids=ids)
    return Found(ids=ids, end=stretch.end, searched=stretch.looked)


async def _full(db: AsyncConnection, query: Select[*tuple[int]], walk: Walk) -> Found:
    ids = await _numbers(db, query)
    return Found(ids=ids[: walk.limit], end=ids[walk.limit - 1] if len(ids) > walk.limit else None)


async def _are_all(db: AsyncConnection, question: Question, number: int) -> bool:
    kept = await kept_counts(db, question.filter)
    return kept is not None and sum(kept.values()) == number


async def _stretch(db: AsyncConnection, question: Question, walk: Walk) -> Stretch | None:
    stretch = stretch_down if walk.descending else stretch_up
    return await stretch(db, question, after=walk.after)


def _in_order(question: Question, walk: Walk) -> Select[*tuple[int]]:
    number = question.table.c.id
    query = select(number).where(*question.conditions)
    query = query.order_by(number.desc() if walk.descending else number)
    if walk.after is None:
        return query
    return query.where(number < walk.after if walk.descending else number > walk.after)


async def _numbers(db: AsyncConnection, query: Select[*tuple[int]]) -> Sequence[int]:
    return (await db.execute(query)).scalars().all()
