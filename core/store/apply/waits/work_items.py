"""Verbs on work items: claim, release, delegate, comment, approve, deny.

Called through the table in `core.store.dispatch`, and when the time of an item comes.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.actors import person_of
from core.model.commands.work import ENGINE
from core.model.commands.work_items import (
    ApproveItem,
    ClaimItem,
    CommentItem,
    DelegateItem,
    DenyItem,
    ItemChanged,
    ItemCommand,
    ReleaseItem,
)
from core.model.errors import Conflict, Invalid, NotFound, TaskdeckError
from core.model.outcomes import TaskError
from core.model.patterns.form_values import bind_form, differences, form_of
from core.model.patterns.work_items import OF_ITEM, EntryKind, ItemOutcome, ItemRole, OnDeny
from core.model.stored_text import json_or_note
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso
from core.store.apply.moves import waiting, work_items
from core.store.apply.moves.work_items import Entry
from core.store.batch import Batch
from core.store.rows import PLACED, TaskPlace
from core.store.sql import ids, pack, raw

_READ = (
    f"SELECT {PLACED}, w.id, w.title, w.form, w.submitter, w.assignee, w.claimed_by, w.claimed_at,"
    " w.approvals, w.quorum, w.four_eyes, w.on_deny, w.is_held, w.answer, w.outcome, w.closed_at, w.closed_by"
    " FROM work_item w JOIN task t ON t.id = w.task_id WHERE w.id = ?"
)
_APPROVED = "SELECT person FROM work_item_entry WHERE item_id = ? AND kind = 'approved' ORDER BY id"
_CLAIM = (
    "UPDATE work_item SET claimed_by = CAST(? AS TEXT), claimed_at = ?"
    " WHERE id = ? AND outcome IS NULL AND claimed_by IS NULL"
)
_RELEASE = (
    "UPDATE work_item SET claimed_by = NULL, claimed_at = NULL"
    " WHERE id = ? AND outcome IS NULL AND claimed_by IS NOT NULL"
)
_DELEGATE = (
    "UPDATE work_item SET assignee = CAST(? AS TEXT), claimed_by = NULL, claimed_at = NULL"
    " WHERE id = ? AND outcome IS NULL"
)
# The next person is free to take it: what the one before had of it is over.
_COUNT = (
    "UPDATE work_item SET approvals = approvals + 1, answer = ?, assignee = NULL, claimed_by = NULL,"
    " claimed_at = NULL WHERE id = ? AND outcome IS NULL"
)
DENIED = "human.denied"


class Item(NamedTuple):
    """An item as its row says it, with the place of its task."""

    task_id: int
    job_id: int
    stage_id: int
    queue: str
    lane_id: int
    set_id: int | None
    id: int
    title: str
    form: str
    submitter: str
    assignee: str | None
    claimed_by: str | None
    claimed_at: int | None
    approvals: int
    quorum: int
    four_eyes: int
    on_deny: str
    is_held: int
    answer: str | None
    outcome: str | None
    closed_at: int | None
    closed_by: str | None

    @property
    def place(self) -> TaskPlace:
        """Return where its task stands."""
        return TaskPlace(self.task_id, self.job_id, self.stage_id, self.queue, self.lane_id, self.set_id)

    @property
    def note(self) -> JsonObject:
        """Return what each of its events says."""
        return {"item": self.id, "title": self.title}


def apply_claim_item(batch: Batch, command: ClaimItem) -> ItemChanged | TaskdeckError:
    """Let one person have an item; the second one is told who has it."""
    item, person = _open(batch, command), person_of(command.actor)
    if isinstance(item, TaskdeckError):
        return item
    if refusal := batch.rules.items.refuse_claim(_role(batch, item), person):
        return refusal
    if batch.run(_CLAIM, raw(person), batch.wall, item.id) == 1:
        _tell(batch, item, Entry(EntryKind.CLAIMED, command.actor))
    return _changed(batch, item.id)


def apply_release_item(batch: Batch, command: ReleaseItem) -> ItemChanged | TaskdeckError:
    """Give back what one person has."""
    item = _open(batch, command)
    if isinstance(item, TaskdeckError):
        return item
    if refusal := batch.rules.items.refuse_release(_role(batch, item), person_of(command.actor)):
        return refusal
    if batch.run(_RELEASE, item.id) == 1:
        _tell(batch, item, Entry(EntryKind.RELEASED, command.actor))
    return _changed(batch, item.id)


def apply_delegate_item(batch: Batch, command: DelegateItem) -> ItemChanged | TaskdeckError:
    """Give an item to another person, also from the one who has it; its history says who did."""
    item = _open(batch, command)
    if isinstance(item, TaskdeckError):
        return item
    if refusal := batch.rules.items.refuse_delegation(_role(batch, item), command.to):
        return refusal
    delegate(batch, item, command.to)
    text = f"to {command.to}" + (f": {command.comment}" if command.comment else "")
    _tell(batch, item, Entry(EntryKind.DELEGATED, command.actor, text), {"to": command.to})
    return _changed(batch, item.id)


def apply_comment_item(batch: Batch, command: CommentItem) -> ItemChanged | TaskdeckError:
    """Add a line to the history of an item, open or not."""
    item = read_item(batch, command.item_id)
    if isinstance(item, TaskdeckError):
        return item
    _tell(batch, item, Entry(EntryKind.COMMENTED, command.actor, command.text))
    return _changed(batch, item.id)


def apply_approve_item(batch: Batch, command: ApproveItem) -> ItemChanged | TaskdeckError:
    """Count an approval; the last one that is needed ends the task with the values of the form."""
    item = _answerable(batch, command)
    if isinstance(item, TaskdeckError):
        return item
    if refusal := batch.rules.items.refuse_approval(_role(batch, item), person_of(command.actor)):
        return refusal
    standing = json_or_note(item.answer)
    before = standing if isinstance(standing, dict) else {}
    try:
        values = bind_form(form_of(item.form), {**before, **command.values})
    except Invalid as fault:
        return fault
    if item.approvals and (other := differences(before, values)):
        return _other_values(item, before, other)
    approve(batch, item, values, Entry(EntryKind.APPROVED, command.actor, command.comment, values))
    return _changed(batch, item.id)


def apply_deny_item(batch: Batch, command: DenyItem) -> ItemChanged | TaskdeckError:
    """End an item by one no, whatever its quorum."""
    item = _answerable(batch, command)
    if isinstance(item, TaskdeckError):
        return item
    if refusal := batch.rules.items.refuse_denial(_role(batch, item), person_of(command.actor)):
        return refusal
    deny(batch, item, Entry(EntryKind.DENIED, command.actor, command.reason))
    return _changed(batch, item.id)


def read_item(batch: Batch, item_id: int) -> Item | NotFound:
    """Return an item, open or not."""
    for item in batch.typed(Item, _READ, item_id):
        return item
    return NotFound(
        "item.unknown",
        f"work item {item_id} does not exist",
        hint="'taskdeck workitems --all' lists them; one that was purged is gone with its task",
        facts={"item": item_id},
    )


def delegate(batch: Batch, item: Item, to: str) -> None:
    """Let an item be for one person, claimed by none."""
    batch.run(_DELEGATE, raw(to), item.id)


def may_have(batch: Batch, item: Item, person: str) -> bool:
    """Tell whether an item may be given to a person."""
    return batch.rules.items.refuse_delegation(_role(batch, item), person) is None


def approve(batch: Batch, item: Item, values: JsonObject, entry: Entry) -> None:
    """Take an approval; where it is the engine's, or the last that is needed, the task succeeds."""
    batch.run(_COUNT, pack(values), item.id)
    is_last = entry.actor == ENGINE or item.approvals + 1 >= item.quorum
    if not is_last:
        _tell(batch, item, entry)
        return
    approved_by = [person for (person,) in batch.rows(_APPROVED, item.id)]
    work_items.close(batch, ids([item.task_id]), ItemOutcome.APPROVED, entry)
    _event(batch, item, entry)
    about: JsonObject = {
        "id": item.id,
        "by": [*approved_by, person_of(entry.actor)],
        "at": to_iso(batch.wall),
    }
    if entry.text:
        about["comment"] = entry.text
    waiting.succeed(batch, item.place, {**values, OF_ITEM: about}, actor=entry.actor)


