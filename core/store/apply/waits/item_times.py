"""Times of work items: reminders, and what happens when one is overdue.

Called when something comes due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from core.model.commands.work import ENGINE
from core.model.errors import Invalid, NotFound
from core.model.outcomes import TaskError
from core.model.patterns.form_values import bind_form, form_of
from core.model.patterns.work_items import EntryKind, ItemOutcome, OnDue
from core.model.stored_text import json_or_note
from core.model.values import JsonObject
from core.store.apply.moves import waiting, work_items
from core.store.apply.moves.work_items import Entry
from core.store.apply.waits.work_items import Item, approve, delegate, deny, may_have, read_item
from core.store.batch import Batch, earliest
from core.store.rows import TaskPlace
from core.store.sql import ids

_OPEN = "outcome IS NULL AND is_held = 0"
_DUE = (
    f"SELECT id, on_due, escalate_to FROM work_item INDEXED BY work_item_due WHERE {_OPEN}"
    " AND escalated_at IS NULL AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?"
)
_REMIND = (
    f"SELECT id, remind_at, remind_ms FROM work_item INDEXED BY work_item_remind WHERE {_OPEN}"
    " AND remind_at IS NOT NULL AND remind_at <= ? ORDER BY remind_at, id LIMIT ?"
)
_NEXT = (
    f"SELECT (SELECT min(due_at) FROM work_item INDEXED BY work_item_due WHERE {_OPEN}"
    " AND escalated_at IS NULL AND due_at IS NOT NULL),"
    f" (SELECT min(remind_at) FROM work_item INDEXED BY work_item_remind WHERE {_OPEN}"
    " AND remind_at IS NOT NULL)"
)
_ESCALATE = "UPDATE work_item SET escalated_at = ? WHERE id = ? AND outcome IS NULL"
_AGAIN = "UPDATE work_item SET remind_at = ? WHERE id = ?"
OVERDUE = "human.overdue"
_LATE = "it had no answer in time"


def due(batch: Batch, *, limit: int) -> Iterator[tuple[TaskPlace, Callable[[Batch], None]]]:
    """Yield the tasks of overdue items with what `on_due` says, then the reminders of those still open."""
    for item_id, on_due, to in batch.rows(_DUE, batch.now, limit):
        item = read_item(batch, item_id)
        if not isinstance(item, NotFound):
            yield item.place, partial(_pass, item=item, on_due=OnDue(on_due), to=to)
    for item_id, at, every in batch.rows(_REMIND, batch.now, limit):
        item = read_item(batch, item_id)
        if not isinstance(item, NotFound):
            # Times that passed without an engine are one reminder.
            again = batch.now + every - (batch.now - at) % every
            yield item.place, partial(_remind, item=item, again=again)


def next_time(batch: Batch) -> int | None:
    """Return when the next item is due or reminded of (engine time); None = none is."""
    ((due_at, remind_at),) = batch.rows(_NEXT)
    return earliest(due_at, remind_at)


def _remind(batch: Batch, *, item: Item, again: int) -> None:
    batch.run(_AGAIN, again, item.id)
    _note(batch, item, Entry(EntryKind.REMINDED, ENGINE))


def _pass(batch: Batch, *, item: Item, on_due: OnDue, to: str | None) -> None:
    match on_due:
        case OnDue.ESCALATE:
            _escalate(batch, item, to)
        case OnDue.APPROVE if (values := _defaults(item)) is not None:
            _tell(batch, item, on_due)
            approve(batch, item, values, Entry(EntryKind.APPROVED, ENGINE, _LATE, values))
        case OnDue.REJECT:
            _tell(batch, item, on_due)
            deny(batch, item, Entry(EntryKind.DENIED, ENGINE, _LATE))
        case OnDue.FAIL | OnDue.APPROVE:
            _tell(batch, item, OnDue.FAIL)
            _fail(batch, item)


def _escalate(batch: Batch, item: Item, to: str | None) -> None:
    batch.run(_ESCALATE, batch.wall, item.id)
    if to is not None and may_have(batch, item, to):
        delegate(batch, item, to)
        _note(batch, item, Entry(EntryKind.ESCALATED, ENGINE, f"to {to}"), {"to": to})
        return
    _note(batch, item, Entry(EntryKind.ESCALATED, ENGINE))


def _fail(batch: Batch, item: Item) -> None:
    work_items.close(batch, ids([item.task_id]), ItemOutcome.EXPIRED, Entry(EntryKind.EXPIRED, ENGINE, _LATE))
    error = TaskError(code=OVERDUE, message=f"work item {item.id}: {_LATE}", facts={"item": item.id})
    waiting.fail(batch, item.place, error)


def _defaults(item: Item) -> JsonObject | None:
    """Return what an approval by the engine says; None where the form asks for more, or cannot be read."""
    try:
        standing = json_or_note(item.answer)
        return bind_form(form_of(item.form), standing if isinstance(standing, dict) else {})
    except Invalid:
        return None


def _note(batch: Batch, item: Item, entry: Entry, more: JsonObject | None = None) -> None:
    work_items.note(batch, item.id, entry)
    data = {**item.note, **(more or {})}
    batch.task_event(f"item.{entry.kind}", item.place, actor=ENGINE, data=data)


def _tell(batch: Batch, item: Item, on_due: OnDue) -> None:
    data: JsonObject = {**item.note, "on_due": on_due}
    batch.task_event("item.overdue", item.place, actor=ENGINE, data=data)
