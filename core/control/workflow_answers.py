"""Answers to requests that change the registry of workflows.

Used by `LocalControl`; what changes is signed with the user.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from core.control.nouns import workflows
from core.engine.admissions.admission import read_workflow
from core.model.actors import signed
from core.model.bounds import NAME_MAX
from core.model.commands.work import DocumentText
from core.model.commands.workflows import AddWorkflow, RemoveWorkflow, WorkflowAdded, WorkflowRemoved
from core.model.errors import Invalid
from core.model.patterns.children import is_path
from core.model.records import replace
from core.model.text import safe_line
from core.workflows.expansion import hash_of
from core.workflows.registry import names

if TYPE_CHECKING:
    from core.control.answers import Answers
    from core.model.ports import Checks
    from core.store.journal import Journal


class RegistryPort(Protocol):
    """An engine that keeps a registry."""

    @property
    def checks(self) -> Checks:
        """What checks the tasks of documents."""

    @property
    def journal(self) -> Journal:
        """The line of commands to the writer."""


class WorkflowAnswers:
    """The answers of the part `workflows`."""

    def __init__(self, engine: RegistryPort, user: str) -> None:
        self._engine = engine
        self._user = user

    def add_to(self, answers: Answers) -> None:
        """Put the answers into a table."""
        answers.to(workflows.AddWorkflow, self._add)
        answers.to(workflows.RemoveWorkflow, self._remove)

    async def _add(self, request: workflows.AddWorkflow) -> WorkflowAdded:
        document = DocumentText(name=request.source, text=request.text)
        checks = self._engine.checks
        # A large document takes seconds: others are served meanwhile.
        workflow = await asyncio.to_thread(read_workflow, document, checks=checks)
        name = request.name or workflow.document.name
        _check_name(name)
        command = AddWorkflow(
            name=name,
            hash=hash_of(workflow.definition),
            text=request.text,
            source=request.source,
            folder=request.folder,
            actor=signed(request.actor, self._user),
        )
        added = await self._engine.journal.submit(command)
        return replace(added, warnings=tuple(fault.message for fault in workflow.warnings))

    async def _remove(self, request: workflows.RemoveWorkflow) -> WorkflowRemoved:
        actor = signed(request.actor, self._user)
        return await self._engine.journal.submit(RemoveWorkflow(name=request.name, actor=actor))


def _check_name(name: str) -> None:
    """Refuse a name that means something else where workflows are named."""
    shown = safe_line(name)
    reason = None
    if name in names():
        reason = "is the name of a built-in workflow"
    elif is_path(name) or name.startswith(("-", "~")):
        reason = "would be read as a file or an option"
    elif not name.strip() or shown != name or len(name) > NAME_MAX:
        reason = f"is not a plain line of 1 to {NAME_MAX} characters"
    if reason is not None:
        raise Invalid(
            "workflow.name",
            f"`{shown}` {reason}: a workflow cannot be registered under it",
            hint="give another name with --name",
            facts={"workflow": shown},
        )
