"""Replays: one job as it stood after an event of it.

Read by the control.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Select, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import Invalid
from core.model.records import replace
from core.model.replay import JobAt
from core.model.status import JOB_FINAL, JOB_MOVES, TASK_MOVES, JobStatus, TaskStatus
from core.model.values import ID_MAX, INBOX, JsonObject
from core.model.views import JobView, Page, StageView, TaskDetail
from core.store.reports.jobs import read_job
from core.store.reports.paging.keyset import bounded_limit, rows_by_id
from core.store.reports.past import replay_sql as sql
from core.store.reports.rows import STAGES, AnyRow, Extras, stage_view, task_detail
from core.store.reports.source import Source
from core.store.sql import ids, unpack
from core.store.tables.schema import stage, task
from core.store.verify.fold import Fact, Folded, fold
from core.store.verify.fold_jobs import FoldedJob

_JOB_MOVES = frozenset(move.event for move in JOB_MOVES)
_WORKED_OUT = ("retry_at", "tries", "wait_reason")
_ROWS: Select[*tuple[object, ...]] = select(
    *(column for column in task.c if column.name not in _WORKED_OUT),
    # What a list works out of the present, the events tell of then.
    *(null().label(name) for name in (*_WORKED_OUT, "instances")),
)
_AFTER = {move.event: str(move.target) for move in TASK_MOVES}
UNKNOWN = "unknown"
"""Stands for a status of which nothing tells."""


class ReplayReports:
    """What the events of a job tell up to one of them; rows that never change fill in the rest."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def job(self, job_id: int, *, event: int | None = None, at: int | None = None) -> JobAt:
        """Return a job after an event, or as of a moment (ms UTC); without both, after its newest event.

        Raises `NotFound` (`job.unknown`), and `Invalid`: `history.inbox`, `history.too_early`,
        `history.too_long`.
        """
        async with self._source.snapshot() as db:
            view = await read_job(db, job_id)
            last = await _last(db, view, event=event, at=at)
            bounds = {"job": job_id, "event": last.id}
            if (await db.execute(sql.BEYOND, bounds)).first() is not None:
                raise _too_long(job_id)
            first = (await db.execute(sql.FIRST, {"job": job_id})).one()
            counts = (await db.execute(sql.COUNTS, bounds)).all()
            stages = (
                await db.execute(STAGES.where(stage.c.job_id == job_id).order_by(stage.c.position))
            ).all()
            facts = [*map(_fact, (await db.execute(sql.OF_JOB, bounds)).all())]
            unknown = int((await db.execute(sql.UNKNOWN, bounds)).scalar_one())
            later = int((await db.execute(sql.LATER, bounds)).scalar_one())
            is_purging = (await db.execute(sql.PURGING, bounds)).first() is not None
        statuses = _stage_statuses(facts)
        of_stages: dict[int, Counter[str]] = {}
        for row in counts:
            if row.is_instance:
                # Instances count for their group alone.
                continue
            of_stages.setdefault(row.stage_id, Counter())[row.status] += row.n
        then = {row.id: of_stages.get(row.id, Counter()) for row in stages}
        return JobAt(
            event=last.id,
            at=last.at,
            job=_job_then(view, facts, counts, unknown=unknown),
            stages=tuple(_stage_then(row, statuses, then[row.id]) for row in stages),
            later=later,
            unknown=unknown,
            is_trimmed=first.kind != "job.created" or is_purging,
        )

    async def tasks(self, job_id: int, event: int, *, after: int = 0, limit: int = 100) -> Page[TaskDetail]:
        """Return the tasks that a job had after an event, in order of id, those behind `after`.

        `next` is the `after` of the following page, as text. Outputs and errors are those of then; what
        nothing tells has the status `unknown`. Raises as `job` does.
        """
        async with self._source.snapshot() as db:
            view = await read_job(db, job_id)
            last = await _last(db, view, event=event, at=None)
            most = bounded_limit(limit)
            place = {"job": job_id, "after": after, "most": most + 1}
            found = [*(await db.execute(sql.TASKS, place)).scalars()]
            shown = found[:most]
            rows = await rows_by_id(db, _ROWS, task, shown)
            bounds = {"ids": ids(shown), "event": last.id}
            events = (await db.execute(sql.OF_TASKS, bounds)).all()
            born = {*(await db.execute(sql.BORN_LATER, bounds)).scalars()}
            needs = (await db.execute(sql.NEEDS, bounds)).all()
            offset = int((await db.execute(sql.OFFSET)).scalar() or 0)
        needed = {
            number: tuple(row.key for row in edges)
            for number, edges in groupby(needs, key=attrgetter("task_id"))
        }
        facts = {number: [*map(_fact, group)] for number, group in groupby(events, key=attrgetter("task_id"))}
        tasks = tuple(
            _task_then(row, needed.get(row.id, ()), facts.get(row.id, []), offset=offset)
            for row in rows
            # One whose first event came later was not there.
            if row.id in facts or row.id not in born
        )
        return Page(rows=tasks, next=str(shown[-1]) if len(found) > most else None)


