"""Registered workflows: their requests, and the verbs that ask them.

The part `workflows` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.commands.workflows import WorkflowAdded, WorkflowRemoved
from core.model.patterns.workflow_views import RegisteredText, RegisteredView


@verb("workflows", Kind.READ)
class ListWorkflows(Request[tuple[RegisteredView, ...]], frozen=True, kw_only=True):
    limit: int = PAGE
    part: str | None = None
    """A text that the names have; None = all."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_optional_text("part", self.part)


@verb("workflow", Kind.READ)
class GetWorkflow(Request[RegisteredText], frozen=True, kw_only=True):
    name: str
    version: str | None = None


@verb("add_workflow", Kind.CHANGE)
class AddWorkflow(Request[WorkflowAdded], frozen=True, kw_only=True):
    text: str
    source: str
    """What faults in it call it: the path of its file."""
    folder: str | None = None
    """Where the paths begin that it names; None = where a job of it is submitted."""
    name: str | None = None
    """None = the `name` of the document."""
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_text("source", self.source, most=bounds.PATH_MAX)
        bounds.check_optional_text("folder", self.folder, most=bounds.PATH_MAX)
        bounds.check_optional_text("name", self.name)


@verb("remove_workflow", Kind.CHANGE)
class RemoveWorkflow(Request[WorkflowRemoved], frozen=True, kw_only=True):
    name: str
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_text("name", self.name)


class WorkflowsReading(Verbs):
    """Registered workflows, read."""

    async def list(self, *, limit: int = PAGE, part: str | None = None) -> tuple[RegisteredView, ...]:
        """Return the current versions, by name; with a `part`, of names that have this text in any case."""
        return await self._control.ask(ListWorkflows(limit=limit, part=part))

    async def one(self, name: str, *, version: str | None = None) -> RegisteredText:
        """Return a version by its number or the beginning of its hash; None = the current one.

        Raises `NotFound` (`workflow.unknown`, `workflow.version`).
        """
        return await self._control.ask(GetWorkflow(name=name, version=version))


class WorkflowVerbs(WorkflowsReading):
    """Registered workflows, read and changed."""

    async def add(self, document: AddWorkflow) -> WorkflowAdded:
        """Make a document the current version of its name; the same content changes nothing.

        Raises `InvalidDocument` with every fault, and `Invalid` (`workflow.name`) for a name that is one of a
        built-in workflow or looks like a path.
        """
        return await self._control.ask(document)

    async def remove(self, name: str, *, actor: str = OPERATOR) -> WorkflowRemoved:
        """Remove a name with its versions; jobs that have pinned one keep it.

        Raises `NotFound` (`workflow.unknown`).
        """
        return await self._control.ask(RemoveWorkflow(name=name, actor=actor))