def deny(batch: Batch, item: Item, entry: Entry) -> None:
    """Close an item by a no; its task fails or is skipped, as `on_deny` says."""
    work_items.close(batch, ids([item.task_id]), ItemOutcome.DENIED, entry)
    _event(batch, item, entry)
    person = person_of(entry.actor)
    message = f"denied by {safe_line(person)}: {entry.text}"
    if item.on_deny == OnDeny.SKIP:
        waiting.skip(batch, item.place, message, actor=entry.actor)
        return
    error = TaskError(code=DENIED, message=message, facts={"item": item.id, "by": person})
    waiting.fail(batch, item.place, error, actor=entry.actor)


def _answerable(batch: Batch, command: ItemCommand) -> Item | TaskdeckError:
    item = _open(batch, command)
    if isinstance(item, TaskdeckError) or not item.is_held:
        return item
    return Conflict(
        "item.held",
        f"work item {item.id} cannot be answered: its task {item.task_id} is held",
        hint=f"'taskdeck unhold --task {item.task_id}' lets it wait for its answer again",
        facts={"item": item.id, "task": item.task_id},
    )


def _open(batch: Batch, command: ItemCommand) -> Item | TaskdeckError:
    item = read_item(batch, command.item_id)
    if isinstance(item, NotFound) or item.outcome is None:
        return item
    by, at = item.closed_by or "", item.closed_at or 0
    return Conflict(
        "item.closed",
        f"work item {item.id} is {item.outcome} already, by {safe_line(by)} at {to_iso(at)}",
        hint=f"'taskdeck workitems show {item.id}' tells its history",
        facts={"item": item.id, "outcome": item.outcome, "by": by, "at": at},
    )


