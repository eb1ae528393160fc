"""Count what a filter finds: from the counters, by an index, or among the newest rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter, Glob, In, Term, field_of
from core.model.insight import Count
from core.model.status import TaskStatus
from core.model.values import INBOX
from core.store.predicates import bound
from core.store.reports import window
from core.store.reports.window import question_of
from core.store.schema import counter

_JOBS = text(
    "SELECT status, count(*) AS n FROM job INDEXED BY job_live"
    f" WHERE status IN ('ending', 'paused', 'pending', 'running') AND id != {INBOX} GROUP BY status"
)
_PAUSED = text("SELECT count(*) FROM queue WHERE paused_at IS NOT NULL")
_LAST = text("SELECT coalesce(max(id), 0) FROM event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How everything stands as of an event; only statuses that occur."""

    tasks: Mapping[str, int]
    jobs: Mapping[str, int]
    """Jobs that are not final, without the inbox."""
    paused_queues: int
    last_event: int
    """0 = nothing has ever happened."""


async def standing_of(db: AsyncConnection) -> Standing:
    """Return how everything stands, from counters and indexes."""
    jobs = (await db.execute(_JOBS)).all()
    return Standing(
        tasks=await kept_counts(db, Filter(noun=Noun.TASKS)) or {},
        jobs={row.status: row.n for row in jobs},
        paused_queues=(await db.execute(_PAUSED)).scalar_one(),
        last_event=await last_event(db),
    )


async def last_event(db: AsyncConnection) -> int:
    """Return the id of the newest event; 0 = there is none."""
    return int((await db.execute(_LAST)).scalar_one())


async def count_of(db: AsyncConnection, filter_: Filter, *, now: int) -> Count:
    """Return how many jobs, tasks or events a filter finds; see `Reports.count`."""
    kept = await kept_counts(db, filter_)
    if kept is not None:
        return Count(number=sum(kept.values()))
    question = question_of(filter_, now=now)
    query = select(func.count()).select_from(question.table).where(*question.conditions)
    floor = await window.floor_of(db, question)
    if floor is None:
        return Count(number=await _number(db, query))
    newest = query.where(question.table.c.id > floor)
    return Count(number=await _number(db, newest), searched=window.SEARCHED)


async def kept_counts(db: AsyncConnection, filter_: Filter) -> dict[str, int] | None:
    """Return the tasks that a filter finds by status, or None where the counters do not know.

    They know all tasks, and those of queues or of jobs, by status.
    """
    if filter_.noun is not Noun.TASKS:
        return None
    wanted: dict[str, set[str]] = {}
    for term in filter_.terms:
        values = _values(term)
        if values is None:
            return None
        name, chosen = values
        wanted[name] = wanted.get(name, chosen) & chosen
    if {"queue", "job"} <= wanted.keys():
        return None
    statuses = wanted.pop("status", {str(status) for status in TaskStatus})
    rows = (await db.execute(_kept(wanted))).all()
    return {row.status: row.n for row in rows if row.status in statuses}


def _kept(wanted: Mapping[str, set[str]]) -> Select[*tuple[object, ...]]:
    scope, refs = next(iter(wanted.items()), ("queue", None))
    number = func.sum(counter.c.n)
    query = select(counter.c.status, number.label("n")).where(counter.c.scope == scope)
    if refs is not None:
        query = query.where(counter.c.ref.in_([bound(ref) for ref in sorted(refs)]))
    return query.group_by(counter.c.status).having(number > 0)


def _values(term: Term) -> tuple[str, set[str]] | None:
    """Return what a term asks of a counter: status, queue or job, and the words it may be."""
    if not isinstance(term, In) or any(isinstance(value, Glob) for value in term.values):
        return None
    name = field_of(Noun.TASKS, term.field).name
    chosen = {str(value) for value in term.values}
    if name == "status" and term.negated:
        return name, {str(status) for status in TaskStatus} - chosen
    if name not in ("status", "queue", "job") or term.negated:
        return None
    return name, chosen


async def _number(db: AsyncConnection, query: Select[*tuple[int]]) -> int:
    return int((await db.execute(query)).scalar_one())
