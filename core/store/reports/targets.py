"""What a verb on all tasks of a filter acts on, now or as of an earlier event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.errors import Invalid
from core.model.insight import Preview
from core.store.predicates import Condition, where
from core.store.reports.counting import kept_counts, last_event
from core.store.schema import event, task
from core.store.sql import ids

FIRST = 5
"""Ids that a preview names."""
EVENTS = 100_000
"""Events that are gone through to find what changed; of more, each task is looked up instead."""
_BIG = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """The tasks of a filter, without those that changed after an event (None = all), or are named."""

    filter: Filter
    as_of: int | None = None
    excluding: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Refuse a filter on anything but tasks."""
        if self.filter.noun is not Noun.TASKS:
            raise Invalid(
                "target.unfit",
                f"this verb acts on tasks, not on {self.filter.noun}",
                hint="name tasks, by id or by a filter on tasks",
            )

    def conditions(self, *, now: int) -> list[Condition]:
        """Return what SQL asks of the tasks that are left, made for reading them in order of id."""
        found = where(self.filter, now=now)
        if self.excluding:
            found.append(not_(_named(self.excluding)))
        if self.as_of is not None:
            # Task by task: a bite reads few tasks, and all that changed since may be many.
            found.append(not_(_changed(self.as_of)))
        return found


async def preview_of(db: AsyncConnection, aim: Aim, *, now: int) -> Preview:
    """Return what a verb would act on.

    Counts no task where the counters know the filter; otherwise one pass over what its index finds, or
    over all tasks. What changed since costs a look at each event since, or at each task of the filter.
    """
    newest = await last_event(db)
    as_of = newest if aim.as_of is None else aim.as_of
    conditions = where(aim.filter, now=now)
    kept = await kept_counts(db, aim.filter)
    left = Counter(await _by_status(db, conditions) if kept is None else kept)
    if aim.excluding:
        left -= Counter(await _by_status(db, [*conditions, _named(aim.excluding)]))
        conditions.append(not_(_named(aim.excluding)))
    since = Counter(await _by_status(db, [*conditions, _since(as_of, newest)]) if as_of < newest else {})
    left -= since
    return Preview(
        as_of=as_of,
        number=left.total(),
        by_status=dict(left),
        first=await _first(db, aim, now=now) if left else (),
        since=since.total(),
    )


async def _by_status(db: AsyncConnection, conditions: Sequence[Condition]) -> dict[str, int]:
    query = select(task.c.status, func.count().label("n")).where(*conditions).group_by(task.c.status)
    return {row.status: row.n for row in (await db.execute(query)).all()}


async def _first(db: AsyncConnection, aim: Aim, *, now: int) -> tuple[int, ...]:
    query = select(task.c.id).where(*aim.conditions(now=now)).order_by(task.c.id).limit(FIRST)
    return tuple((await db.execute(query)).scalars())


def _since(as_of: int, newest: int) -> Condition:
    """Return the cheaper way to find what changed: from few events to their tasks, or task by task."""
    if newest - as_of > EVENTS:
        return _changed(as_of)
    later = select(event.c.task_id).where(event.c.id > _moment(as_of), event.c.task_id.is_not(None))
    return task.c.id.in_(later)


def _changed(as_of: int) -> Condition:
    return exists().where(event.c.task_id == task.c.id, event.c.id > _moment(as_of))


def _named(task_ids: Sequence[int]) -> Condition:
    return task.c.id.in_(select(func.json_each(ids(task_ids)).table_valued("value").c.value))


def _moment(as_of: int) -> int:
    """Return an id of an event that SQLite can hold; beyond its numbers nothing is later."""
    return max(-_BIG, min(as_of, _BIG - 1))
