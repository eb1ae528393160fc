"""Admission of documents and loose tasks as jobs and tasks.

Called by the engine for `submit` and `enqueue`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from core.engine.admissions.child_documents import pin_documents
from core.engine.admissions.kept_surroundings import KeptSurroundings, text_of
from core.engine.admissions.limit_checks import check_document, check_loose, says_of_limits
from core.model import bounds
from core.model.commands.work import (
    Document,
    DocumentText,
    Enqueue,
    Enqueued,
    Submit,
    SubmitOptions,
    Submitted,
)
from core.model.errors import Fault, Invalid, NotFound
from core.model.limits.limits import Limit
from core.model.paths import absolute
from core.model.patterns.children import GIVEN_RETRY, PinnedDocument
from core.model.patterns.children import USES as CHILD
from core.model.patterns.workflow_views import ParamView, WorkflowView
from core.model.plans import (
    NO_RETRY,
    NO_WATCHDOG,
    SILENCES,
    JobPlan,
    OnLoss,
    RetryPolicy,
    TaskPlan,
    silence_fault,
)
from core.model.ports import Checks
from core.model.records import replace
from core.model.surroundings import Surroundings
from core.model.task_specs import check_task
from core.model.text import safe_line
from core.model.timing.schedules import Schedule
from core.model.values import JsonObject, JsonValue, json_size, to_iso
from core.store.journal import Journal
from core.timetables.timetable import timetable_of
from core.workflows.child_uses import with_whole_paths
from core.workflows.definition import Param
from core.workflows.exit_codes import check_process
from core.workflows.expansion import Workflow, expand, parse, parse_loaded
from core.workflows.expressions.resolving import resolve
from core.workflows.limits import survey
from core.workflows.loader import load
from core.workflows.retry_codes import pattern_fault


class Binding(Protocol):
    """Where the limits that bind are read."""

    async def binding_limits(self) -> tuple[Limit, ...]:
        """Return the limits that bind, by name."""


class Registered(Protocol):
    """Where registered workflows are read."""

    async def current(self, names: Iterable[str]) -> dict[str, PinnedDocument]:
        """Return the current versions of those of the names that are registered."""


class Known(Protocol):
    """What the admission reads: the store's reports."""

    @property
    def binding(self) -> Binding:
        """Limits."""

    @property
    def workflows(self) -> Registered:
        """The registry of workflows."""


