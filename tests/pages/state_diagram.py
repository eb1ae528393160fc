"""Mermaid diagrams of the statuses, from the table of moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

from core.model.status import (
    ATTEMPT_FINAL,
    ATTEMPT_MOVES,
    JOB_FINAL,
    JOB_MOVES,
    STAGE_FINAL,
    STAGE_MOVES,
    TASK_FINAL,
    TASK_MOVES,
    AttemptStatus,
    JobStatus,
    Move,
    StageStatus,
    TaskStatus,
)

Stateful: TypeAlias = Literal["job", "stage", "task", "attempt"]
"""What has a status."""

BIRTHS: dict[Stateful, tuple[StrEnum, ...]] = {
    "job": (JobStatus.PENDING,),
    "stage": (StageStatus.PENDING,),
    "task": (TaskStatus.BLOCKED, TaskStatus.QUEUED),
    "attempt": (AttemptStatus.RUNNING,),
}
"""The statuses in which each begins."""


def state_diagram(noun: Stateful) -> str:
    """Return the Mermaid `stateDiagram-v2` of a noun; moves of the same ends share an arrow."""
    match noun:
        case "job":
            return _draw(_arrows(JOB_MOVES), births=BIRTHS[noun], finals=JOB_FINAL)
        case "stage":
            return _draw(_arrows(STAGE_MOVES), births=BIRTHS[noun], finals=STAGE_FINAL)
        case "task":
            return _draw(_arrows(TASK_MOVES), births=BIRTHS[noun], finals=TASK_FINAL)
        case "attempt":
            return _draw(_arrows(ATTEMPT_MOVES), births=BIRTHS[noun], finals=ATTEMPT_FINAL)


def _arrows(
    moves: Iterable[Move[JobStatus] | Move[StageStatus] | Move[TaskStatus] | Move[AttemptStatus]],
) -> dict[tuple[str, str], list[str]]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        for source in sorted(move.sources):
            arrows.setdefault((source, move.target), []).append(move.name)
    return arrows


def _draw(
    arrows: Mapping[tuple[str, str], list[str]], *, births: Iterable[StrEnum], finals: Iterable[StrEnum]
) -> str:
    lines = [
        "stateDiagram-v2",
        *(f"    [*] --> {birth}" for birth in births),
        *(f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in arrows.items()),
        *(f"    {final} --> [*]" for final in sorted(finals)),
    ]
    return "".join(f"{line}\n" for line in lines)
