"""Plans of children, and what children give out.

Called by the conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.engine.attempts.attempt import Scoping
from core.engine.attempts.task_results import VariableTypes
from core.engine.expression_scopes import ExpressionScope
from core.model.commands.work import DocumentText, SubmitOptions
from core.model.errors import Invalid
from core.model.outcomes import TaskError
from core.model.patterns.children import OnChildFailure, reference_of
from core.model.patterns.judgements import BeginChild, BeginWorklet, FailIt, GiveUp, Judgement, TakeOutputs
from core.model.plans import JobPlan
from core.model.stored_spec import StoredSpec
from core.model.values import JsonObject, JsonValue
from core.rules.worklets import read_result
from core.store.reports.child_inputs import AskedOutputs, PinnedText
from core.store.reports.conditions import WaitingCondition
from core.store.reports.rows import object_of

FIELD = "on_failure"
"""What messages call the place of a worklet in its task."""


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


class ChildReports(Protocol):
    """What is read for children: the store's reports."""

    @property
    def child_inputs(self) -> ChildInputs:
        """Documents and outputs."""

    @property
    def variables(self) -> VariableTypes:
        """Variables of jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildPlans:
    """Work out what the store asks of tasks with children."""

    planner: Planner
    reports: ChildReports
    scopes: Scoping

    async def begin(self, task: WaitingCondition, spec: StoredSpec, scope: ExpressionScope) -> Judgement:
        """Return the child that a task begins."""
        with_ = _object(await scope.resolve(spec.with_, task.key))
        plan = await self._plan(task, spec, reference_of(with_), _object(with_.get("params")))
        said = with_.get("on_child_failure")
        return BeginChild(
            plan=plan,
            on_child_failure=OnChildFailure(str(said)) if said else OnChildFailure.FAIL,
            within_ms=spec.timeout_ms or None,
            terms=await scope.terms(spec, task.key) if spec.open_terms else None,
        )

    async def begin_worklet(self, task: WaitingCondition, spec: StoredSpec, env: JsonObject) -> Judgement:
        """Return the worklet that a task which failed begins, or why it begins none."""
        said = spec.on_failure
        if said is None:
            return GiveUp()
        if said.when is not None:
            # By itself: what the parameters mention is read only for a worklet that is wanted.
            try:
                scope = await self._of_failure(task, spec, f"${{{{ {said.when} }}}}", env)
                if not await scope.judge(said.when, task.key, FIELD):
                    return GiveUp(reason=f"the `when` of its {FIELD} is false")
            except Invalid as error:
                return GiveUp(reason=f"no worklet began: {error.message}")
        scope = await self._of_failure(task, spec, said.params, env)
        params = _object(await scope.resolve(said.params, task.key, FIELD))
        plan = await self._plan(task, spec, said.reference, params)
        return BeginWorklet(plan=plan, within_ms=said.timeout_ms or None)

    async def _of_failure(
        self, task: WaitingCondition, spec: StoredSpec, value: JsonValue, env: JsonObject
    ) -> ExpressionScope:
        """Return the scope of a task that failed, for the expressions inside a value."""
        scope = await self.scopes.scope(task.job_id, value, env, item=spec.item)
        return scope.with_failure(object_of(task.error), key=task.key, attempt=task.epoch)

    async def _plan(
        self, task: WaitingCondition, spec: StoredSpec, reference: str, params: JsonObject
    ) -> JobPlan:
        pinned = await self.reports.child_inputs.pinned_text(task.job_id, reference)
        if pinned is None:
            message = "the document of its child is not kept: it was not there when the job was submitted"
            raise Invalid("workflow.missing", message)
        folder = pinned.folder or spec.cwd
        options = SubmitOptions(
            actor=f"task {task.task_id}",
            cwd=folder,
            env=spec.given_env,
            project=pinned.project,
            retry=spec.given_retry,
        )
        return await self.planner.plan_child(
            DocumentText(name=pinned.source, text=pinned.text),
            params,
            options=options,
            folder=None if folder is None else Path(folder),
        )

    async def outputs(self, task: WaitingCondition) -> Judgement:
        """Return what the child of a task gives out, or what its worklet decided."""
        asked = await self.reports.child_inputs.asked_outputs(task.task_id)
        if asked is None:
            message = "its child asks for nothing"
            return FailIt(error=TaskError(code="workflow.missing", message=message))
        try:
            scope = await self.scopes.scope(asked.job_id, asked.outputs, {})
            outputs = _object(await scope.resolve(asked.outputs, "outputs"))
            if not asked.is_worklet:
                return TakeOutputs(outputs=outputs)
            return read_result(outputs, await self.reports.variables.types(task.job_id))
        except Invalid as error:
            job = f"job {asked.job_id}"
            undone = f"the outputs of {job} cannot be worked out"
            what = f"{job} does not say what follows" if asked.is_worklet else undone
            message = f"{what}: {error.message}"
            return FailIt(error=TaskError(code="workflow.outputs", message=message))


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
