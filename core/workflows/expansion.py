"""Expand a document into a job: parameters, defaults, plan.

Called by the engine's admission and by the commands `check` and `graph`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from core.model.errors import Fault, InvalidDocument
from core.model.limits.once import Once
from core.model.patterns.children import GIVEN
from core.model.patterns.children import USES as CHILD
from core.model.patterns.instances import ForEach
from core.model.plans import (
    NO_RETRY,
    NO_WATCHDOG,
    WATCHDOG_FIELDS,
    JobPlan,
    Leftovers,
    NeedPlan,
    RetryPolicy,
    StagePlan,
    TaskPlan,
    Watchdog,
)
from core.model.ports import Checks
from core.model.records import replace
from core.model.values import JsonObject, JsonValue
from core.workflows.definition import RETRY_ATTEMPTS, Defaults, Document, Finally, Retry, Stage, Task
from core.workflows.env_files import EnvFiles
from core.workflows.expressions.embedded import bare_source
from core.workflows.includes import read_whole
from core.workflows.instances import for_each_of
from core.workflows.limit_terms import estimate, named_limits, resolve_cost, resolve_limits, resolve_once
from core.workflows.loader import Loaded, load
from core.workflows.parameters import bind, written_numbers
from core.workflows.positions import NO_POSITIONS, Positions
from core.workflows.shared_inputs import shared_input, with_shared
from core.workflows.validation import check
from core.workflows.variables import first_variables, keep_variable_texts, untyped_variables
from core.workflows.worklets import on_failure_plan
from core.workflows.written import Places, keep_texts, number_texts, put_in, put_numbers, untyped_faults

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A document without fault: typed, as it was parsed, and what to warn of."""

    document: Document
    definition: JsonObject
    """The mapping as parsed, for the store."""
    source: str
    """What it is called in messages: a path, a name."""
    warnings: tuple[Fault, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Defaults of parameters that are numbers, as they were written."""
    places: Mapping[str, Places] = field(default_factory=dict)
    """Where inputs hold text, by connector."""
    fields: Mapping[str, Collection[str]] = field(default_factory=dict)
    """What inputs may have, by connector."""
    positions: Positions = NO_POSITIONS


def parse(source: Path | str | bytes | Mapping[str, JsonValue], checks: Checks) -> Workflow:
    """Return the workflow of a file (`Path`), a text (`str`, `bytes`) or a mapping.

    Raises `NotFound`, `Invalid`, or `InvalidDocument` with every fault.
    """
    return parse_loaded(_load(source), checks)


def parse_loaded(loaded: Loaded, checks: Checks) -> Workflow:
    """Return the workflow of a document that was read already."""
    numbers: Mapping[str, str] = {}
    untyped: tuple[Fault, ...] = ()
    if isinstance(loaded.value, dict) and loaded.positions is not NO_POSITIONS:
        numbers = number_texts(loaded.value, loaded.texts)
        untyped = (
            *untyped_faults(loaded.value, loaded.positions),
            *untyped_variables(loaded.value, loaded.texts, loaded.positions),
        )
        keep_texts(loaded.value, loaded.texts, checks, null=loaded.null)
        keep_variable_texts(loaded.value, loaded.texts)
    report = check(loaded.value, loaded.positions, checks)
    if report.document is None or not isinstance(loaded.value, dict):
        raise InvalidDocument(loaded.source, report.faults)
    return Workflow(
        document=report.document,
        definition=loaded.value,
        source=loaded.source,
        warnings=(*untyped, *report.warnings),
        numbers=numbers,
        places={uses: checks.texts(uses) for uses in checks.names()},
        fields={uses: checks.fields(uses) for uses in checks.names()},
        positions=loaded.positions,
    )


def expand(
    workflow: Workflow,
    params: Mapping[str, JsonValue] | None = None,
    *,
    context: JsonObject | None = None,
    today: date | None = None,
    folder: Path | None = None,
) -> JobPlan:
    """Return the plan of a job with these parameters; `context` (cwd, env) goes to every task.

    Files of variables (`env_file`) are read now, from the `folder` of the document.

    Parameters may be text, as from a command line; `today` is what dates count from, by default that of this
    machine. Raises `Invalid` with every reason why not.
    """
    document = workflow.document
    given = params or {}
    bound = bind(document.params, given, today=today or datetime.now().astimezone().date())
    numbers = written_numbers(document.params, given, defaults=workflow.numbers)
    shared = context or {}
    variables = _Variables(document, EnvFiles(folder=folder))
    stages = tuple(
        StagePlan(
            name=stage.name,
            is_finally=isinstance(stage, Finally),
            tasks=tuple(
                _put_params(
                    _put_numbers(
                        _with_shared(
                            _to_plan(
                                task,
                                document.defaults,
                                stage=stage,
                                context=variables.put_into(shared, task, stage),
                            ),
                            workflow,
                        ),
                        workflow,
                        numbers,
                    ),
                    bound,
                )
                for task in stage.tasks
            ),
        )
        for stage in document.in_stages()
    )
    return JobPlan(
        name=document.name,
        stages=stages,
        params=bound,
        variables=first_variables(document.variables, bound),
        on_task_failure=document.on_task_failure,
        definition_hash=hash_of(workflow.definition),
        definition=workflow.definition,
        notify=document.notify,
        expect_ms=None if document.expect is None else document.expect.every,
        project=document.project,
        outputs=document.outputs,  # type: ignore[arg-type] # The survey saw JSON only.
    )


def drafts(workflow: Workflow) -> tuple[TaskPlan, ...]:
    """Return the tasks of a document as far as they are known without parameters and files of variables."""
    document = workflow.document
    return tuple(
        _with_shared(_to_plan(task, document.defaults, stage=stage, context={}), workflow)
        for stage in document.in_stages()
        for task in stage.tasks
    )


def _with_shared(plan: TaskPlan, workflow: Workflow) -> TaskPlan:
    """Return a task whose input has what the defaults say of inputs."""
    shared = shared_input(workflow.document.defaults)
    if not shared:
        return plan
    with_ = with_shared(plan.with_, shared, fields=workflow.fields.get(plan.uses, ()))
    return replace(plan, with_=with_)


def _put_numbers(plan: TaskPlan, workflow: Workflow, numbers: Mapping[str, str]) -> TaskPlan:
    with_ = put_numbers(plan.with_, workflow.places.get(plan.uses, ()), numbers)
    if plan.once is not None:
        plan = replace(plan, once=replace(plan.once, key=put_in(plan.once.key, numbers)))
    if plan.limits:
        plan = replace(plan, limits=tuple(replace(ref, key=put_in(ref.key, numbers)) for ref in plan.limits))
    return plan if with_ is plan.with_ else replace(plan, with_=with_)


def _put_params(plan: TaskPlan, params: JsonObject) -> TaskPlan:
    """Return a task whose keys of limits and amounts are worked out as far as parameters decide them."""
    scope, known, place = {"params": params}, ("params",), ("tasks", plan.key)
    once = resolve_once(plan.once, scope, place=place)
    if not plan.has_open_terms:
        return plan if once is plan.once else replace(plan, once=once)
    return replace(
        plan,
        once=once,
        limits=resolve_limits(plan.limits, scope, known=known, place=place),
        cost=None if plan.cost is None else resolve_cost(plan.cost, scope, known=known, place=place),
    )


def hash_of(definition: JsonObject) -> str:
    """Return the SHA-256 of a definition: same content, same hash, whatever the order of its keys."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _load(source: Path | str | bytes | Mapping[str, JsonValue]) -> Loaded:
    if isinstance(source, Path):
        return read_whole(source)
    if isinstance(source, str | bytes):
        return load(source)
    return Loaded(value=dict(source), positions=NO_POSITIONS, source="workflow")


def _to_plan(task: Task, defaults: Defaults, *, stage: Stage, context: JsonObject) -> TaskPlan:
    priority = _first(task.priority, defaults.priority)
    with_: JsonObject = task.with_  # type: ignore[assignment] # The survey saw JSON only.
    metadata: JsonObject = task.metadata  # type: ignore[assignment] # As above.
    worklet = stage.worklet_of(task)
    return TaskPlan(
        key=task.key,
        uses=task.uses or defaults.uses or "",
        with_=with_,
        name=task.name,
        needs=tuple(NeedPlan(key=need.task, when=need.when, each=need.each) for need in task.needs),
        when=None if task.when is None else bare_source(task.when),
        queue=task.queue or defaults.queue or "default",
        priority=0 if priority is None else priority,
        timeout_ms=_first(task.timeout, defaults.timeout),
        watchdog=_watchdog(task, defaults),
        on_loss=task.on_loss or defaults.on_loss,
        retry=_merge_retry(task.retry, defaults.retry),
        output_limit=_first(task.output_limit, defaults.output_limit),
        on_overflow=task.on_overflow or defaults.on_overflow,
        leftovers=task.leftovers or defaults.leftovers or Leftovers.KILL,
        success_exit_codes=tuple(_listed(task.success_exit_codes, defaults.success_exit_codes)),
        continue_on_error=bool(_first(task.continue_on_error, defaults.continue_on_error)),
        skip_exit_codes=tuple(_listed(task.skip_exit_codes, defaults.skip_exit_codes)),
        for_each=_for_each(task) if task.is_group else None,
        limits=named_limits(task, defaults),
        cost=estimate(task, defaults),
        prefer=tuple(_listed(task.prefer, defaults.prefer)),
        on_exhausted=task.on_exhausted or defaults.on_exhausted,
        tags=tuple(_listed(task.tags, defaults.tags)),
        once=None if task.once is None else Once(key=task.once.key, for_=task.once.for_),
        artifacts={**task.artifacts} if task.artifacts else {},
        on_failure=None if worklet is None else on_failure_plan(worklet),
        set_=task.set_ or {},  # type: ignore[arg-type] # As above.
        metadata=metadata,
        context=context,
    )


def _for_each(task: Task) -> ForEach:
    return for_each_of(task, when=task.when, each=tuple(need.task for need in task.needs if need.each))


def _watchdog(task: Task, defaults: Defaults) -> Watchdog:
    pairs = {name: _first(getattr(task, name), getattr(defaults, name)) for name in WATCHDOG_FIELDS}
    said = {f"{name}_ms": ms or 0 for name, ms in pairs.items()}
    return Watchdog(**said) if any(said.values()) else NO_WATCHDOG


class _Variables:
    """The variables of tasks: of the document, the defaults and the task; at each level `env` over files."""

    def __init__(self, document: Document, files: EnvFiles) -> None:
        self._files = files
        self._shared = {**self._of(document), **self._of(document.defaults)}
        self._uses = document.defaults.uses

    def put_into(self, context: JsonObject, task: Task, stage: Stage) -> JsonObject:
        """Return the context with the variables of a task; those that the submission names win."""
        named: JsonObject = {**self._shared, **self._of(task)}
        given = context.get("env")
        if given and ((task.uses or self._uses) == CHILD or stage.worklet_of(task)):
            # The job below gets them as well, and not those that this document names for its own tasks.
            context = {**context, GIVEN: given}
        if not named:
            return context
        return {**context, "env": {**named, **(given if isinstance(given, dict) else {})}}

    def _of(self, level: Document | Defaults | Task) -> dict[str, str]:
        return {**self._files.variables(level.env_file), **level.env}


def _first(own: _T | None, default: _T | None) -> _T | None:
    return default if own is None else own


def _listed(own: list[_T] | None, default: list[_T] | None) -> list[_T]:
    return (default or []) if own is None else own


def _merge_retry(own: Retry | None, default: Retry | None) -> RetryPolicy:
    """Merge field by field, the task's own word first; no `retry:` anywhere is one attempt."""
    if own is None and default is None:
        return NO_RETRY
    first, second = own or Retry(), default or Retry()
    attempts = _first(first.max_attempts, second.max_attempts)
    base = _first(first.base, second.base)
    longest = _first(first.max, second.max)
    errors = (first.on if first.on is not None else second.on) or []
    return RetryPolicy(
        max_attempts=RETRY_ATTEMPTS if attempts is None else attempts,
        backoff=first.backoff or second.backoff or NO_RETRY.backoff,
        base_ms=NO_RETRY.base_ms if base is None else base,
        max_ms=NO_RETRY.max_ms if longest is None else longest,
        jitter=first.jitter or second.jitter or NO_RETRY.jitter,
        on=tuple(one for one in errors if isinstance(one, str)),
        output=tuple(one.output for one in errors if not isinstance(one, str)),
    )
