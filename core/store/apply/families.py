"""Acknowledge failure families, and take that back.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from core.model.commands.work import Acknowledge, Operated, Unacknowledge
from core.model.errors import NotFound, TaskdeckError
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import pack, raw

_KNOWN = "SELECT id, pattern, failures FROM family WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
_ACKNOWLEDGE = (
    "UPDATE family SET ack_at = ?, ack_by = CAST(? AS TEXT), ack_reason = CAST(? AS TEXT), ack_until = ?,"
    " ack_failures = failures WHERE id = ?"
)
_TAKE_BACK = (
    "UPDATE family SET ack_at = NULL, ack_by = NULL, ack_reason = NULL, ack_until = NULL, ack_failures = NULL"
    " WHERE id = ? AND ack_at IS NOT NULL"
)


def apply_acknowledge(batch: Batch, command: Acknowledge) -> Operated | TaskdeckError:
    """Note that an operator knows of families: for a time, or until they return."""
    # What failed in this batch counts as known, as it is on the screen after it.
    batch.families.flush()
    rows = batch.rows(_KNOWN, pack(list(command.families)))
    if (unknown := _unknown(command.families, rows)) is not None:
        return unknown
    until = None if command.for_ms is None else batch.now + command.for_ms
    for family, pattern, failures in rows:
        batch.run(_ACKNOWLEDGE, batch.wall, raw(command.actor), raw(command.reason or None), until, family)
        note: JsonObject = {"family": family, "pattern": pattern, "failures": failures}
        if until is not None:
            note["until"] = until - batch.offset
        if command.reason:
            note["reason"] = command.reason
        batch.event("family.acknowledged", Subject(), actor=command.actor, data=note)
    return Operated(changed=len(rows))


def apply_unacknowledge(batch: Batch, command: Unacknowledge) -> Operated | TaskdeckError:
    """Count families as news again; those that are not acknowledged stay as they are."""
    rows = batch.rows(_KNOWN, pack(list(command.families)))
    if (unknown := _unknown(command.families, rows)) is not None:
        return unknown
    changed = 0
    for family, pattern, _ in rows:
        if batch.run(_TAKE_BACK, family):
            changed += 1
            note: JsonObject = {"family": family, "pattern": pattern}
            if command.reason:
                note["reason"] = command.reason
            batch.event("family.unacknowledged", Subject(), actor=command.actor, data=note)
    return Operated(changed=changed)


def _unknown(asked: tuple[str, ...], rows: list[tuple]) -> NotFound | None:  # type: ignore[type-arg]
    known = {family for family, _, _ in rows}
    missing = sorted(set(asked) - known)
    if not missing:
        return None
    return NotFound(
        "failure.unknown",
        f"failure family {missing[0]} does not exist",
        hint="'taskdeck failures --all' lists them",
        facts={"family": missing[0]},
    )
