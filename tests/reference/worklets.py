"""Worklets of random documents: which tasks have one, and what it decides.

All of them are one document: what a worklet decides is a parameter of it.
"""

from __future__ import annotations

import random
from typing import Any

PARTS = {"output": "object", "next": "array", "set": "object", "cancel": "array", "end": "string"}
"""What a worklet may decide besides its `result`, with the types."""
COMPUTED = [
    "${{ error.exit == 1 ? 'retry' : 'skip' }}",
    "${{ attempt > 2 ? 'fail' : 'retry' }}",
    "${{ attempt < 2 ? 'retry' : 'skip' }}",
]
WHENS = [
    "${{ error.exit == 1 }}",
    "${{ error.exit == 7 }}",
    "${{ attempt < 3 }}",
    "${{ error.code == 'scripted.exit' }}",
]


def repair_params() -> dict[str, Any]:
    """Return the parameters of the document that all worklets are of."""
    parts: dict[str, Any] = {name: {"type": kind, "required": False} for name, kind in PARTS.items()}
    return parts | {"result": {"default": "retry"}, "why": {"default": ""}}


def repair_outputs(draw: random.Random, document: dict[str, Any]) -> dict[str, Any]:
    """Return what it gives out: what its parameters say, or that it could not help."""
    first = (document.get("tasks") or document["stages"][0]["tasks"])[0]["key"]
    computed = f"${{{{ tasks.{first}.status == 'succeeded' ? params.result : 'fail' }}}}"
    result = draw.choice(["${{ params.result }}", "${{ params.result }}", computed])
    parts = {name: f"${{{{ params.{name} }}}}" for name in PARTS}
    return parts | {"result": result, "message": "${{ params.why }}"}


def add_worklets(draw: random.Random, document: dict[str, Any], variables: dict[str, Any]) -> None:
    """Give some tasks and stages of a document a worklet."""
    stages = document.get("stages", [])
    tasks = [*document.get("tasks", []), *(task for stage in stages for task in stage["tasks"])]
    tasks += document.get("finally", [])
    uses = _Uses(draw, tasks, variables)
    for stage in stages:
        if draw.random() < 0.15:
            stage["on_failure"] = uses.on_failure(None)
    for task in tasks:
        if task["uses"] == "scripted" and draw.random() < 0.25:
            task["on_failure"] = uses.on_failure(task)


class _Uses:
    """How the tasks of a document use worklets."""

    def __init__(self, draw: random.Random, tasks: list[dict[str, Any]], variables: dict[str, Any]) -> None:
        self._draw, self._tasks, self._variables = draw, tasks, variables

    def _is_drawn(self, share: float) -> bool:
        return self._draw.random() < share

    def on_failure(self, task: dict[str, Any] | None) -> dict[str, Any]:
        """Return the worklet of a task; None = of each task of a stage."""
        params = {
            "at": "${{ params.at }}/${{ error.task }}!${{ attempt }}",
            "why": "${{ error.code }} ${{ error.exit }}",
            **self._decided(task),
        }
        said: dict[str, Any] = {"file": "repair.yaml", "params": params}
        if self._is_drawn(0.2):
            said["when"] = self._draw.choice(WHENS)
        if self._is_drawn(0.3):
            said["max"] = self._draw.randint(1, 3)
        return said

    def _decided(self, task: dict[str, Any] | None) -> dict[str, Any]:
        result = self._draw.choice(
            ["retry", "retry", "skip", "succeed", "succeed", "fail", self._draw.choice(COMPUTED)]
        )
        decided: dict[str, Any] = {"result": result}
        dependants = [one["key"] for one in self._tasks if task is not None and _needs(one, task["key"])]
        # What means nothing here is a failure, too.
        if result == "succeed" or self._is_drawn(0.03):
            decided["output"] = {"exit": self._draw.randint(0, 1)}
            if dependants and self._is_drawn(0.5):
                decided["next"] = self._draw.sample(dependants, self._draw.randint(0, len(dependants)))
        if self._variables and self._is_drawn(0.25):
            decided["set"] = {self._draw.choice(sorted(self._variables)): 7}
        if self._is_drawn(0.12):
            keys = [*(one["key"] for one in self._tasks), "unknown"]
            decided["cancel"] = self._draw.sample(keys, min(len(keys), self._draw.randint(1, 2)))
        if self._is_drawn(0.1):
            decided["end"] = self._draw.choice(["failed", "cancelled"])
        return decided


def _needs(task: dict[str, Any], key: str) -> bool:
    return any(need.get("task") == key for need in task["needs"])
