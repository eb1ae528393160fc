"""Work items: what waits for whom, and what happened to one.

Read by the control.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.actors import is_same_person, person_of
from core.model.errors import Invalid, NotFound
from core.model.patterns.form_values import form_of
from core.model.patterns.work_items import (
    ENTRIES_MAX,
    EntryKind,
    ItemDetails,
    ItemEntry,
    ItemOutcome,
    ItemScope,
    ItemView,
    OnDue,
    WorkItems,
)
from core.model.patterns.workflow_views import ParamView
from core.model.stored_text import json_or_note
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source, engine_offset
from core.store.sql import ids

LOOKED_MAX = 10_000
"""Open items that are looked at for those of one person."""
_APPROVED = (
    "(SELECT json_group_array(person) FROM (SELECT person FROM work_item_entry"
    " WHERE item_id = w.id AND kind = 'approved' ORDER BY id))"
)
_VIEW = (
    "SELECT w.id, w.task_id, t.job_id, t.key AS task, coalesce(j.name, '') AS job, w.title, w.text,"
    " w.created_at, w.submitter, w.assignee, w.team, w.claimed_by, w.claimed_at, w.due_at, w.on_due,"
    " w.escalated_at, w.quorum, w.four_eyes, w.is_held, w.answer, w.outcome, w.closed_at, w.closed_by,"
    f" w.reason, w.form, CASE WHEN w.approvals > 0 THEN {_APPROVED} END AS approved"
    " FROM work_item w JOIN task t ON t.id = w.task_id JOIN job j ON j.id = t.job_id"
)
_ONE = text(f"{_VIEW} WHERE w.id = :id")
_CHOSEN = text(f"{_VIEW} WHERE w.id IN (SELECT value FROM json_each(:ids))")
_NEWEST = text("SELECT id FROM work_item WHERE :now = :now ORDER BY id DESC LIMIT :limit")
_OF_TASK = text("SELECT max(id) FROM work_item INDEXED BY work_item_task WHERE task_id = :id")
_ORDER = "ORDER BY due_at IS NULL, due_at, id LIMIT :limit"
_OPEN = text(
    f"SELECT id FROM work_item INDEXED BY work_item_open WHERE outcome IS NULL AND :now = :now {_ORDER}"
)
_OVERDUE = text(
    f"SELECT id FROM work_item INDEXED BY work_item_open WHERE outcome IS NULL AND due_at <= :now {_ORDER}"
)
_ROLES = text(
    "SELECT w.id, w.assignee, w.claimed_by, w.submitter, w.four_eyes, w.is_held,"
    f" CASE WHEN w.approvals > 0 THEN {_APPROVED} END AS approved FROM work_item w INDEXED BY work_item_open"
    f" WHERE w.outcome IS NULL {_ORDER}"
)
_COUNTS = text(
    "SELECT count(*) AS open, coalesce(sum(due_at <= :now), 0) AS overdue"
    " FROM work_item INDEXED BY work_item_open WHERE outcome IS NULL"
)
_ENTRIES = text(
    "SELECT at, kind, person, actor, note, data FROM work_item_entry INDEXED BY work_item_entry_of"
    " WHERE item_id = :id ORDER BY id DESC LIMIT :limit"
)

_LISTS = {ItemScope.OPEN: _OPEN, ItemScope.OVERDUE: _OVERDUE, ItemScope.ALL: _NEWEST}


class WorkItemReports:
    """What waits for people."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def list(self, scope: ItemScope, *, person: str, limit: int) -> WorkItems:
        """Return items: what is due first, then the oldest; of all, the newest first."""
        async with self._source.snapshot() as db:
            offset = await engine_offset(db)
            now = self._source.now() + offset
            counts = (await db.execute(_COUNTS, {"now": now})).one()
            own = await _own(db, person)
            chosen = own
            if scope is not ItemScope.MINE:
                rows = await db.execute(_LISTS[scope], {"now": now, "limit": limit + 1})
                chosen = [row.id for row in rows]
            items = await _views(db, chosen[:limit], offset=offset)
        return WorkItems(
            items=tuple(items),
            open=counts.open,
            overdue=counts.overdue,
            mine=len(own),
            person=person,
            is_whole=len(chosen) <= limit,
        )

    async def one(self, item_id: int) -> ItemDetails:
        """Return an item with its form and the newest of its history; raise `NotFound` (`item.unknown`)."""
        async with self._source.snapshot() as db:
            offset = await engine_offset(db)
            row = (await db.execute(_ONE, {"id": item_id})).one_or_none()
            if row is None:
                raise _unknown(item_id)
            entries = (await db.execute(_ENTRIES, {"id": item_id, "limit": ENTRIES_MAX})).all()
        return ItemDetails(
            item=_view(row, offset=offset),
            form=_form(row.form),
            entries=tuple(_entry(entry) for entry in reversed(entries)),
        )

    async def of_task(self, task_id: int) -> int:
        """Return the id of the newest item of a task; raise `NotFound` (`item.none`)."""
        async with self._source.snapshot() as db:
            item = (await db.execute(_OF_TASK, {"id": task_id})).scalar()
        if item is None:
            raise NotFound(
                "item.none",
                f"task {task_id} has no work item",
                hint="it has one while it waits for people (`uses: human`); 'taskdeck workitems' lists them",
                facts={"task": task_id},
            )
        return int(item)