async def _last(db: AsyncConnection, view: JobView, *, event: int | None, at: int | None) -> AnyRow:
    """Return the last event of a job that counts."""
    if view.id == INBOX:
        raise Invalid(
            "history.inbox",
            "the inbox has no history of its own: it never ends",
            hint="its tasks have: taskdeck events --task ID; taskdeck tasks --at TIME",
            facts={"job": view.id},
        )
    if at is not None:
        row = (await db.execute(sql.LAST_AT, {"job": view.id, "at": min(at, ID_MAX)})).first()
    else:
        bound = ID_MAX if event is None else min(event, ID_MAX)
        row = (await db.execute(sql.LAST, {"job": view.id, "event": bound})).first()
    if row is None:
        first = (await db.execute(sql.FIRST, {"job": view.id})).first()
        begins = "it has no events" if first is None else f"its first event is {first.id}"
        raise Invalid(
            "history.too_early",
            f"the history of job {view.id} does not reach back so far; {begins}",
            hint="name a later event or moment",
            facts={"job": view.id, "first": None if first is None else first.id},
        )
    return row


def _too_long(job_id: int) -> Invalid:
    return Invalid(
        "history.too_long",
        f"job {job_id} had more than {sql.EVENTS_MAX:,} events until then; no more are folded",
        hint="name an earlier event; 'taskdeck history' has all of them",
        facts={"job": job_id, "most": sql.EVENTS_MAX},
    )


def _fact(row: AnyRow) -> Fact:
    return Fact(at=row.at, kind=row.kind, attempt=row.attempt, actor=row.actor, data=row.data)


def _stage_statuses(facts: Iterable[Fact]) -> dict[int, str]:
    """Return the last status of each stage that has an event."""
    found: dict[int, str] = {}
    for fact in facts:
        noun, _, status = fact.kind.partition(".")
        number = fact.values.get("stage")
        if noun == "stage" and isinstance(number, int):
            found[number] = status
    return found


def _stage_then(row: AnyRow, statuses: Mapping[int, str], counts: Mapping[str, int]) -> StageView:
    view = stage_view(row, {str(row.id): dict(counts)})
    return replace(view, status=statuses.get(row.id, "pending" if row.position else "open"))


def _job_then(view: JobView, facts: Iterable[Fact], counts: Iterable[AnyRow], *, unknown: int) -> JobView:
    """Return a job with what its events tell; its name and parameters never change."""
    folded, started, finished = FoldedJob(), None, None
    for fact in facts:
        if not fact.kind.startswith("job."):
            continue
        folded.take(fact)
        if fact.kind == "job.running" and started is None:
            started = fact.at
        if fact.kind in _JOB_MOVES:
            finished = fact.at if folded.status in JOB_FINAL else None
    told = dict(zip(FoldedJob.COLUMNS, folded.columns, strict=True))
    tasks: Counter[str] = Counter()
    tolerated = 0
    for row in counts:
        tasks[row.status] += 0 if row.is_instance else row.n
        tolerated += row.n if row.tolerated and row.status == TaskStatus.FAILED else 0
    if unknown:
        tasks[UNKNOWN] = unknown
    return replace(
        view,
        status=folded.status or UNKNOWN,
        reason=_text(told["reason"]),
        started_at=started,
        finished_at=finished,
        tasks={status: number for status, number in sorted(tasks.items()) if number},
        verdict_by=_text(told["verdict_by"]),
        verdict_task=_number(told["verdict_task"]),
        verdict_ends=_number(told["verdict_ends"]),
        paused=_mark(told, "paused", "pause") if folded.status == JobStatus.PAUSED else None,
        pinned=_mark(told, "pinned", "pin") if told["pinned_at"] is not None else None,
        retry_until=None,
        tolerated=tolerated,
    )


def _mark(told: Mapping[str, object], of: str, noun: str) -> JsonObject:
    return {
        "by": _text(told[f"{of}_by"]),
        "at": _number(told[f"{of}_at"]),
        "reason": _text(told[f"{noun}_reason"]),
    }


def _task_then(row: AnyRow, needs: tuple[str, ...], facts: list[Fact], *, offset: int) -> TaskDetail:
    """Return a task with what its events tell; its key, needs and input never change."""
    detail = task_detail(row, Extras(needs=needs))
    folded = fold(facts)
    if folded is None:
        folded = Folded(status=_last_status(facts))
    stop = {"by": folded.stop_by, "at": folded.stop_at, "reason": folded.stop_reason, "how": folded.stop_how}
    is_stopping = folded.stop_at is not None and folded.finished_at is None
    error = unpack(folded.error)
    then = replace(
        detail.task,
        status=folded.status,
        queue=folded.queue or detail.task.queue,
        priority=folded.priority,
        attempts=folded.epoch,
        tries=_tries(folded),
        queued_at=folded.queued_at,
        started_at=folded.started_at,
        finished_at=folded.finished_at,
        retry_at=None if folded.retry_at is None else folded.retry_at - offset,
        stop_requested=stop if is_stopping else None,
        error=error if isinstance(error, dict) else None,
        status_by=folded.status_by,
        status_reason=folded.status_reason,
        family=folded.family,
        tolerated=bool(folded.tolerated),
    )
    return replace(detail, task=then, output=unpack(folded.output))


def _tries(folded: Folded) -> int:
    """Return the number of the attempt that it was at, of those since it was last run again."""
    is_under_way = folded.status in (TaskStatus.RUNNING, TaskStatus.SUCCEEDED)
    return max(folded.tries + is_under_way, int(folded.started_at is not None))


def _last_status(facts: Iterable[Fact]) -> str:
    """Return the status that the last move tells of a task whose first events are gone."""
    status = UNKNOWN
    for fact in facts:
        told = fact.values.get("status") if fact.kind == "task.rerun" else _AFTER.get(fact.kind)
        status = status if told is None else str(told)
    return status


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
