"""The past: jobs and tasks as of an event, later ones undone.

Read by the control.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.errors import Invalid
from core.model.past import PastJob, PastTask, PastView
from core.model.records import replace
from core.model.values import INBOX, to_iso
from core.model.views import Page
from core.store.reports.paging.keyset import page_of
from core.store.reports.past.past_pages import PastPage, read_past_page
from core.store.reports.past.past_sql import EXTEND, TABLES
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source
from core.store.sql import ids

EVENTS_MAX = 1_000_000
"""Events that are undone at the most."""
MOMENTS = 2
"""Moments whose undone statuses are kept, the ones asked for last."""

# One by one: SQLite reads the whole table for both at once.
_ENDS = text(
    "SELECT coalesce((SELECT min(id) FROM event), 0) AS first,"
    " coalesce((SELECT max(id) FROM event), 0) AS last"
)
_AT = text("SELECT id, at FROM event WHERE id <= :id ORDER BY id DESC LIMIT 1")
# Between two steps of the wall clock the times of events rise with their ids.
_STRETCH = text("SELECT max(id) FROM event INDEXED BY event_clock WHERE kind = 'clock.stepped' AND at <= :at")
_STRETCH_END = text(
    "SELECT min(id) FROM event INDEXED BY event_clock WHERE kind = 'clock.stepped' AND id > :id"
)
_KEPT = text("SELECT seen FROM temp.past_moment WHERE event = :event")
_KEEP = text("INSERT INTO temp.past_moment (event, seen, used) VALUES (:event, :event, 0)")
_USE = text(
    "UPDATE temp.past_moment SET seen = :last,"
    " used = (SELECT max(used) + 1 FROM temp.past_moment) WHERE event = :event"
)
_OLD = text(
    "DELETE FROM temp.past_moment WHERE event NOT IN"
    f" (SELECT event FROM temp.past_moment ORDER BY used DESC LIMIT {MOMENTS - 1})"
)
_FORGET = text("DELETE FROM temp.past WHERE event NOT IN (SELECT event FROM temp.past_moment)")
_TASKS_NOW = text("SELECT status, sum(n) AS n FROM counter WHERE scope = 'queue' AND n > 0 GROUP BY status")
_JOBS_NOW = text(f"SELECT status, count(*) AS n FROM job WHERE id != {INBOX} GROUP BY status")
_MOVED = (
    "SELECT p.status AS past, t.status AS now, {of} = " + str(INBOX) + " AS inbox, count(*) AS n,"
    " min(p.id) AS first FROM temp.past p LEFT JOIN {noun} t ON t.id = p.id"
    " WHERE p.event = :event AND p.noun = '{noun}' GROUP BY 1, 2, 3"
)
_TASKS_MOVED = text(_MOVED.format(noun="task", of="t.job_id"))
_JOBS_MOVED = text(_MOVED.format(noun="job", of="t.id"))
_COUNTS_NOW = text(
    "SELECT ref AS job_id, status, n FROM counter WHERE scope = 'job' AND n > 0"
    " AND ref IN (SELECT CAST(value AS TEXT) FROM json_each(:ids))"
)
# The tasks of a job have ids in a row, but for those of the inbox.
_OF_JOBS_MOVED = text(
    "SELECT s.job_id, p.status AS past, t.status AS now, count(*) AS n FROM json_each(:ids) x"
    " CROSS JOIN stage s ON s.job_id = x.value CROSS JOIN temp.past p ON p.event = :event"
    " AND p.noun = 'task' AND p.id BETWEEN s.first_task AND s.last_task CROSS JOIN task t ON t.id = p.id"
    " GROUP BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What is kept of a moment: it never changes, for rows that come later were not there."""

    view: PastView
    inbox: dict[str, int]
    first_new: dict[str, int]
    """By noun, the lowest id that was not there; ids rise as rows are made."""


