"""Targets: the tasks that a verb on a filter acts on.

Read by the operator verbs, now or as of an earlier event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import exists, func, not_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.counts import Preview
from core.model.errors import Invalid
from core.model.status import TASK_FINAL, TaskStatus
from core.store.predicates import Condition, where
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source
from core.store.reports.totals import counter_totals, last_event
from core.store.sql import among, ids
from core.store.tables.schema import event, task

FIRST = 5
"""Ids that a preview names."""
EVENTS_MAX = 100_000
"""Events that are scanned for what changed; of more, each task is looked up instead."""
_INT64 = 2**63


_ACTIVE = (
    f"{among(set(TaskStatus) - TASK_FINAL, 't.status')} AND (:all OR t.status = 'running'"
    " OR EXISTS (SELECT 1 FROM awaited w WHERE w.task_id = t.id AND w.child_id IS NOT NULL))"
)
# One set at a time, in the order of its index: of several, each batch would sort all of them again.
_INSTANCES = text(
    "SELECT t.item, t.id FROM task t INDEXED BY task_item WHERE t.set_id = :set AND t.item > :item"
    f" AND {_ACTIVE} ORDER BY t.item LIMIT :limit"
)
_GROUPS = text(
    "SELECT g.task_id, g.newest FROM (SELECT i.task_id, max(i.id) AS newest FROM instance_set i"
    " WHERE i.task_id IN (SELECT value FROM json_each(:ids)) GROUP BY i.task_id) g WHERE :all"
    f" OR EXISTS (SELECT 1 FROM task t INDEXED BY task_item WHERE t.set_id = g.newest AND {_ACTIVE})"
)


class InstancePlace(NamedTuple):
    """An instance that a walk over sets came to; the next one is behind it."""

    set_id: int
    item: int
    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSelection:
    """The tasks of a filter, without those that changed after an event (None = all) or are excluded."""

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
                facts={"noun": self.filter.noun},
            )

    def conditions(self, *, now: int) -> list[Condition]:
        """Return the SQL conditions of the tasks that are left, made for reading them in order of id."""
        conditions = where(self.filter, now=now)
        if self.excluding:
            conditions.append(not_(_is_among(self.excluding)))
        if self.as_of is not None:
            # Task by task: a batch reads few tasks, and all that changed since may be many.
            conditions.append(not_(_has_changed(self.as_of)))
        return conditions


class TargetReports:
    """What a verb on a filter would act on, and the ids it acts on; both are the same tasks."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def preview(
        self, where: Filter, *, as_of: int | None = None, excluding: Sequence[int] = ()
    ) -> Preview:
        """Return what a verb on all tasks of a filter would act on; the same tasks as `task_ids`.

        Raises `Invalid` (`target.unfit`) for a filter that is not on tasks.
        """
        selection = TaskSelection(filter=where, as_of=as_of, excluding=excluding)
        async with self._source.snapshot() as db:
            return await _preview(db, selection, now=self._source.now())

    async def task_ids(
        self,
        where: Filter | None = None,
        *,
        after: int = 0,
        limit: int = 1_000,
        as_of: int | None = None,
        excluding: Sequence[int] = (),
    ) -> list[int]:
        """Return ids of the tasks that match a filter, rising, above `after`; its order plays no part.

        With `as_of` tasks are left out that have any event above it, and so are those in `excluding`.
        Raises `Invalid` (`target.unfit`) for a filter that is not on tasks.
        """
        selection = TaskSelection(filter=where or Filter(noun=Noun.TASKS), as_of=as_of, excluding=excluding)
        query = select(task.c.id).where(task.c.id > after).order_by(task.c.id).limit(bounded_limit(limit))
        query = query.where(*selection.conditions(now=self._source.now()))
        async with self._source.snapshot() as db:
            return [*(await db.execute(query)).scalars()]

    async def groups(self, task_ids: Sequence[int], *, only_active: bool = False) -> dict[int, int]:
        """Return those of the tasks that are groups with instances, and the newest set of each.

        Of older sets nothing is left to run. With `only_active` those of which an instance runs, or waits
        for a child.
        """
        asked = {"ids": ids(task_ids), "all": not only_active}
        async with self._source.snapshot() as db:
            rows = (await db.execute(_GROUPS, asked)).all()
        return {row.task_id: row.newest for row in rows}

    async def instances(
        self, set_ids: Collection[int], *, after: InstancePlace | None, limit: int, only_active: bool = False
    ) -> list[InstancePlace]:
        """Return instances of sets that have not ended behind a place, in order of set and index.

        Fewer than `limit` are the last ones. With `only_active` those that run, or wait for a child.
        """
        begun = (0, -1) if after is None else (after.set_id, after.item)
        most, found = bounded_limit(limit), list[InstancePlace]()
        async with self._source.snapshot() as db:
            for set_id in sorted(one for one in set_ids if one >= begun[0]):
                if len(found) == most:
                    break
                item = begun[1] if set_id == begun[0] else -1
                asked = {"set": set_id, "item": item, "limit": most - len(found), "all": not only_active}
                rows = (await db.execute(_INSTANCES, asked)).all()
                found += (InstancePlace(set_id, row.item, row.id) for row in rows)
        return found


async def _preview(db: AsyncConnection, selection: TaskSelection, *, now: int) -> Preview:
    """Return what a verb would act on.

    Counts no task where the counters know the filter; otherwise one pass over what its index finds, or
    over all tasks. What changed since costs a look at each event since, or at each task of the filter.
    """
    newest = await last_event(db)
    as_of = newest if selection.as_of is None else selection.as_of
    conditions = where(selection.filter, now=now)
    totals = await counter_totals(db, selection.filter)
    left = Counter(await _by_status(db, conditions) if totals is None else totals)
    if selection.excluding:
        left -= Counter(await _by_status(db, [*conditions, _is_among(selection.excluding)]))
        conditions.append(not_(_is_among(selection.excluding)))
    since = Counter(
        await _by_status(db, [*conditions, _changed_since(as_of, newest)]) if as_of < newest else {}
    )
    left -= since
    return Preview(
        as_of=as_of,
        number=left.total(),
        by_status=dict(left),
        first=await _first(db, selection, now=now) if left else (),
        since=since.total(),
    )


async def _by_status(db: AsyncConnection, conditions: Sequence[Condition]) -> dict[str, int]:
    query = select(task.c.status, func.count().label("n")).where(*conditions).group_by(task.c.status)
    return {row.status: row.n for row in (await db.execute(query)).all()}


async def _first(db: AsyncConnection, selection: TaskSelection, *, now: int) -> tuple[int, ...]:
    query = select(task.c.id).where(*selection.conditions(now=now)).order_by(task.c.id).limit(FIRST)
    return tuple((await db.execute(query)).scalars())


def _changed_since(as_of: int, newest: int) -> Condition:
    """Return the cheaper way to find what changed: from few events to their tasks, or task by task."""
    if newest - as_of > EVENTS_MAX:
        return _has_changed(as_of)
    later = select(event.c.task_id).where(event.c.id > _bindable(as_of), event.c.task_id.is_not(None))
    return task.c.id.in_(later)


def _has_changed(as_of: int) -> Condition:
    return exists().where(event.c.task_id == task.c.id, event.c.id > _bindable(as_of))


def _is_among(task_ids: Sequence[int]) -> Condition:
    return task.c.id.in_(select(func.json_each(ids(task_ids)).table_valued("value").c.value))


def _bindable(as_of: int) -> int:
    """Return an id of an event that SQLite can hold; beyond its numbers nothing is later."""
    return max(-_INT64, min(as_of, _INT64 - 1))
