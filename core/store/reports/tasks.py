"""Tasks: the list, its groups, one task, a task by its reference.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy import text as sql

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.errors import Conflict
from core.model.records import replace
from core.model.views import GroupView, Page, TaskDetail, TaskView
from core.store.predicates import bound
from core.store.reports.paging import search
from core.store.reports.paging.keyset import page_keys, page_of, rows_by_id
from core.store.reports.payloads import fetch_payloads
from core.store.reports.refusals import unknown_task
from core.store.reports.rows import (
    ATTEMPTS,
    DETAILS,
    TASKS,
    AnyRow,
    Extras,
    attempt_view,
    task_detail,
    task_view,
)
from core.store.reports.source import Source
from core.store.tables.schema import attempt, edge, task

_FLOOR = sql("SELECT id FROM task ORDER BY id DESC LIMIT 1 OFFSET :scan")
_GROUPS = sql(
    "SELECT grp AS name, status, count(*) AS n, min(created_at) AS first,"
    " max(max(id)) OVER (PARTITION BY grp) AS newest"
    " FROM task NOT INDEXED WHERE id > :floor AND grp IS NOT NULL GROUP BY grp, status"
    " ORDER BY newest DESC, status"
)
_ID_MAX = 2**63 - 1
_ID_DIGITS = len(str(_ID_MAX))
_AMBIGUOUS_MAX = 20
"""Tasks with the same key that a refusal knows of, the newest."""


class TaskReports:
    """The list of tasks and the page of one."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def page(
        self, where: Filter | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page[TaskView]:
        """Return a page of tasks, newest first unless the filter sorts."""
        filter_ = where or Filter(noun=Noun.TASKS)
        async with self._source.snapshot() as db:
            keys = await page_keys(db, filter_, after=after, limit=limit, now=self._source.now())
            rows = await rows_by_id(db, TASKS, task, keys.ids)
        return page_of([task_view(row) for row in rows], keys)

    async def groups(self, *, limit: int = 100) -> Page[GroupView]:
        """Return the newest groups, as far as the newest 100,000 tasks belong to them."""
        async with self._source.snapshot() as db:
            floor = (await db.execute(_FLOOR, {"scan": search.SCAN_LIMIT})).scalar()
            rows = (await db.execute(_GROUPS, {"floor": floor or 0})).all()
        by_name: dict[str, list[AnyRow]] = {}
        for row in rows:
            by_name.setdefault(row.name, []).append(row)
        views = [_group_view(name, counts) for name, counts in by_name.items()]
        return Page(rows=tuple(views[:limit]), searched=None if floor is None else search.SCAN_LIMIT)

    async def detail(self, task_id: int) -> TaskDetail:
        """Return one task with its attempts in order and its output in full; raise `NotFound`."""
        needs = (
            select(task.c.key)
            .join(edge, edge.c.need_id == task.c.id)
            .where(edge.c.task_id == task_id)
            .order_by(task.c.id)
        )
        async with self._source.snapshot() as db:
            row = None
            if 0 < task_id <= _ID_MAX:
                row = (await db.execute(DETAILS.where(task.c.id == task_id))).one_or_none()
            if row is None:
                raise await unknown_task(db, str(task_id))
            keys = (await db.execute(needs)).scalars().all()
            attempts = (
                await db.execute(ATTEMPTS.where(attempt.c.task_id == task_id).order_by(attempt.c.epoch))
            ).all()
            extras = Extras(needs=tuple(keys), attempts=tuple(map(attempt_view, attempts)))
            detail = task_detail(row, extras)
            output = (await fetch_payloads(db, {"output": detail.output}))["output"]
        return replace(detail, output=output)

    async def find(self, ref: str) -> int:
        """Return the id of the task that `ref` names: `ID`, `KEY` or `JOB/KEY`.

        Raises `NotFound` (`task.unknown`), or `Conflict` (`task.ambiguous`, fact `ids`) when several
        have that key.
        """
        head, slash, tail = ref.partition("/")
        query = select(task.c.id).order_by(task.c.id.desc()).limit(_AMBIGUOUS_MAX)
        if not slash and _is_id(ref):
            query = query.where(task.c.id == int(ref))
        elif slash and _is_id(head):
            query = query.where(task.c.job_id == int(head), task.c.key == bound(tail))
        else:
            query = query.where(task.c.key == bound(ref))
        async with self._source.snapshot() as db:
            task_ids = list((await db.execute(query)).scalars())
            if not task_ids:
                raise await unknown_task(db, ref)
        if len(task_ids) > 1:
            raise Conflict(
                "task.ambiguous",
                f"several tasks have the key {ref!r}",
                hint=f"name one by its id: {', '.join(map(str, task_ids[:5]))}",
                facts={"ids": [*task_ids]},
            )
        return int(task_ids[0])


def _group_view(name: str, counts: Sequence[AnyRow]) -> GroupView:
    return GroupView(
        name=name, tasks={row.status: row.n for row in counts}, created_at=min(row.first for row in counts)
    )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[: _ID_DIGITS + 1]) <= _ID_MAX