class PastReports:
    """How everything stood after an event: what stands now, with later events undone.

    What was undone is kept in temporary tables of a connection of its own, so that pages and counts of the
    same moment cost little; events that come later are undone with the next question.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._counted: dict[int, _Counted] = {}

    async def moment(self, at: int) -> PastView:
        """Return the counts as of a moment of the wall clock (ms UTC), events of that ms included.

        Where the clock was set back, it is the last time that it showed the moment. Raises `Invalid`:
        `history.future`, `history.too_early`, `history.too_long`.
        """
        if at > self._source.now():
            raise Invalid(
                "history.future",
                f"{to_iso(at)} is in the future",
                hint="name a moment that has been",
                facts={"at": to_iso(at)},
            )
        async with self._source.snapshot() as db:
            event = await _event_at(db, at)
        view = await self.counts(event)
        return replace(view, at=at)

    async def counts(self, event: int) -> PastView:
        """Return the counts after an event; raise `Invalid` (`history.unknown`, `history.too_long`)."""
        async with self._source.readers.workspace() as db:
            counted = await _undo(db, event, self._counted)
            await db.commit()
        return counted.view

    async def jobs(
        self, event: int, where: Filter | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page[PastJob]:
        """Return a page of the jobs that were there after an event, newest first.

        Raises as `counts` does, and `Invalid` (`filter.past`, `filter.sort`, `page.cursor`).
        """
        page = PastPage(event=event, where=where or Filter(noun=Noun.JOBS), after=after, limit=limit)
        async with self._source.readers.workspace() as db:
            counted = await _undo(db, event, self._counted)
            rows, keys = await read_past_page(
                db, page, first_new=counted.first_new.get("job"), now=self._source.now()
            )
            counts = await _counts_of_jobs(db, counted, [row.id for row in rows])
            await db.commit()
        views = [
            PastJob(
                id=row.id,
                name=row.name,
                status=row.past_status,
                tasks=counts.get(row.id, {}),
                created_at=row.created_at,
                actor=row.actor,
            )
            for row in rows
        ]
        return page_of(views, keys)

    async def tasks(
        self, event: int, where: Filter | None = None, *, after: str | None = None, limit: int = 100
    ) -> Page[PastTask]:
        """Return a page of the tasks that were there after an event, newest first; raises as `jobs` does."""
        page = PastPage(event=event, where=where or Filter(noun=Noun.TASKS), after=after, limit=limit)
        async with self._source.readers.workspace() as db:
            counted = await _undo(db, event, self._counted)
            rows, keys = await read_past_page(
                db, page, first_new=counted.first_new.get("task"), now=self._source.now()
            )
            await db.commit()
        views = [
            PastTask(
                id=row.id,
                job_id=row.job_id,
                key=row.key,
                name=row.name,
                status=row.past_status,
                queue=row.queue,
                uses=row.uses,
                group=row.grp,
                created_at=row.created_at,
                since=row.since,
            )
            for row in rows
        ]
        return page_of(views, keys)


async def _event_at(db: AsyncConnection, at: int) -> int:
    """Return the last event at or before a moment."""
    ends = (await db.execute(_ENDS)).one()
    begin = (await db.execute(_STRETCH, {"at": at})).scalar() or ends.first
    end = (await db.execute(_STRETCH_END, {"id": begin})).scalar()
    low, high = begin, ends.last if end is None else end - 1
    first = (await db.execute(_AT, {"id": begin})).one_or_none()
    if first is None or first.at > at:
        begun = "never" if first is None else to_iso(first.at)
        raise Invalid(
            "history.too_early",
            f"the history of this store does not reach back to {to_iso(at)}; it begins at {begun}",
            hint="name a later moment",
            facts={"at": to_iso(at), "begins": begun},
        )
    while low < high:
        middle = (low + high + 1) // 2
        row = (await db.execute(_AT, {"id": middle})).one()
        if row.at <= at:
            low = middle
        else:
            high = row.id - 1
    return int(low)


async def _undo(db: AsyncConnection, event: int, known: dict[int, _Counted]) -> _Counted:
    """Undo what happened since an event, or since it was undone before; `known` are the counts of moments."""
    for statement in TABLES:
        await db.execute(statement)
    ends = (await db.execute(_ENDS)).one()
    if not ends.first <= event <= ends.last:
        raise Invalid(
            "history.unknown",
            f"event {event} does not exist",
            hint=f"name one of {ends.first} to {ends.last}",
            facts={"event": event, "first": ends.first, "last": ends.last},
        )
    kept = (await db.execute(_KEPT, {"event": event})).one_or_none()
    if kept is None:
        if ends.last - event > EVENTS_MAX:
            raise _too_long(event, ends.last - event)
        await db.execute(_OLD)
        await db.execute(_FORGET)
        await db.execute(_KEEP, {"event": event})
    seen = event if kept is None else kept.seen
    bounds = {"event": event, "seen": seen, "last": ends.last}
    if seen < ends.last:
        await db.execute(EXTEND, bounds)
    counted = known.get(event) or await _count(db, event, ends.last)
    await db.execute(_USE, {"event": event, "last": ends.last})
    known[event] = counted
    for old in list(known)[:-MOMENTS]:
        del known[old]
    return counted


async def _count(db: AsyncConnection, event: int, last: int) -> _Counted:
    at = {"event": event}
    of_tasks, of_jobs = (await db.execute(_TASKS_MOVED, at)).all(), (await db.execute(_JOBS_MOVED, at)).all()
    of_jobs = [row for row in of_jobs if not row.inbox]
    tasks, tasks_missing = _before(_by_status((await db.execute(_TASKS_NOW)).all()), of_tasks)
    jobs, jobs_missing = _before(_by_status((await db.execute(_JOBS_NOW)).all()), of_jobs)
    in_inbox = _by_status((await db.execute(_COUNTS_NOW, {"ids": ids([INBOX])})).all())
    view = PastView(
        event=event,
        at=(await db.execute(_AT, {"id": event})).one().at,
        tasks=tasks,
        jobs=jobs,
        undone=last - event,
        missing=tasks_missing + jobs_missing,
    )
    new = {
        noun: min((row.first for row in rows if row.past == ""), default=None)
        for noun, rows in (("task", of_tasks), ("job", of_jobs))
    }
    return _Counted(
        view=view,
        inbox=_before(in_inbox, [row for row in of_tasks if row.inbox]).counts,
        first_new={noun: first for noun, first in new.items() if first is not None},
    )


async def _counts_of_jobs(
    db: AsyncConnection, counted: _Counted, job_ids: Sequence[int]
) -> dict[int, Mapping[str, int]]:
    """Return how many tasks of jobs stood where after an event."""
    event = counted.view.event
    now: dict[int, Counter[str]] = {job_id: Counter() for job_id in job_ids}
    for row in (await db.execute(_COUNTS_NOW, {"ids": ids(job_ids)})).all():
        now[int(row.job_id)][row.status] = row.n
    moved: dict[int, list[AnyRow]] = {}
    others = ids(job_id for job_id in job_ids if job_id != INBOX)
    for row in (await db.execute(_OF_JOBS_MOVED, {"ids": others, "event": event})).all():
        moved.setdefault(row.job_id, []).append(row)
    then = {job_id: _before(counts, moved.get(job_id, [])).counts for job_id, counts in now.items()}
    return {**then, INBOX: counted.inbox}


class _CountsBefore(NamedTuple):
    """Counts by status, and how many rows are missing in them."""

    counts: dict[str, int]
    missing: int


def _before(now: Mapping[str, int], moved: Iterable[AnyRow]) -> _CountsBefore:
    """Return the counts before rows moved."""
    counts, missing = Counter(now), 0
    for row in moved:
        if row.now is not None:
            counts[row.now] -= row.n
        if row.past is None or (row.now is None and row.past):
            missing += row.n
        elif row.past:
            counts[row.past] += row.n
    return _CountsBefore({status: number for status, number in sorted(counts.items()) if number}, missing)


def _by_status(rows: Iterable[AnyRow]) -> dict[str, int]:
    return {row.status: row.n for row in rows}


def _too_long(event: int, undone: int) -> Invalid:
    return Invalid(
        "history.too_long",
        f"{undone:,} events have happened since; at most {EVENTS_MAX:,} are undone",
        hint="name a later moment; 'taskdeck events' has all of the history",
        facts={"event": event, "events": undone, "most": EVENTS_MAX},
    )