def _other_values(item: Item, before: JsonObject, other: list[str]) -> Conflict:
    stands = ", ".join(f"{name}={pack(before.get(name))[:100]}" for name in other)
    return Conflict(
        "item.values",
        f"work item {item.id} is approved with other values so far: {stands}",
        hint="approve the same values (leave --set out), or deny it",
        facts={"item": item.id, "fields": [*other], "values": before},
    )


def _role(batch: Batch, item: Item) -> ItemRole:
    return ItemRole(
        item_id=item.id,
        assignee=item.assignee,
        claimed_by=item.claimed_by,
        claimed_at=item.claimed_at,
        submitter=person_of(item.submitter),
        four_eyes=bool(item.four_eyes),
        approved_by=tuple(person for (person,) in batch.rows(_APPROVED, item.id)),
    )


def _tell(batch: Batch, item: Item, entry: Entry, more: JsonObject | None = None) -> None:
    work_items.note(batch, item.id, entry)
    _event(batch, item, entry, more)


def _event(batch: Batch, item: Item, entry: Entry, more: JsonObject | None = None) -> None:
    data = {**item.note, **(more or {})}
    if entry.text:
        data["reason"] = entry.text
    if entry.values is not None:
        data["values"] = entry.values
    batch.task_event(f"item.{entry.kind}", item.place, actor=entry.actor, data=data)


def _changed(batch: Batch, item_id: int) -> ItemChanged:
    sql = "SELECT id, task_id, outcome, approvals, quorum FROM work_item WHERE id = ?"
    ((number, task_id, outcome, approvals, quorum),) = batch.rows(sql, item_id)
    ((job_id,),) = batch.rows("SELECT job_id FROM task WHERE id = ?", task_id)
    return ItemChanged(
        item_id=number,
        task_id=task_id,
        job_id=job_id,
        outcome=None if outcome is None else ItemOutcome(outcome),
        approvals=approvals,
        quorum=quorum,
    )
