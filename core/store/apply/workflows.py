"""Add and remove registered workflows.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.commands.workflows import AddWorkflow, RemoveWorkflow, WorkflowAdded, WorkflowRemoved
from core.model.errors import NotFound
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import KEEP_TEXT, raw

_VERSIONS = "SELECT number, hash, is_current FROM workflow WHERE name = CAST(? AS TEXT) ORDER BY number"
_NAMES = "SELECT name FROM workflow WHERE is_current = 1 ORDER BY name LIMIT 400"
_OLD = "UPDATE workflow SET is_current = 0 WHERE name = CAST(? AS TEXT) AND is_current = 1"
_AGAIN = "UPDATE workflow SET is_current = 1 WHERE name = CAST(? AS TEXT) AND number = ?"
_ADD = (
    "INSERT INTO workflow (name, number, hash, source, folder, is_current, added_at, added_by)"
    " VALUES (CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), 1, ?, CAST(? AS TEXT))"
)
_REMOVE = "DELETE FROM workflow WHERE name = CAST(? AS TEXT)"


class _Version(NamedTuple):
    number: int
    hash: str
    is_current: int


def apply_add_workflow(batch: Batch, command: AddWorkflow) -> WorkflowAdded:
    """Make a content the current version; one that the name had before is that version once more."""
    versions = batch.typed(_Version, _VERSIONS, raw(command.name))
    known = next((one for one in versions if one.hash == command.hash), None)
    if known is not None and known.is_current:
        return WorkflowAdded(name=command.name, number=known.number, hash=known.hash, changed=False)
    batch.run(KEEP_TEXT, command.hash, raw(command.text))
    batch.run(_OLD, raw(command.name))
    number = versions[-1].number + 1 if versions else 1
    if known is not None:
        number = known.number
        batch.run(_AGAIN, raw(command.name), number)
    else:
        row = (raw(command.name), number, command.hash, raw(command.source), raw(command.folder))
        batch.run(_ADD, *row, batch.wall, raw(command.actor))
    facts: JsonObject = {"name": command.name, "number": number, "hash": command.hash}
    batch.event("workflow.added", Subject(), actor=command.actor, data=facts)
    return WorkflowAdded(name=command.name, number=number, hash=command.hash, changed=True)


def apply_remove_workflow(batch: Batch, command: RemoveWorkflow) -> WorkflowRemoved | NotFound:
    """Delete the versions of a name; texts that jobs have pinned stay."""
    versions = batch.run(_REMOVE, raw(command.name))
    if not versions:
        shown = safe_line(command.name)
        known = [str(name) for (name,) in batch.rows(_NAMES)]
        return NotFound(
            "workflow.unknown",
            f"no workflow is registered as `{shown}`{one_of(command.name, known)}",
            hint="see them with 'taskdeck workflows'",
            facts={"workflow": shown},
        )
    facts: JsonObject = {"name": command.name, "versions": versions}
    batch.event("workflow.removed", Subject(), actor=command.actor, data=facts)
    return WorkflowRemoved(name=command.name, versions=versions)