async def _own(db: AsyncConnection, person: str) -> Sequence[int]:
    """Return the open items that a person may answer now."""
    rows = await db.execute(_ROLES, {"limit": LOOKED_MAX})
    return [row.id for row in rows if _is_own(row, person)]


def _is_own(row: AnyRow, person: str) -> bool:
    holder = row.claimed_by or row.assignee
    if row.is_held or (holder is not None and not is_same_person(holder, person)):
        return False
    if row.four_eyes and is_same_person(person_of(row.submitter), person):
        return False
    return not any(is_same_person(other, person) for other in _names(row.approved))


async def _views(db: AsyncConnection, chosen: Sequence[int], *, offset: int) -> list[ItemView]:
    rows = {row.id: row for row in await db.execute(_CHOSEN, {"ids": ids(chosen)})}
    return [_view(rows[item_id], offset=offset) for item_id in chosen if item_id in rows]


def _view(row: AnyRow, *, offset: int) -> ItemView:
    values = json_or_note(row.answer)
    return ItemView(
        id=row.id,
        task_id=row.task_id,
        job_id=row.job_id,
        task=row.task,
        job=row.job,
        title=row.title,
        text=row.text,
        created_at=row.created_at,
        submitter=person_of(row.submitter),
        assignee=row.assignee,
        group=row.team,
        claimed_by=row.claimed_by,
        claimed_at=row.claimed_at,
        due_at=None if row.due_at is None else row.due_at - offset,
        on_due=OnDue(row.on_due),
        escalated_at=row.escalated_at,
        quorum=row.quorum,
        four_eyes=bool(row.four_eyes),
        approved_by=_names(row.approved),
        values=values if isinstance(values, dict) else None,
        is_held=bool(row.is_held),
        outcome=None if row.outcome is None else ItemOutcome(row.outcome),
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        reason=row.reason or "",
    )


def _entry(row: AnyRow) -> ItemEntry:
    values = json_or_note(row.data)
    return ItemEntry(
        at=row.at,
        kind=EntryKind(row.kind),
        person=row.person,
        actor=row.actor,
        text=row.note or "",
        values=values if isinstance(values, dict) else {},
    )


def _form(stored: str) -> tuple[ParamView, ...]:
    """Return the fields of a form; one that cannot be read has none, and an approval says why."""
    try:
        return form_of(stored)
    except Invalid:
        return ()


def _names(stored: str | None) -> tuple[str, ...]:
    return () if stored is None else tuple(json.loads(stored))


def _unknown(item_id: int) -> NotFound:
    return NotFound(
        "item.unknown",
        f"work item {item_id} does not exist",
        hint="'taskdeck workitems --all' lists them; one that was purged is gone with its task",
        facts={"item": item_id},
    )
