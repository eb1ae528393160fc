"""Timelines: what the tasks of a job did when, and runs compared.

Made by the control; shown by commands and console. Times are ms UTC.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from core.model.run_times import UsualTime
from core.model.values import JsonObject
from core.model.views import JobView


class Pause(NamedTuple):
    """A time in which a job or queue was paused."""

    start: int
    end: int | None
    """None = it is paused still."""


class Segment(Struct, frozen=True, kw_only=True):
    """A stretch of a task in one status; `paused` = it was queued while its job or queue was paused."""

    status: str
    start: int
    end: int | None
    """None = it stands so now."""
    attempt: int | None = None
    """Of a running stretch, the number of the attempt."""


class TaskBar(Struct, frozen=True, kw_only=True):
    """A task of a job over time, from its creation on; final statuses have no stretch."""

    task_id: int
    key: str
    stage: str
    status: str
    segments: tuple[Segment, ...]
    usual: UsualTime | None = None
    tolerated: bool = False
    """It failed, and its job goes on as if it had succeeded."""
    is_finally: bool = False
    """It runs at the end, whatever became of the others."""


class TimelineView(Struct, frozen=True, kw_only=True):
    """The tasks of a job over time, in order of id; of a job with very many a part of them."""

    job: JobView
    bars: tuple[TaskBar, ...]
    critical: tuple[int, ...]
    """Tasks whose end the end of the job waited for, in order: the chain that decided how long it took.

    Not told of a part of a job."""
    searched: int | None = None
    """How many tasks were looked at, if not all."""
    first: int = 0
    """The number of the first of them among all tasks of the job, from 0."""


class TaskPast(Struct, frozen=True, kw_only=True):
    """What the rows and events of one task say of its past."""

    task_id: int
    key: str
    stage: str
    position: int
    """Of its stage."""
    status: str
    queue: str = ""
    finished_at: int | None
    needs: tuple[int, ...]
    events: tuple[PastEvent, ...]
    tolerated: bool = False
    is_finally: bool = False


class PastEvent(Struct, frozen=True, kw_only=True):
    """A move of a task: its kind, when, and the status that its data name."""

    at: int
    kind: str
    status: str | None = None
    attempt: int | None = None


class RunCell(Struct, frozen=True, kw_only=True):
    """How a task stood in one run, and how long its latest attempt took."""

    task_id: int
    status: str
    took: int | None
    tolerated: bool = False


class RunRow(Struct, frozen=True, kw_only=True):
    """A task of a workflow in its last runs; None = that run has no such task."""

    key: str
    cells: tuple[RunCell | None, ...]
    usual: UsualTime | None = None
    is_finally: bool = False
    """It runs at the end, whatever became of the others."""


class RunsView(Struct, frozen=True, kw_only=True):
    """The last runs of a workflow, newest first, and its tasks in them, in the order of the newest run."""

    workflow: str
    runs: tuple[JobView, ...]
    rows: tuple[RunRow, ...]
    tasks_cut: bool = False
    """A run has more tasks than were looked at."""


def segment_shape(segment: Segment) -> JsonObject:
    """Return a stretch as JSON, times in ms UTC."""
    return {
        "status": segment.status,
        "start_ms": segment.start,
        "end_ms": segment.end,
        "attempt": segment.attempt,
    }
