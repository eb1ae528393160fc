"""Commands that change the registry of workflows.

Sent by the control; applied by the store.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.commands.work import Command


class WorkflowAdded(Struct, frozen=True, kw_only=True):
    """Which version of a name is current now, and whether it was before."""

    name: str
    number: int
    hash: str
    changed: bool
    warnings: tuple[str, ...] = ()


class AddWorkflow(Command[WorkflowAdded], frozen=True, kw_only=True):
    """Make a document the current version of a name; the same content changes nothing."""

    name: str
    hash: str
    text: str
    source: str
    folder: str | None
    actor: str


class WorkflowRemoved(Struct, frozen=True, kw_only=True):
    """How many versions went with a name."""

    name: str
    versions: int


class RemoveWorkflow(Command[WorkflowRemoved], frozen=True, kw_only=True):
    """Remove a name with its versions; jobs that have pinned one keep it."""

    name: str
    actor: str
