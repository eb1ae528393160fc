"""Plans of children, and what children give out.

Called by the conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.engine.attempts import Scoping
from core.engine.expression_scopes import ExpressionScope
from core.model.children import OnChildFailure, reference_of
from core.model.commands import DocumentText, SubmitOptions
from core.model.errors import Invalid
from core.model.judgements import BeginChild, FailIt, Judgement, TakeOutputs
from core.model.outcomes import TaskError
from core.model.plans import JobPlan
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject, JsonValue
from core.store.reports.child_inputs import AskedOutputs, PinnedText
from core.store.reports.conditions import WaitingCondition


class Planner(Protocol):
    """Who makes the plan of a child."""

    async def plan_child(
        self, document: DocumentText, params: JsonObject, *, options: SubmitOptions, folder: Path | None
    ) -> JobPlan:
        """Return a plan; raise `Invalid`."""


class ChildInputs(Protocol):
    """Where pinned documents and asked outputs are read."""

    async def pinned_text(self, job_id: int, reference: str) -> PinnedText | None:
        """Return the document that a job names so."""

    async def asked_outputs(self, task_id: int) -> AskedOutputs | None:
        """Return what the child of a task gives out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildPlans:
    """Work out what the store asks of tasks with children."""

    planner: Planner
    inputs: ChildInputs
    scopes: Scoping

    async def begin(self, task: WaitingCondition, spec: StoredSpec, scope: ExpressionScope) -> Judgement:
        """Return the child that a task begins."""
        with_ = _object(await scope.resolve(spec.with_, task.key))
        pinned = await self.inputs.pinned_text(task.job_id, reference_of(with_))
        if pinned is None:
            message = "the document of its child is not kept: it was not there when the job was submitted"
            return FailIt(error=TaskError(code="workflow.missing", message=message))
        params = _object(with_.get("params"))
        folder = pinned.folder or spec.cwd
        options = SubmitOptions(
            actor=f"task {task.task_id}", cwd=folder, env=spec.given_env, project=pinned.project
        )
        plan = await self.planner.plan_child(
            DocumentText(name=pinned.source, text=pinned.text),
            params,
            options=options,
            folder=None if folder is None else Path(folder),
        )
        said = with_.get("on_child_failure")
        return BeginChild(
            plan=plan,
            on_child_failure=OnChildFailure(str(said)) if said else OnChildFailure.FAIL,
            within_ms=spec.timeout_ms or None,
        )

    async def outputs(self, task: WaitingCondition) -> Judgement:
        """Return what the child of a task gives out."""
        asked = await self.inputs.asked_outputs(task.task_id)
        if asked is None:
            message = "its child asks for nothing"
            return FailIt(error=TaskError(code="workflow.missing", message=message))
        try:
            scope = await self.scopes.scope(asked.job_id, asked.outputs, {})
            return TakeOutputs(outputs=_object(await scope.resolve(asked.outputs, "outputs")))
        except Invalid as error:
            message = f"the outputs of job {asked.job_id} cannot be worked out: {error.message}"
            return FailIt(error=TaskError(code="workflow.outputs", message=message))


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
