"""Pages of the past: jobs and tasks that were there, newest first.

Used by the reports of the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, column, literal_column, not_, or_, select, text
from sqlalchemy import table as sql_table
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import FIELDS, Noun
from core.filters.terms import Contains, Filter, In, Term, field_of
from core.model.errors import Invalid
from core.store.predicates import Condition, where
from core.store.reports.paging.cursors import Order, Position, decode_cursor, encode_cursor, order_of
from core.store.reports.paging.keyset import PageKeys, bounded_limit
from core.store.reports.paging.search import SCAN_LIMIT
from core.store.reports.past.past_sql import SINCE
from core.store.reports.rows import AnyRow
from core.store.tables.schema import job, task

KNOWN = {
    Noun.JOBS: ("id", "name", "status", "actor", "created"),
    Noun.TASKS: ("id", "job", "stage", "key", "name", "status", "queue", "uses", "group", "created"),
}
"""Fields that never change, and the one that is undone."""
_TABLES = {Noun.JOBS: job, Noun.TASKS: task}
_WORDS = {Noun.JOBS: "job", Noun.TASKS: "task"}
_PAST = sql_table(
    "past", column("event"), column("noun"), column("id"), column("status"), schema="temp"
).alias("undone")
_NEWEST = {noun: text(f"SELECT max(id) FROM {word}") for noun, word in _WORDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPage:
    """Which rows are asked for: those after an event that a filter finds."""

    event: int
    where: Filter
    after: str | None
    limit: int


class PastRows(NamedTuple):
    """Rows with `past_status`, and the cursor of the next page."""

    rows: Sequence[AnyRow]
    keys: PageKeys


async def read_past_page(db: AsyncConnection, page: PastPage, *, first_new: int | None, now: int) -> PastRows:
    """Return a page of rows.

    `first_new` is the lowest id of a row that was not there; None = all were.
    A page ends early when `SCAN_LIMIT` ids were looked through, unless the filter names jobs.
    """
    order = _order(page.where)
    after = None if page.after is None else decode_cursor(order, page.after).id
    limit = bounded_limit(page.limit)
    newest = (await db.execute(_NEWEST[page.where.noun])).scalar() or 0
    newest = newest if first_new is None else min(newest, first_new - 1)
    bounds = _bounds(page, order, after, newest)
    query = _query(page, now).where(*bounds.conditions)
    row_id = _TABLES[page.where.noun].c.id
    query = query.order_by(row_id.desc() if order.descending else row_id).limit(limit + 1)
    rows = (await db.execute(query)).all()
    shown, end = rows[:limit], bounds.end
    if len(rows) > limit:
        return PastRows(shown, PageKeys(ids=(), next=_cursor(order, shown[-1].id)))
    if end is None:
        return PastRows(shown, PageKeys(ids=()))
    return PastRows(shown, PageKeys(ids=(), next=_cursor(order, end), searched=bounds.searched))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    conditions: Sequence[Condition]
    end: int | None = None
    searched: int | None = None


def _bounds(page: PastPage, order: Order, after: int | None, newest: int) -> _Bounds:
    """Return which ids this page looks through."""
    row_id = _TABLES[page.where.noun].c.id
    behind = [row_id <= newest]
    if after is not None:
        behind.append(row_id < after if order.descending else row_id > after)
    if newest <= SCAN_LIMIT or any(_names_jobs(page.where.noun, term) for term in page.where.terms):
        return _Bounds(conditions=behind)
    if not order.descending:
        last = (after or 0) + SCAN_LIMIT
        end = last if last < newest else None
        return _Bounds(conditions=[*behind, row_id <= last], end=end, searched=last)
    top = newest + 1 if after is None else after
    first = top - SCAN_LIMIT
    end = first if first > 1 else None
    return _Bounds(conditions=[*behind, row_id >= first], end=end, searched=newest + 1 - first)


def _query(page: PastPage, now: int) -> Select[*tuple[object, ...]]:
    noun = page.where.noun
    rows = _TABLES[noun]
    # What has no row there has not changed since.
    status = case((_PAST.c.id.is_(None), rows.c.status), else_=_PAST.c.status)
    joined = rows.outerjoin(
        _PAST,
        and_(
            _PAST.c.event == page.event,
            _PAST.c.noun == literal_column(f"'{_WORDS[noun]}'"),
            _PAST.c.id == rows.c.id,
        ),
    )
    columns = [rows.c.id, rows.c.name, rows.c.created_at, rows.c.actor, status.label("past_status")]
    if noun is Noun.TASKS:
        columns += [task.c.job_id, task.c.key, task.c.queue, task.c.uses, task.c.grp]
        columns.append(literal_column(SINCE.format(event=page.event)).label("since"))
    conditions = [_condition(term, noun, status, now) for term in page.where.terms]
    return select(*columns).select_from(joined).where(status != literal_column("''"), *conditions)


def _condition(term: Term, noun: Noun, status: ColumnElement[str], now: int) -> Condition:
    if isinstance(term, Contains):
        return where(Filter(noun=noun, terms=(term,)), now=now)[0]
    name = field_of(noun, term.field).name
    if name not in KNOWN[noun] or (name == "status" and not isinstance(term, In)):
        raise Invalid(
            "filter.past",
            f"'{name}' is not known of an earlier moment",
            hint=f"filter by {', '.join(KNOWN[noun])}",
            facts={"field": name, "known": list(KNOWN[noun])},
        )
    if name != "status" or not isinstance(term, In):
        return where(Filter(noun=noun, terms=(term,)), now=now)[0]
    choices = next(field.choices for field in FIELDS[noun].fields if field.name == "status")
    known: list[ColumnElement[str]] = [
        literal_column(f"'{choice}'") for choice in choices if choice in term.values
    ]
    is_one = or_(literal_column("0"), status.in_(known)) if known else literal_column("0") == 1
    return not_(is_one) if term.negated else is_one


def _names_jobs(noun: Noun, term: Term) -> bool:
    """Tell whether an index finds the rows of a term."""
    return (
        noun is Noun.TASKS
        and isinstance(term, In)
        and not term.negated
        and field_of(noun, term.field).name == "job"
        and all(isinstance(value, int) for value in term.values)
    )


def _order(filter_: Filter) -> Order:
    order = order_of(filter_, descending=True)
    if order.name != "id":
        raise Invalid(
            "filter.sort",
            "rows of an earlier moment are in order of id",
            hint="write 'sort:id' or 'sort:-id'",
        )
    return order


def _cursor(order: Order, row_id: int) -> str:
    return encode_cursor(order, Position(value=row_id, id=row_id))
