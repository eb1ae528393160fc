"""Columns read from the tables, and the views made of their rows.

Used by the reports of this room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Row, Select, literal_column, select

from core.filters.fields import Noun
from core.model.events import EventView
from core.model.limits.estimates import Estimate
from core.model.limits.limit_forms import shown_costs
from core.model.patterns.group_views import GroupCounts
from core.model.stored_spec import StoredSpec
from core.model.stored_text import json_or_note
from core.model.values import JsonObject
from core.model.views import AttemptView, JobView, QueueView, StageView, TaskDetail, TaskView
from core.store.predicates import column_of
from core.store.reports.children import JOB_PLACE, PARENT, PAUSED_ABOVE, objects
from core.store.tables.instance_tables import INSTANCES
from core.store.tables.schema import attempt, event, job, queue, stage, task

AnyRow: TypeAlias = "Row[*tuple[object, ...]]"
"""A row whose values are read by the names of their columns."""

_LARGE = ("output", "spec")
_WORKED_OUT = ("retry_at", "tries", "wait_reason")

JOBS: Select[*tuple[object, ...]] = select(
    job.c.id,
    job.c.name,
    job.c.status,
    job.c.on_task_failure,
    job.c.reason,
    job.c.created_at,
    job.c.started_at,
    job.c.finished_at,
    job.c.params,
    job.c.definition_hash,
    job.c.actor,
    job.c.verdict_by,
    job.c.verdict_task,
    job.c.verdict_ends,
    job.c.paused_at,
    job.c.paused_by,
    job.c.pause_reason,
    job.c.pinned_at,
    job.c.pinned_by,
    job.c.pin_reason,
    job.c.root_id,
    job.c.depth,
    literal_column(PARENT.format("job")).label("parent"),
    literal_column(f"CASE WHEN job.paused_above THEN {PAUSED_ABOVE.format('job')} END").label("above"),
    literal_column(JOB_PLACE.format("job")).label("place"),
)
_LISTED = (
    *(column for column in task.c if column.name not in (*_LARGE, *_WORKED_OUT)),
    *(column_of(Noun.TASKS, name).label(name) for name in _WORKED_OUT),
    literal_column(INSTANCES.format("task")).label("instances"),
)
TASKS: Select[*tuple[object, ...]] = select(*_LISTED)
DETAILS: Select[*tuple[object, ...]] = select(*_LISTED, *(task.c[name] for name in _LARGE))
EVENTS: Select[*tuple[object, ...]] = select(*event.c, column_of(Noun.EVENTS, "key").label("key"))
STAGES: Select[*tuple[object, ...]] = select(*stage.c)
QUEUES: Select[*tuple[object, ...]] = select(*queue.c)
ATTEMPTS: Select[*tuple[object, ...]] = select(*attempt.c)

Counts: TypeAlias = Mapping[str, Mapping[str, int]]
"""How many tasks are in each status, by the `ref` of a counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What a task's page adds from other tables; keys of needs in order of their ids."""

    needs: tuple[str, ...] = ()
    attempts: tuple[AttemptView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """How long the oldest task of a queue waits, how long those that run did, and how many end when."""

    oldest_at: int | None = None
    rate: float = 0.0
    ends: tuple[int, ...] = ()
    waited_ms: int | None = None


def object_of(text: str | None) -> JsonObject:
    """Read a JSON object; NULL and any other value is an empty one, what cannot be read says so."""
    value = json_or_note(text)
    return value if isinstance(value, dict) else {}


def counts_of(rows: Iterable[AnyRow]) -> Counts:
    """Group counter rows (ref, status, n) by ref."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row.ref, {})[row.status] = row.n
    return counts


def job_view(row: AnyRow, counts: Counts, tolerated: Counts) -> JobView:
    """Make the view of a row of `JOBS`; `tolerated` counts those of its failures that are."""
    return JobView(
        id=row.id,
        name=row.name,
        status=row.status,
        on_task_failure=row.on_task_failure,
        reason=row.reason,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        tasks=counts.get(str(row.id), {}),
        params=object_of(row.params),
        definition_hash=row.definition_hash,
        actor=row.actor,
        verdict_by=row.verdict_by,
        verdict_task=row.verdict_task,
        verdict_ends=row.verdict_ends,
        paused=_paused(row),
        pinned=_pinned(row),
        tolerated=sum(tolerated.get(str(row.id), {}).values()),
        parent=object_of(row.parent) or None,
        root=row.root_id,
        depth=row.depth or None,
        paused_above=objects(row.above),
        place=object_of(row.place) or None,
    )


def _paused(row: AnyRow) -> JsonObject | None:
    if row.paused_at is None:
        return None
    return {"by": row.paused_by, "at": row.paused_at, "reason": row.pause_reason}


def _pinned(row: AnyRow) -> JsonObject | None:
    if row.pinned_at is None:
        return None
    return {"by": row.pinned_by, "at": row.pinned_at, "reason": row.pin_reason}


def stage_view(row: AnyRow, counts: Counts) -> StageView:
    """Make the view of a row of `STAGES`."""
    return StageView(
        id=row.id,
        job_id=row.job_id,
        position=row.position,
        name=row.name,
        status=row.status,
        tasks=counts.get(str(row.id), {}),
    )


def queue_view(
    row: AnyRow,
    counts: Counts,
    throughput: Throughput,
    *,
    pools: tuple[str, ...],
    paused_pools: tuple[str, ...] = (),
) -> QueueView:
    """Make the view of a row of `QUEUES`."""
    return QueueView(
        name=row.name,
        tasks=counts.get(row.name, {}),
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        pause_reason=row.pause_reason,
        oldest_at=throughput.oldest_at,
        rate=throughput.rate,
        ends=throughput.ends,
        waited_ms=throughput.waited_ms,
        pools=pools,
        paused_pools=paused_pools,
    )


def task_view(row: AnyRow) -> TaskView:
    """Make the view of a row of `TASKS`."""
    return TaskView(
        id=row.id,
        job_id=row.job_id,
        stage_id=row.stage_id,
        key=row.key,
        name=row.name,
        uses=row.uses,
        queue=row.queue,
        priority=row.priority,
        group=row.grp,
        status=row.status,
        attempts=row.epoch,
        tries=row.tries,
        max_attempts=row.max_attempts,
        wait_reason=row.wait_reason,
        created_at=row.created_at,
        queued_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        retry_at=row.retry_at,
        stop_requested=_stop_requested(row),
        error=object_of(row.error) if row.error is not None else None,
        actor=row.actor,
        status_by=row.status_by,
        status_reason=row.status_reason,
        family=row.family,
        pinned=_pinned(row),
        tolerated=bool(row.tolerated),
        instances=None if row.instances is None else GroupCounts.from_json(object_of(row.instances)),
        group_task=row.group_task,
    )


def _stop_requested(row: AnyRow) -> JsonObject | None:
    if row.stop_at is None or row.finished_at is not None:
        return None
    return {"by": row.stop_by, "at": row.stop_at, "reason": row.stop_reason, "how": row.stop_how}


def task_detail(row: AnyRow, extras: Extras) -> TaskDetail:
    """Make the page of a task from a row of `DETAILS`; a large output stays a reference."""
    spec = StoredSpec.or_nothing(row.spec)
    return TaskDetail(
        task=task_view(row),
        needs=extras.needs,
        with_=spec.with_,
        metadata=spec.metadata,
        output=json_or_note(row.output),
        attempts=extras.attempts,
        cwd=spec.cwd,
        continue_on_error=spec.continue_on_error,
        success_exit_codes=spec.success_exit_codes,
        skip_exit_codes=spec.skip_exit_codes,
        limits=spec.limits if spec.terms is None else spec.terms.limits,
        cost=_estimate(spec.cost if spec.terms is None else spec.terms.cost, row.cost),
        prefer=spec.prefer,
        on_exhausted=spec.on_exhausted,
        tags=spec.tags,
        project=spec.project,
        once=spec.once,
    )


def _estimate(said: Estimate | None, column: str | None) -> Estimate | None:
    """Return what a task is expected to use; of `auto` also the amounts that stand for it."""
    if said is None or not said.is_auto:
        return said
    return Estimate(amounts=shown_costs(column), is_auto=True)


def attempt_view(row: AnyRow) -> AttemptView:
    """Make the view of a row of `ATTEMPTS`."""
    return AttemptView(
        epoch=row.epoch,
        status=row.status,
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=object_of(row.error) if row.error is not None else None,
    )


def event_view(row: AnyRow) -> EventView:
    """Make the view of a row of `EVENTS`."""
    return EventView(
        id=row.id,
        at=row.at,
        kind=row.kind,
        job_id=row.job_id,
        task_id=row.task_id,
        key=row.key,
        attempt=row.attempt,
        actor=row.actor,
        data=object_of(row.data),
    )