class Admission:
    """Check work and bring it into the store; from an answer on it survives a crash."""

    def __init__(
        self, journal: Journal, checks: Checks, known: Known, *, env_allow: Sequence[str] = ()
    ) -> None:
        self._journal = journal
        self._checks = checks
        self._known = known
        self._surroundings = KeptSurroundings(env_allow)

    def allow(self, names: Sequence[str]) -> None:
        """Keep these variables of who submits, beside the harmless ones."""
        self._surroundings.allow(names)

    async def submit(
        self,
        document: Document | Workflow,
        params: Mapping[str, JsonValue],
        *,
        options: SubmitOptions,
        surroundings: Surroundings | None = None,
    ) -> Submitted:
        """Check, expand and admit a workflow (as parsed, its text, or the path of its file).

        Of the surroundings tasks get what `env_allow` allows; None = the engine's own at their start.

        Raises `InvalidDocument` with every fault, `Invalid` for parameters, `Conflict` for a taken key.
        """
        kept = self._surroundings.of(surroundings)
        plan = await self._plan(document, params, options=options)
        return await self._journal.submit(Submit(plan=plan, actor=options.actor, surroundings=kept.text))

    async def plan_fire(self, schedule: Schedule, at: int) -> Submit:
        """Return the submission of a fire; its parameters may ask for `fire.at`, `fire.previous` (ISO 8601).

        Raises as `submit` does.
        """
        work = schedule.work
        document = DocumentText(name=work.source or schedule.name, text=work.text or "")
        folder: str | None = None
        if work.workflow is not None:
            pinned = await self._registered(work.workflow)
            document, folder = DocumentText(name=pinned.source, text=pinned.text), pinned.folder
        options = SubmitOptions(
            actor=f"schedule {schedule.name}"[: bounds.NAME_MAX],
            cwd=folder or work.cwd,
            env=work.env,
            project=work.project,
            retry=work.retry,
        )
        before = timetable_of(schedule.timing).last_before(at - 1, not_before=0)
        fire: JsonObject = {"at": to_iso(at), "previous": None if before is None else to_iso(before)}
        params = resolve(work.params, {"fire": fire}, ("params",))
        assert isinstance(params, dict)
        plan = await self._plan(work.path or document, params, options=options)
        return Submit(plan=plan, actor=options.actor, surroundings=text_of(work.surroundings))

    async def _registered(self, name: str) -> PinnedDocument:
        """Return the current version of a registered workflow; raise `NotFound` (`workflow.unknown`)."""
        found = (await self._known.workflows.current([name])).get(name)
        if found is None:
            shown = safe_line(name)
            raise NotFound(
                "workflow.unknown",
                f"no workflow is registered as `{shown}`",
                hint="add it with 'taskdeck workflows add', or see 'taskdeck workflows'",
                facts={"workflow": shown},
            )
        return found

    def kept_surroundings(self, surroundings: Surroundings) -> JsonObject:
        """Return what tasks get of the surroundings of who adds a schedule."""
        return self._surroundings.of(surroundings).stored

    async def _plan(
        self, document: Document | Workflow, params: Mapping[str, JsonValue], *, options: SubmitOptions
    ) -> JobPlan:
        _check_params(params)
        # A large document takes seconds: others are served meanwhile.
        workflow, plan = await asyncio.to_thread(
            read_and_plan, document, params, checks=self._checks, options=options
        )
        folder = _folder_of(document, options)
        pins = await self._pins(workflow, folder)
        if pins:
            plan = replace(with_whole_paths(plan, folder), documents=pins)
        return await self._limited(workflow, plan)

    async def _pins(self, workflow: Workflow, folder: Path | None) -> tuple[PinnedDocument, ...]:
        """Return the documents that a workflow names; those of registered ones are read as they are met."""
        registered: dict[str, PinnedDocument | None] = {}
        while True:
            pinned = await asyncio.to_thread(
                pin_documents, workflow, folder=folder, checks=self._checks, registered=registered
            )
            if not pinned.wanted:
                return pinned.documents
            registered |= dict.fromkeys(pinned.wanted)
            registered |= await self._known.workflows.current(pinned.wanted)

    async def plan_child(
        self, document: DocumentText, params: JsonObject, *, options: SubmitOptions, folder: Path | None
    ) -> JobPlan:
        """Return the plan of a child, whose documents its root has pinned; raise as `submit` does."""
        child, plan = await asyncio.to_thread(
            read_and_plan, document, params, checks=self._checks, options=options
        )
        return await self._limited(child, with_whole_paths(plan, folder))

    async def _limited(self, workflow: Workflow, plan: JobPlan) -> JobPlan:
        """Return a plan whose limits were checked against those that bind."""
        tasks = [task for stage in plan.stages for task in stage.tasks]
        if any(map(says_of_limits, tasks)):
            limits = await self._known.binding.binding_limits()
            await asyncio.to_thread(check_document, workflow, tasks, limits, project=plan.project)
        return plan

    async def describe(self, document: Document) -> WorkflowView:
        """Check a workflow as `submit` does, and say what it is; its parameters are not bound.

        Raises `InvalidDocument` with every fault, `NotFound` or `Invalid` for its file.
        """
        return _view(await asyncio.to_thread(read_workflow, document, checks=self._checks))

    async def enqueue(
        self,
        plans: Sequence[TaskPlan],
        *,
        group: str | None,
        actor: str,
        surroundings: Surroundings | None = None,
    ) -> Enqueued:
        """Check and admit loose tasks, all or none."""
        bounds.check_text("actor", actor)
        bounds.check_optional_text("group", group)
        if len(plans) > bounds.TASKS_MAX:
            raise bounds.refused("tasks", len(plans), f"at most {bounds.TASKS_MAX} tasks of one request")
        for plan in plans:
            self._check_loose(plan)
        if any(map(says_of_limits, plans)):
            limits = await self._known.binding.binding_limits()
            for plan in plans:
                check_loose(plan, limits)
        tasks = tuple([_kept(plan, self._checks) for plan in plans])
        kept = self._surroundings.of(surroundings).text
        return await self._journal.submit(Enqueue(tasks=tasks, group=group, actor=actor, surroundings=kept))

    def _check_loose(self, plan: TaskPlan) -> None:
        check_task(plan)
        for name, value in (("with", plan.with_), ("metadata", plan.metadata), ("context", plan.context)):
            if value:
                _check_json(plan.key, name, value)
        faults = self._checks.check(plan.uses, plan.with_)
        self._check_silence(plan)
        check_process(plan, self._checks)
        for text in plan.retry.on:
            reason = pattern_fault(text, plan.uses, self._checks)
            if reason is not None:
                raise Invalid(
                    "task.on",
                    f"task {safe_line(plan.key)!r}: {reason}",
                    hint="fix `retry.on`",
                    facts={"field": "retry.on", "key": plan.key, "code": text},
                )
        if faults:
            raise Invalid(
                faults[0].code,
                f"task {plan.key!r}: {faults[0].message}",
                hint=f"fix the `with:` of connector {plan.uses!r}",
                facts={"faults": [fault.message for fault in faults]},
            )

    def _check_silence(self, plan: TaskPlan) -> None:
        if plan.watchdog is NO_WATCHDOG or self._checks.has_output(plan.uses):
            return
        for name in SILENCES:
            if getattr(plan.watchdog, f"{name}_ms"):
                raise Invalid(
                    f"task.{name}",
                    f"task {safe_line(plan.key)!r}: {silence_fault(name, plan.uses)}",
                    hint="give a `timeout`",
                    facts={"field": name, "key": plan.key},
                )


