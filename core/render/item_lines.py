"""Work items as rows of a list, as lines and as JSON.

Used by the commands, the console and the filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.model.actors import person_of
from core.model.patterns.work_items import EntryKind, ItemDetails, ItemEntry, ItemOutcome, ItemView, OnDue
from core.model.patterns.workflow_views import ParamView
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject, JsonValue, iso_or_none, to_iso

_LABEL = 11
UNVERIFIED = SafeText("names of people are not verified")
_AFTER = {
    OnDue.APPROVE: "it is approved with the defaults of its form",
    OnDue.REJECT: "it is denied",
    OnDue.FAIL: "its task fails",
    OnDue.ESCALATE: "it is escalated",
}


class ItemState(StrEnum):
    """How an item stands, in one word."""

    OPEN = "open"
    CLAIMED = "claimed"
    OVERDUE = "overdue"
    """Open, and its time has passed."""
    HELD = "held"
    """Its task is held: it cannot be answered."""
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """A work item as a row; times in ms UTC, texts as they were given."""

    view: ItemView
    id: int
    state: ItemState
    title: str
    who: str
    """Whom it waits for, or who ended it."""
    due_at: int | None
    created_at: int
    approvals: str
    """Of a quorum: how many approve, of how many."""
    task: str
    """Its job and task."""
    task_id: int
    job_id: int
    job: str
    submitter: str
    reason: str


def item_line(view: ItemView, *, now: int) -> ItemLine:
    """Return the row of an item, as it stands at a moment (ms UTC)."""
    return ItemLine(
        view=view,
        id=view.id,
        state=state_of(view, now=now),
        title=view.title,
        who=who_of(view),
        due_at=view.due_at if view.is_open else None,
        created_at=view.created_at,
        approvals=f"{len(view.approved_by)}/{view.quorum}" if view.quorum > 1 else "",
        task=f"{view.job_id}/{view.task}",
        task_id=view.task_id,
        job_id=view.job_id,
        job=view.job,
        submitter=view.submitter,
        reason=view.reason,
    )


def state_of(view: ItemView, *, now: int) -> ItemState:
    """Return how an item stands at a moment (ms UTC); what is overdue says so first."""
    if view.outcome is not None:
        return ItemState(view.outcome.value)
    if view.is_held:
        return ItemState.HELD
    if view.due_at is not None and view.due_at <= now:
        return ItemState.OVERDUE
    return ItemState.OPEN if view.claimed_by is None else ItemState.CLAIMED


def who_of(view: ItemView) -> str:
    """Return whom an item waits for; of one that has ended, who ended it."""
    if not view.is_open:
        return person_of(view.closed_by or "")
    if view.claimed_by is not None:
        return view.claimed_by
    return view.assignee or view.group or "anyone"


def item_lines(details: ItemDetails, *, now: int) -> Iterator[SafeText]:
    """Write what is known of an item, line by line; texts of others are made safe."""
    view = details.item
    yield safe_line(f"work item {view.id}  {state_of(view, now=now)}: {view.title}")
    yield from (safe_line(f"  {line}") for line in view.text.splitlines())
    yield from _facts(view)
    if details.form:
        yield SafeText("form")
        yield from (safe_line(f"  {field_text(field)}") for field in details.form)
    if view.values:
        yield _pair("values", ", ".join(f"{name}={_short(value)}" for name, value in view.values.items()))
    yield SafeText(f"history ({UNVERIFIED})")
    yield from (safe_line(f"  {entry_text(entry)}") for entry in details.entries)


def field_text(field: ParamView) -> str:
    """Write what a field of a form asks for."""
    parts = [field.type, "required" if field.required else ""]
    parts += [f"at least {field.min:g}"] if field.min is not None else []
    parts += [f"at most {field.max:g}"] if field.max is not None else []
    parts += [f"one of {', '.join(map(_short, field.choices))}"] if field.choices else []
    parts += [f"default {_short(field.default)}"] if field.default is not None else []
    told = f"{field.name}: {', '.join(filter(None, parts))}"
    return f"{told}; {field.description}" if field.description else told


def entry_text(entry: ItemEntry) -> str:
    """Write what happened to an item, when and by whom."""
    said = f": {entry.text}" if entry.text else ""
    values = ", ".join(f"{name}={_short(value)}" for name, value in entry.values.items())
    with_values = f" with {values}" if values else ""
    if entry.kind is EntryKind.DELEGATED or (entry.kind is EntryKind.ESCALATED and entry.text):
        return f"{to_iso(entry.at)} {entry.kind} {entry.text} by {entry.person} ({entry.actor})"
    return f"{to_iso(entry.at)} {entry.kind} by {entry.person} ({entry.actor}){with_values}{said}"


def item_shape(view: ItemView, *, now: int) -> JsonObject:
    return {
        "item": view.id,
        "state": state_of(view, now=now).value,
        "title": view.title,
        "text": view.text,
        "task": view.task_id,
        "key": view.task,
        "job": view.job_id,
        "name": view.job,
        "created_at": to_iso(view.created_at),
        "submitter": view.submitter,
        "assignee": view.assignee,
        "group": view.group,
        "claimed_by": view.claimed_by,
        "claimed_at": iso_or_none(view.claimed_at),
        "due_at": iso_or_none(view.due_at),
        "on_due": view.on_due.value,
        "escalated_at": iso_or_none(view.escalated_at),
        "quorum": view.quorum,
        "four_eyes": view.four_eyes,
        "approved_by": list(view.approved_by),
        "values": view.values,
        "outcome": None if view.outcome is None else view.outcome.value,
        "closed_at": iso_or_none(view.closed_at),
        "closed_by": view.closed_by,
        "reason": view.reason or None,
    }


def details_shape(details: ItemDetails, *, now: int) -> JsonObject:
    """Return an item with its form and its history, the oldest entry first."""
    return {
        **item_shape(details.item, now=now),
        "form": [_field_shape(field) for field in details.form],
        "history": [
            {
                "at": to_iso(entry.at),
                "kind": entry.kind.value,
                "person": entry.person,
                "by": entry.actor,
                "text": entry.text or None,
                "values": entry.values or None,
            }
            for entry in details.entries
        ],
    }


def _facts(view: ItemView) -> Iterable[SafeText]:
    yield _pair("task", f"{view.task_id} {view.task}, job {view.job_id} {view.job}")
    yield _pair("asked", f"{to_iso(view.created_at)}, for a job of {view.submitter}")
    if view.is_open:
        since = "" if view.claimed_at is None else f", claimed {to_iso(view.claimed_at)}"
        yield _pair("waits for", f"{who_of(view)}{since}")
    if view.due_at is not None and view.outcome is not ItemOutcome.CANCELLED:
        escalated = "" if view.escalated_at is None else f" (escalated {to_iso(view.escalated_at)})"
        yield _pair("due", f"{to_iso(view.due_at)}, then {_AFTER[view.on_due]}{escalated}")
    if view.quorum > 1:
        by = f": {', '.join(view.approved_by)}" if view.approved_by else ""
        yield _pair("approvals", f"{len(view.approved_by)} of {view.quorum}{by}")
    if view.four_eyes:
        yield _pair("four eyes", f"{view.submitter} may not answer it")
    if view.is_held:
        yield _pair("held", f"its task is held: 'taskdeck unhold --task {view.task_id}'")
    if view.closed_at is not None:
        why = f": {view.reason}" if view.reason else ""
        yield _pair("ended", f"{view.outcome} by {view.closed_by} at {to_iso(view.closed_at)}{why}")


def _pair(label: str, text: str) -> SafeText:
    return safe_line(f"{label:<{_LABEL}}{text}")


def _short(value: JsonValue) -> str:
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _field_shape(field: ParamView) -> JsonObject:
    return {
        "name": field.name,
        "type": field.type,
        "required": field.required,
        "default": field.default,
        "min": field.min,
        "max": field.max,
        "enum": list(field.choices) or None,
        "description": field.description or None,
    }
