"""Which workflows a document names for its children.

Used by the engine's admission and by the command `check`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.model.errors import Fault
from core.model.near_misses import one_of
from core.model.patterns.children import USES
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.model.records import replace
from core.model.values import JsonObject, JsonValue
from core.workflows.definition import Document
from core.workflows.outline import outline_of
from core.workflows.positions import DocumentPath, Positions
from core.workflows.worklets import result_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildUse:
    """One place where a document names a workflow: by the path of a file, or by a name."""

    by: Literal["file", "name"]
    text: str
    path: DocumentPath
    params: JsonObject
    params_path: DocumentPath
    is_worklet: bool = False
    """It is to decide what follows the failure of a task."""

    def reference(self, folder: Path | None) -> str:
        """Return how it is pinned; a path begins in the folder of the document."""
        return f"file:{whole_path(self.text, folder)}" if self.by == "file" else f"name:{self.text}"


def child_uses(definition: JsonObject) -> Iterator[ChildUse]:
    """Yield what a document without fault names, in order; the worklet of a stage once."""
    named: set[DocumentPath] = set()
    for task in outline_of(definition).tasks:
        if task.on_failure and task.on_failure_path not in named:
            named.add(task.on_failure_path)
            yield _worklet_use(task.on_failure, task.on_failure_path)
        if task.uses == USES:
            by: Literal["file", "name"] = "file" if "file" in task.with_ else "name"
            at = (*task.path, "with")
            yield ChildUse(
                by=by,
                text=str(task.with_.get(by)),
                path=(*at, by),
                params=_mapping(task.with_.get("params")),
                params_path=(*at, "params") if "params" in task.with_ else at,
            )


def _worklet_use(said: JsonObject, at: DocumentPath) -> ChildUse:
    field = "file" if "file" in said else "workflow"
    return ChildUse(
        by="file" if field == "file" else "name",
        text=str(said.get(field)),
        path=(*at, field),
        params=_mapping(said.get("params")),
        params_path=(*at, "params") if "params" in said else at,
        is_worklet=True,
    )


def whole_path(text: str, folder: Path | None) -> str:
    """Return the path that a document in a folder names; `~` is a home directory."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return os.path.normpath((folder or Path()) / path)


def use_faults(use: ChildUse, child: Document, positions: Positions) -> Iterator[Fault]:
    """Yield why a document is not the child that is named.

    Parameters that it does not have, those that it needs and does not get; of a worklet what it gives out.
    """
    for name in use.params:
        if name not in child.params:
            message = f"`{name}` is not a parameter of {use.text}{one_of(name, child.params)}"
            yield positions.fault_at((*use.params_path, name), "workflow.param", message)
    missing = [name for name, param in child.params.items() if param.is_required and name not in use.params]
    if missing:
        message = f"{use.text} needs the parameter `{missing[0]}`"
        yield positions.fault_at(use.params_path, "workflow.param", message)
    outputs: JsonObject = child.outputs  # type: ignore[assignment] # The survey saw JSON only.
    for reason in result_faults(outputs) if use.is_worklet else ():
        yield positions.fault_at(use.path, "workflow.result", f"{use.text} is not a worklet: {reason}")


def with_whole_paths(plan: JobPlan, folder: Path | None) -> JobPlan:
    """Return a plan whose tasks name files by whole paths."""
    if not any(_names_file(task) for stage in plan.stages for task in stage.tasks):
        return plan
    return replace(plan, stages=tuple(_whole_stage(stage, folder) for stage in plan.stages))


def _whole_stage(stage: StagePlan, folder: Path | None) -> StagePlan:
    return replace(stage, tasks=tuple(_whole_task(task, folder) for task in stage.tasks))


def _whole_task(task: TaskPlan, folder: Path | None) -> TaskPlan:
    file = task.with_.get("file")
    if task.uses == USES and isinstance(file, str):
        task = replace(task, with_={**task.with_, "file": whole_path(file, folder)})
    worklet = task.on_failure
    if worklet is not None and worklet.file is not None:
        task = replace(task, on_failure=replace(worklet, file=whole_path(worklet.file, folder)))
    return task


def _names_file(task: TaskPlan) -> bool:
    return task.uses == USES or task.on_failure is not None


def _mapping(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