def _folder_of(document: Document | Workflow, options: SubmitOptions) -> Path | None:
    """Return where the paths begin that a document names."""
    if isinstance(document, str):
        return absolute(Path(document)).parent
    return None if options.cwd is None else Path(options.cwd)


def _check_json(key: str, field: str, value: JsonObject) -> None:
    fault = survey(value)
    if fault is not None:
        raise Invalid(
            f"task.{field}",
            f"task {safe_line(key)!r}: `{field}` has {fault.message}",
            hint="give plain JSON values",
            facts={"field": field, "key": key},
        )
    size = json_size(value)
    if size > bounds.INPUT_BYTES:
        wanted = f"at most {bounds.INPUT_BYTES} bytes as JSON; pass large data by a file"
        raise bounds.refused(field, f"{size} bytes", wanted)


def _check_params(params: Mapping[str, JsonValue]) -> None:
    fault = survey(dict(params))
    if fault is not None:
        raise Invalid(
            "params.invalid",
            f"the parameters have {fault.message}",
            hint="give plain JSON values",
            facts={"field": "params"},
        )
    size = json_size(dict(params))
    if size > bounds.PARAMS_BYTES:
        wanted = f"at most {bounds.PARAMS_BYTES} bytes as JSON; pass large data by a file"
        raise bounds.refused("params", f"{size} bytes", wanted)


def plan_job(
    document: Document | Workflow,
    params: Mapping[str, JsonValue],
    *,
    checks: Checks,
    options: SubmitOptions,
) -> JobPlan:
    """Return the plan of a document; tasks of a file run in its folder unless the options name another."""
    return read_and_plan(document, params, checks=checks, options=options).plan


class PlannedDocument(NamedTuple):
    """A workflow, and the plan of a job of it."""

    workflow: Workflow
    plan: JobPlan


def read_and_plan(
    document: Document | Workflow,
    params: Mapping[str, JsonValue],
    *,
    checks: Checks,
    options: SubmitOptions,
) -> PlannedDocument:
    """Return the workflow of a document and its plan, as `submit` admits it; raise as that does."""
    cwd = options.cwd
    folder = Path(cwd) if cwd else None
    if isinstance(document, str):
        folder = absolute(Path(document)).parent
        cwd = cwd or str(folder)
    workflow = document if isinstance(document, Workflow) else read_workflow(document, checks=checks)
    context: JsonObject = {
        **({"cwd": cwd} if cwd else {}),
        **({"env": options.env} if options.env else {}),
    }
    plan = expand(workflow, params, context=context, folder=folder)
    project = options.project or plan.project
    return PlannedDocument(
        workflow,
        replace(
            plan,
            client_key=options.client_key,
            name=options.name or plan.name,
            project=project,
            stages=tuple(
                replace(
                    stage,
                    tasks=tuple(
                        _labelled(_retried(_kept(task, checks), options.retry), project)
                        for task in stage.tasks
                    ),
                )
                for stage in plan.stages
            ),
        ),
    )


def _labelled(plan: TaskPlan, project: str | None) -> TaskPlan:
    return plan if project is None else replace(plan, project=project)


def _retried(plan: TaskPlan, retry: int) -> TaskPlan:
    """Return a task that is run again this often, unless it has a `retry` of its own.

    One with a child gives that on: what fails there is run again there, and not once more from above.
    """
    if not retry:
        return plan
    if plan.uses == CHILD or plan.on_failure is not None:
        plan = replace(plan, context={**plan.context, GIVEN_RETRY: retry})
    if plan.uses == CHILD or plan.retry is not NO_RETRY:
        return plan
    return replace(plan, retry=RetryPolicy(max_attempts=retry + 1))


def _kept(plan: TaskPlan, checks: Checks) -> TaskPlan:
    """Return a task as it is stored: its input, and `ask` where its connector forbids to repeat a call."""
    with_ = checks.keep(plan.uses, plan.with_)
    plan = plan if with_ is plan.with_ else replace(plan, with_=with_)
    if checks.waits(plan.uses):
        return replace(plan, waits=True)
    if plan.on_loss is not None or checks.may_repeat(plan.uses, with_):
        return plan
    return replace(plan, on_loss=OnLoss.ASK)


def read_workflow(document: Document, *, checks: Checks) -> Workflow:
    """Return the workflow of a document, its text or the path of its file; raise for every fault."""
    match document:
        case str():
            return parse(absolute(Path(document)), checks)
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
        required=param.is_required,
        # The survey of the document saw JSON only.
        default=cast("JsonValue", param.default),
        min=param.min,
        max=param.max,
        choices=tuple(cast("list[JsonValue]", param.enum or [])),
        description=param.description or "",
    )


def _warning(fault: Fault) -> str:
    if fault.line is None:
        return fault.message
    return f"{fault.file}{', ' if fault.file else ''}line {fault.line}: {fault.message}"
