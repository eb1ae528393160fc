"""Admission of documents and loose tasks as jobs and tasks.

Called by the engine for `submit` and `enqueue`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from core.model.commands import (
    Document,
    DocumentText,
    Enqueue,
    Enqueued,
    Submit,
    SubmitOptions,
    Submitted,
)
from core.model.errors import Fault, Invalid
from core.model.plans import PRIORITY_MAX, JobPlan, TaskPlan
from core.model.ports import Checks
from core.model.values import JsonObject, JsonValue
from core.model.workflow_views import ParamView, WorkflowView
from core.store.journal import Journal
from core.workflows.definition import Param
from core.workflows.expansion import Workflow, expand, parse, parse_loaded
from core.workflows.loader import load

NAME_MAX = 200
"""Characters of a key, queue or group."""


class Admission:
    """Check work and bring it into the store; from an answer on it survives a crash."""

    def __init__(self, journal: Journal, checks: Checks) -> None:
        self._journal = journal
        self._checks = checks

    async def submit(
        self,
        document: Document | Workflow,
        params: Mapping[str, JsonValue],
        *,
        options: SubmitOptions,
    ) -> Submitted:
        """Check, expand and admit a workflow (as parsed, its text, or the path of its file).

        Raises `InvalidDocument` with every fault, `Invalid` for parameters, `Conflict` for a taken key.
        """
        plan = plan_job(document, params, checks=self._checks, options=options)
        return await self._journal.submit(Submit(plan=plan, actor=options.actor))

    def describe(self, document: Document) -> WorkflowView:
        """Check a workflow as `submit` does, and say what it is; its parameters are not bound.

        Raises `InvalidDocument` with every fault, `NotFound` or `Invalid` for its file.
        """
        return _view(read_workflow(document, checks=self._checks))

    async def enqueue(self, plans: Sequence[TaskPlan], *, group: str | None, actor: str) -> Enqueued:
        """Check and admit loose tasks, all or none."""
        for plan in plans:
            self._check_loose(plan)
        if group is not None:
            _check_name("group", group)
        return await self._journal.submit(Enqueue(tasks=tuple(plans), group=group, actor=actor))

    def _check_loose(self, plan: TaskPlan) -> None:
        _check_name("key", plan.key)
        _check_name("queue", plan.queue)
        if not 0 <= plan.priority <= PRIORITY_MAX:
            raise Invalid(
                "task.priority",
                f"priority {plan.priority} is out of bounds",
                hint=f"use a whole number from 0 to {PRIORITY_MAX}",
            )
        faults = self._checks.check(plan.uses, plan.with_)
        if faults:
            raise Invalid(
                faults[0].code,
                f"task {plan.key!r}: {faults[0].message}",
                hint=f"fix the `with:` of connector {plan.uses!r}",
                facts={"faults": [fault.message for fault in faults]},
            )


def plan_job(
    document: Document | Workflow,
    params: Mapping[str, JsonValue],
    *,
    checks: Checks,
    options: SubmitOptions,
) -> JobPlan:
    """Return the plan of a document; tasks of a file run in its folder unless the options name another."""
    cwd = options.cwd
    if isinstance(document, str) and not cwd:
        cwd = str(Path(document).absolute().parent)
    workflow = document if isinstance(document, Workflow) else read_workflow(document, checks=checks)
    context: JsonObject = {**({"cwd": cwd} if cwd else {}), **({"env": options.env} if options.env else {})}
    plan = expand(workflow, params, context=context)
    return replace(plan, client_key=options.client_key, name=options.name or plan.name)


def read_workflow(document: Document, *, checks: Checks) -> Workflow:
    """Return the workflow of a document, its text or the path of its file; raise for every fault."""
    match document:
        case str():
            return parse(Path(document).absolute(), checks)
        case DocumentText():
            return parse_loaded(load(document.text, source=document.name), checks)
        case _:
            return parse(document, checks)


def _view(workflow: Workflow) -> WorkflowView:
    stages = workflow.document.in_stages()
    return WorkflowView(
        name=workflow.document.name,
        stages=len(stages),
        tasks=sum(len(stage.tasks) for stage in stages),
        params=tuple(_param(name, param) for name, param in workflow.document.params.items()),
        warnings=tuple(_warning(fault) for fault in workflow.warnings),
    )


def _param(name: str, param: Param) -> ParamView:
    return ParamView(
        name=name,
        type=param.type,
        required=param.required,
        # The survey of the document saw JSON only.
        default=cast("JsonValue", param.default),
        min=param.min,
        max=param.max,
        choices=tuple(cast("list[JsonValue]", param.enum or [])),
        description=param.description or "",
    )


def _warning(fault: Fault) -> str:
    return fault.message if fault.line is None else f"line {fault.line}: {fault.message}"


def _check_name(what: str, name: str) -> None:
    if not 1 <= len(name) <= NAME_MAX:
        raise Invalid(
            f"task.{what}",
            f"a {what} has 1 to {NAME_MAX} characters, not {len(name)}",
            hint=f"give it a {what} of that length",
        )
