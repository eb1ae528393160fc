"""The connector `workflow`: a task waits for a job of another workflow.

Built by the registry; the engine plans the child, the store begins it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from core.connectors.base import Input
from core.connectors.waiting import NoCall
from core.model.bounds import NAME_MAX, PATH_MAX
from core.model.codes import ErrorCodes
from core.model.expressions import OPENING
from core.model.patterns.children import OnChildFailure
from core.model.patterns.judgements import Await
from core.model.ports import InputFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.values import JsonObject

_CHOSEN_EARLY = "the workflow is chosen when the job is submitted: write its name or file out"


class ChildInput(Input):
    """The `with:` of a child: its workflow, by `file` or `name`, and its parameters."""

    file: Annotated[str | None, Field(min_length=1, max_length=PATH_MAX)] = None
    name: Annotated[str | None, Field(min_length=1, max_length=NAME_MAX)] = None
    params: Annotated[dict[str, object], Field(default_factory=dict)]
    on_child_failure: Annotated[OnChildFailure, Field(strict=False)] = OnChildFailure.FAIL

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for exactly one of `file` and `name`, written out."""
        if (with_.get("file") is None) == (with_.get("name") is None):
            yield InputFault(code="workflow.choice", message="give either `file` or `name`")
        for field in ("file", "name"):
            value = with_.get(field)
            if isinstance(value, str) and OPENING in value:
                yield InputFault(code="workflow.computed", message=_CHOSEN_EARLY, path=(field,))


class ChildWorkflow(NoCall):
    """Wait for a job of another workflow."""

    name = "workflow"
    schema = ChildInput
    codes = ErrorCodes(
        codes=frozenset(
            {
                "workflow.failed",
                "workflow.cancelled",
                "workflow.depth",
                "workflow.missing",
                "workflow.outputs",
            }
        )
    )
    secrets = ()
    """None: the parameters of the child are stored."""

    def await_answer(self, with_: JsonObject) -> Await:
        """Return nothing to wait for: the end of the child is the answer."""
        del with_
        return Await()
