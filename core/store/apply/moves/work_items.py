"""Work items, opened and closed with the wait of their task.

Called by the moves of waiting and idle tasks, and by the verbs on items.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.actors import person_of
from core.model.commands.work import ENGINE
from core.model.patterns.form_values import form_json
from core.model.patterns.work_items import EntryKind, ItemOutcome, NewItem
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Cause
from core.store.sql import pack, raw

_ADD = (
    "INSERT INTO work_item (task_id, title, text, form, submitter, created_at, assignee, team, due_at,"
    " on_due, escalate_to, remind_ms, remind_at, quorum, four_eyes, on_deny)"
    " SELECT t.id, CAST(? AS TEXT), CAST(? AS TEXT), ?, coalesce(t.actor, j.actor, ''), ?, CAST(? AS TEXT),"
    " CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?"
    " FROM task t JOIN job j ON j.id = t.job_id WHERE t.id = ? RETURNING id"
)
_NOTE = (
    "INSERT INTO work_item_entry (item_id, at, kind, actor, person, note, data)"
    " VALUES (?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?)"
)
_CLOSE = (
    "UPDATE work_item SET outcome = ?, closed_at = ?, closed_by = CAST(? AS TEXT), reason = CAST(? AS TEXT)"
    " WHERE outcome IS NULL AND task_id IN (SELECT value FROM json_each(?)) RETURNING id"
)
_HOLD = "UPDATE work_item SET is_held = ? WHERE outcome IS NULL AND task_id = ?"


class Entry(NamedTuple):
    """Something that happened to an item."""

    kind: EntryKind
    actor: str
    text: str = ""
    values: JsonObject | None = None


def add(batch: Batch, task_id: int, item: NewItem) -> int:
    """Open the item of a task that begins to wait for people; return its id."""
    row = (
        raw(item.title),
        raw(item.text),
        pack(form_json(item.form)),
        batch.wall,
        raw(item.assignee),
        raw(item.group),
        None if item.due_ms is None else batch.now + item.due_ms,
        item.on_due,
        raw(item.escalate_to),
        item.remind_ms,
        None if item.remind_ms is None else batch.now + item.remind_ms,
        item.quorum,
        item.four_eyes,
        item.on_deny,
        task_id,
    )
    ((item_id,),) = batch.rows(_ADD, *row)
    note(batch, item_id, Entry(EntryKind.OPENED, ENGINE))
    return int(item_id)


def note(batch: Batch, item_id: int, entry: Entry) -> None:
    """Write something to the history of an item."""
    data = None if entry.values is None else pack(entry.values)
    who = (raw(entry.actor), raw(person_of(entry.actor)))
    batch.run(_NOTE, item_id, batch.wall, entry.kind, *who, raw(entry.text or None), data)


def close(batch: Batch, listed: str, outcome: ItemOutcome, entry: Entry) -> None:
    """Close the open items of tasks (their ids as JSON) with the entry that tells of their end."""
    row = (outcome, batch.wall, raw(entry.actor), raw(entry.text or None), listed)
    for (item_id,) in batch.rows(_CLOSE, *row):
        note(batch, item_id, entry)


def cancel(batch: Batch, listed: str, cause: Cause) -> None:
    """Close the open items of tasks that end otherwise."""
    entry = Entry(EntryKind.CANCELLED, cause.actor or ENGINE, cause.reason)
    close(batch, listed, ItemOutcome.CANCELLED, entry)


def hold(batch: Batch, task_id: int) -> None:
    """Let the times of the open item of a task pass without effect."""
    batch.run(_HOLD, 1, task_id)


def unhold(batch: Batch, task_id: int) -> None:
    """Let the times of the open item of a task count again; what passed meanwhile comes at once."""
    batch.run(_HOLD, 0, task_id)
