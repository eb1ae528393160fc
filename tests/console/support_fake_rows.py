"""Rows of the fake control, in memory: jobs, tasks, queues, events, orphans.

Every change of a row writes an event, as the store does, and wakes who waits for changes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import cache

from core.control.api import Target
from core.filters.fields import FIELDS, Kind, Noun
from core.filters.matching import matches, value_of
from core.filters.terms import Filter, field_of
from core.model.errors import TaskdeckError
from core.model.events import EventView
from core.model.failures import Acknowledgement
from core.model.orphans import OrphanKind, OrphanView
from core.model.patterns.group_views import GroupCounts
from core.model.records import replace
from core.model.version import VERSION
from core.model.views import (
    AttemptView,
    ChildView,
    EngineInfo,
    JobView,
    Page,
    QueueView,
    StageView,
    TaskDetail,
    TaskView,
    VariableView,
)

NOW = 1_700_000_000_000
INFO = EngineInfo(version=VERSION, pid=4711, epoch=1, slots=4, running=0, home="/home")
KIND_OF = {
    "blocked": "task.rerun",
    "queued": "task.queued",
    "running": "task.claimed",
    "retrying": "task.retry_scheduled",
    "waiting": "task.parked",
    "held": "task.held",
    "succeeded": "task.succeeded",
    "failed": "task.failed",
    "cancelled": "task.cancelled",
    "skipped": "task.skipped",
}
"""The kind of the event that brings a task into a status."""
_TASK = {
    "name": None,
    "uses": "shell",
    "queue": "default",
    "priority": 0,
    "group": None,
    "attempts": 0,
    "max_attempts": 1,
    "wait_reason": None,
    "waits_for": None,
    "created_at": NOW,
    "queued_at": NOW,
    "started_at": None,
    "finished_at": None,
    "retry_at": None,
    "stop_requested": None,
    "error": None,
    "family": None,
}


class FakeRows:
    """What a fake control speaks of; set `engine` to None for an engine that is gone."""

    def __init__(self) -> None:
        self.job_rows: dict[int, JobView] = {}
        self.task_rows: dict[int, TaskView] = {}
        self.stage_rows: dict[int, StageView] = {}
        self.orphan_rows: dict[int, OrphanView] = {}
        self.children: dict[int, tuple[ChildView, ...]] = {}
        self.variable_rows: dict[int, tuple[VariableView, ...]] = {}
        self.needs: dict[int, tuple[str, ...]] = {}
        self.outputs: dict[int, bytes] = {}
        self.folders: dict[int, str] = {}
        """Where the tasks of a job run, by its id."""
        self.event_rows: list[EventView] = []
        self.paused: dict[str, int] = {}
        self.known_families: dict[str, Acknowledgement] = {}
        self._engine: EngineInfo | None = INFO
        self._broken: TaskdeckError | None = None
        self._stirred: list[asyncio.Event] = []

    @property
    def engine(self) -> EngineInfo | None:
        return self._engine

    @engine.setter
    def engine(self, engine: EngineInfo | None) -> None:
        self._engine = engine
        self.stir()

    @property
    def broken(self) -> TaskdeckError | None:
        """What every read raises."""
        return self._broken

    @broken.setter
    def broken(self, error: TaskdeckError | None) -> None:
        self._broken = error
        self.stir()

    @property
    def last_event(self) -> int:
        return len(self.event_rows)

    def stir(self) -> None:
        """Wake who waits for changes."""
        for event in self._stirred:
            event.set()
        self._stirred.clear()

    async def stirred(self) -> None:
        """Return at the next change of anything."""
        event = asyncio.Event()
        self._stirred.append(event)
        await event.wait()

    def add_job(self, name: str = "job", *, status: str = "running", **more) -> int:
        number = len(self.job_rows) + 2
        values = {
            "on_task_failure": "stop",
            "reason": None,
            "created_at": NOW,
            "started_at": NOW,
            "finished_at": None,
            "tasks": {},
        }
        self.job_rows[number] = JobView(id=number, name=name, status=status, **{**values, **more})
        self.stage_rows[number] = StageView(
            id=number, job_id=number, position=0, name="main", status="open", tasks={}
        )
        self.note("job.created", job_id=number)
        return number

    def add_task(self, job_id: int, key: str = "t", *, status: str = "queued", **more) -> int:
        number = len(self.task_rows) + 1
        self.needs[number] = tuple(more.pop("needs", ()))
        more.setdefault("tries", more.get("attempts", 0))
        self.task_rows[number] = TaskView(
            id=number, job_id=job_id, stage_id=job_id, key=key, status=status, **{**_TASK, **more}
        )
        self.add_event("task.created", task_id=number)
        return number

    def add_group(self, job_id: int, key: str, statuses: Sequence[str], **more) -> int:
        """Add a group and its instances, one for each status; return the id of the group."""
        counts = GroupCounts(
            number=1,
            total=len(statuses),
            made=len(statuses),
            needed=None,
            parallel=None,
            by_status=Counter(statuses),
        )
        number = self.add_task(job_id, key, **{"status": "waiting", "instances": counts, **more})
        for index, status in enumerate(statuses):
            self.add_task(job_id, f"{key}[{index}]", status=status, group=key, group_task=number)
        return number

    def add_orphan(self, task_id: int, *, kind: OrphanKind = OrphanKind.LIVING, **more) -> None:
        """Let a task be an orphan; a lost one is held."""
        task = self.task_rows[task_id]
        values = {"epoch": 1, "since": NOW, "reason": "the wrapper died"}
        self.orphan_rows[task_id] = OrphanView(
            kind=kind, task_id=task_id, job_id=task.job_id, key=task.key, **{**values, **more}
        )
        self.set_task(task_id, status="held" if kind is OrphanKind.LOST else "running")

    def add_event(self, kind: str, *, task_id: int, **data) -> None:
        task = self.task_rows[task_id]
        self.note(kind, job_id=task.job_id, task_id=task_id, key=task.key, data=data)

    def note(self, kind: str, *, job_id=None, task_id=None, key=None, data=None) -> None:
        """Write an event."""
        event = EventView(
            id=len(self.event_rows) + 1,
            at=NOW,
            kind=kind,
            job_id=job_id,
            task_id=task_id,
            key=key,
            attempt=None,
            actor="engine",
            data=data or {},
        )
        self.event_rows.append(event)
        self.stir()

    def set_task(self, task_id: int, **changes) -> None:
        if "attempts" in changes:
            changes.setdefault("tries", changes["attempts"])
        self.task_rows[task_id] = task = replace(self.task_rows[task_id], **changes)
        self.add_event(KIND_OF[task.status], task_id=task_id)

    def set_job(self, job_id: int, **changes) -> None:
        self.job_rows[job_id] = job = replace(self.job_rows[job_id], **changes)
        self.note(f"job.{job.status}", job_id=job_id)

    def job_view(self, job_id: int) -> JobView:
        counts = Counter(
            task.status
            for task in self.task_rows.values()
            if task.job_id == job_id and task.group_task is None
        )
        return replace(self.job_rows[job_id], tasks=dict(counts))

    def task_detail(self, task_id: int) -> TaskDetail:
        task = self.task_rows[task_id]
        attempts = tuple(
            AttemptView(epoch=epoch, status="failed", started_at=NOW, finished_at=NOW + 250, error=task.error)
            for epoch in range(1, task.attempts + 1)
        )
        return TaskDetail(
            task=task,
            needs=self.needs[task_id],
            with_={"argv": ["true"]},
            metadata={},
            output=None,
            attempts=attempts,
            cwd=self.folders.get(task.job_id),
        )

    def queue_views(self) -> tuple[QueueView, ...]:
        counts: dict[str, Counter[str]] = {}
        for task in self.task_rows.values():
            counts.setdefault(task.queue, Counter())[task.status] += 1
        return tuple(
            QueueView(
                name=name,
                tasks=counts[name],
                paused_at=self.paused.get(name),
                paused_by="me" if name in self.paused else None,
                pause_reason=None,
                oldest_at=NOW if counts[name]["queued"] else None,
                pools=("default",),
            )
            for name in sorted(counts)
        )

    def rows_of(self, noun: Noun) -> list:
        match noun:
            case Noun.JOBS:
                return [self.job_view(number) for number in self.job_rows]
            case Noun.TASKS:
                return list(self.task_rows.values())
            case Noun.EVENTS:
                return list(self.event_rows)
            case _:
                return list(self.queue_views())

    def found(self, where: Filter) -> list:
        """Return the rows of its noun that a filter finds, in order of id."""
        rows = self.rows_of(where.noun)
        return [view for view in rows if matches(where, as_row(where.noun, view), now=NOW)]

    def changed_at(self, task_id: int) -> int:
        """Return the newest event of a task."""
        return max((event.id for event in self.event_rows if event.task_id == task_id), default=0)

    def meant(self, target: Target) -> list[int]:
        """Return the ids of the tasks that a target names."""
        if target.filter is None:
            return list(target.task_ids or ())
        as_of = self.last_event if target.as_of is None else target.as_of
        return [
            task.id
            for task in self.found(target.filter)
            if self.changed_at(task.id) <= as_of and task.id not in target.excluding
        ]


def as_row(noun: Noun, view: object) -> dict[str, object]:
    """Return a view as filters judge it."""
    return {column: getattr(view, column) for column in _columns(noun)}


@cache
def _columns(noun: Noun) -> frozenset[str]:
    columns = (column for field in FIELDS[noun].fields for column in field.column.split(":"))
    return frozenset(column.partition(".")[0] for column in columns)


def page(rows: list, where: Filter, after: str | None, limit: int) -> Page:
    """Return a page of rows in the order of a filter, newest first if it has none."""
    field = field_of(where.noun, where.sort.field) if where.sort else field_of(where.noun, "id")
    descending = where.sort.descending if where.sort else True
    # An age rises while its moment falls.
    falling = descending != (field.kind is Kind.AGE)

    def place(view):
        value = value_of(as_row(where.noun, view), field, now=NOW)
        return value or ("" if field.kind in (Kind.TEXT, Kind.CHOICE) else 0), view.id

    rows = sorted(rows, key=place, reverse=falling)
    if after is not None:
        last = next(index for index, view in enumerate(rows) if str(view.id) == after)
        rows = rows[last + 1 :]
    return Page(rows=tuple(rows[:limit]), next=str(rows[limit - 1].id) if len(rows) > limit else None)
