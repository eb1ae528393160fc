"""Comparisons: what differs between two jobs.

Made by the control; shown by commands and console. Times are ms UTC, amounts millionths of a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from core.model.values import JsonObject, JsonValue
from core.model.views import JobView


class Change(StrEnum):
    """What became of a task from one job to the other."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class ValueChange(Struct, frozen=True, kw_only=True):
    """A value that differs, by its name or its path; one that is missing is not there."""

    name: str
    before: JsonValue = None
    after: JsonValue = None
    was_there: bool = True
    is_there: bool = True


class TaskRun(Struct, frozen=True, kw_only=True):
    """How a task went in one of the jobs."""

    task_id: int
    key: str
    status: str
    attempts: int
    took: int | None
    error: JsonObject | None = None
    tolerated: bool = False
    cost: Mapping[str, int] = field(default_factory=dict)
    """By unit."""


class TaskChange(Struct, frozen=True, kw_only=True):
    """A task that differs."""

    key: str
    change: Change
    before: TaskRun | None
    after: TaskRun | None
    outputs: tuple[ValueChange, ...] = ()
    """Where the outputs differ; of large ones, and behind the first tasks, nothing is listed."""
    output_differs: bool = False
    took_differs: bool = False
    """By more than runs usually do."""


class JobComparison(Struct, frozen=True, kw_only=True):
    """What differs between two jobs; tasks are compared by key."""

    before: JobView
    after: JobView
    params: tuple[ValueChange, ...]
    definition: tuple[str, ...]
    """The lines of a unified diff; none = it is the same."""
    definition_cut: bool
    """There are more lines, or the documents are too long to be compared line by line."""
    tasks: tuple[TaskChange, ...]
    """Those that differ, the first of them."""
    counts: Mapping[str, int]
    """How many tasks were added, removed, changed, and are the same."""
    costs: tuple[Mapping[str, int], Mapping[str, int]]
    """What the tasks of each job cost, by unit."""
    searched: int | None = None
    """Tasks of each job that were looked at, if not all."""
