"""Worklets in a document: `on_failure`, its meaning, its faults.

Used by the definition, the expansion and the validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from core.model.bounds import PATH_MAX
from core.model.errors import Fault
from core.model.expressions import OPENING
from core.model.near_misses import one_of
from core.model.patterns.children import RESULT_FIELDS, ROUNDS, ROUNDS_MAX, OnFailure, Result
from core.model.ports import Checks
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import OF_FAILURE, ROOTS
from core.workflows.expressions.embedded import bare_source
from core.workflows.field_types import Condition, Limit, Loose, Name
from core.workflows.instances import item_roots
from core.workflows.outline import Outline, TaskOutline, is_group
from core.workflows.positions import Positions
from core.workflows.strict_model import STRICT
from core.workflows.task_references import MISPLACED, TaskReferences, texts_in

RESOLVED = ("params", "when")
"""Where expressions are resolved in `on_failure`."""


class OnFailureUse(BaseModel):
    """The worklet of a task that failed: exactly one of `workflow` and `file`; `timeout` in ms, 0 = none."""

    model_config = STRICT

    workflow: Name | None = None
    file: Annotated[str, Field(min_length=1, max_length=PATH_MAX)] | None = None
    params: Loose = {}
    when: Condition | None = None
    max: Annotated[int, Field(ge=1, le=ROUNDS_MAX)] = ROUNDS
    timeout: Limit | None = None

    @property
    def named(self) -> str:
        """The name or file of the workflow, as the document has it."""
        return self.workflow or self.file or ""

    @model_validator(mode="after")
    def _one_of_two(self) -> OnFailureUse:
        if (self.workflow is None) == (self.file is None):
            raise ValueError("has either `workflow` or `file`, one of them")
        return self


def on_failure_plan(said: OnFailureUse) -> OnFailure:
    """Return the worklet of a task; its file is as the document has it."""
    params: JsonObject = said.params  # type: ignore[assignment] # The survey saw JSON only.
    return OnFailure(
        workflow=said.workflow or "",
        file=said.file,
        params=params,
        when=None if said.when is None else bare_source(said.when),
        max=said.max,
        timeout_ms=said.timeout,
    )


def worklet_faults(outline: Outline, positions: Positions, checks: Checks) -> Iterator[Fault]:
    """Yield the tasks with a worklet of their own that could not repair them."""
    known = frozenset(checks.names())
    for task in outline.tasks:
        if "on_failure" in task.raw and task.uses in known and checks.waits(str(task.uses)):
            instead = (
                "; `on_child_failure` in its `with` says what follows" if task.uses == "workflow" else ""
            )
            message = f"a task that uses `{task.uses}` makes no attempt that a worklet could repair{instead}"
            yield positions.fault_at_key((*task.path, "on_failure"), "document.on_failure", message)


def worklet_references(task: TaskOutline, within: TaskReferences, positions: Positions) -> Iterator[Fault]:
    """Yield the faults of the expressions of `on_failure`, where the failure of the task is known as well."""
    said = task.on_failure
    for name, value in said.items():
        path = (*task.on_failure_path, name)
        if name == "when" and isinstance(value, str):
            for fault in within.in_condition(value):
                yield positions.fault_at(path, fault.code, fault.message)
            continue
        for place in texts_in(value, path):
            faults = list(within.in_text(place.text)) if name in RESOLVED else [_MISPLACED]
            for fault in faults:
                yield positions.fault_at(place.path, fault.code, fault.message)


def roots_of_failure(task: TaskOutline) -> tuple[str, ...]:
    """Return what the expressions of the worklet of a task may begin with."""
    return (*ROOTS, *(item_roots(task) if is_group(task.raw) else ()), *OF_FAILURE)


def result_faults(outputs: JsonObject) -> Iterator[str]:
    """Yield why what a workflow gives out is not the result of a worklet, as far as that is written out."""
    for name in outputs:
        if name not in RESULT_FIELDS:
            yield f"`{name}` is not part of the result of a worklet{one_of(name, RESULT_FIELDS)}"
    result = outputs.get("result")
    if result is None:
        yield f"its `outputs` have no `result`: {_words()}"
    elif result not in [*Result] and not _is_computed(result):
        yield f"its `result` is {_words()}"


def _words() -> str:
    *first, last = Result
    return f"{', '.join(first)} or {last}"


def _is_computed(value: JsonValue) -> bool:
    return isinstance(value, str) and OPENING in value


_MISPLACED = Fault(code="expression.misplaced", message=MISPLACED)
