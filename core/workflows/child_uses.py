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

from core.model.children import USES
from core.model.errors import Fault
from core.model.near_misses import one_of
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.model.records import replace
from core.model.values import JsonObject, JsonValue
from core.workflows.definition import Document
from core.workflows.outline import outline_of
from core.workflows.positions import DocumentPath, Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildUse:
    """One place where a document names a workflow: by the path of a file, or by a name."""

    by: Literal["file", "name"]
    text: str
    path: DocumentPath
    params: JsonObject
    params_path: DocumentPath

    def reference(self, folder: Path | None) -> str:
        """Return how it is pinned; a path begins in the folder of the document."""
        return f"file:{whole_path(self.text, folder)}" if self.by == "file" else f"name:{self.text}"


def child_uses(definition: JsonObject) -> Iterator[ChildUse]:
    """Yield what a document without fault names, in order."""
    for task in outline_of(definition).tasks:
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


def whole_path(text: str, folder: Path | None) -> str:
    """Return the path that a document in a folder names; `~` is a home directory."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return os.path.normpath((folder or Path()) / path)


def param_faults(use: ChildUse, child: Document, positions: Positions) -> Iterator[Fault]:
    """Yield the parameters that a child does not have, and those that it needs and does not get."""
    for name in use.params:
        if name not in child.params:
            message = f"`{name}` is not a parameter of {use.text}{one_of(name, child.params)}"
            yield positions.fault_at((*use.params_path, name), "workflow.param", message)
    missing = [name for name, param in child.params.items() if param.is_required and name not in use.params]
    if missing:
        message = f"{use.text} needs the parameter `{missing[0]}`"
        yield positions.fault_at(use.params_path, "workflow.param", message)


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
    return task


def _names_file(task: TaskPlan) -> bool:
    return task.uses == USES


def _mapping(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
