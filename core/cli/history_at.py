"""A job as it stood after an event, told.

Called by the command `history`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from core.cli.output import Painted, emit, note, say, status
from core.cli.paging import PAGE_ROWS
from core.cli.summary import counts_text, job_counts_text
from core.cli.tables import Table
from core.control.api import PAGE, ReadingAPI
from core.filters.fields import Noun
from core.model.present import present_ms
from core.model.replay import JobAt
from core.model.text import safe_line
from core.model.timing.moments import parse_moment
from core.model.values import ID_MAX, JsonObject, to_iso
from core.model.views import TaskDetail
from core.render.columns import COLUMNS
from core.render.job_shapes import job_shape, stage_shape, task_detail_shape
from core.render.times import duration_text

_SHOWN = ("id", "key", "status", "try", "queue", "err")
"""Columns of tasks that say nothing of the present."""


async def tell_at(deck: ReadingAPI, job_id: int, at: str, *, as_json: bool) -> None:
    """Tell how a job stood after an event, named by its number, or at a moment."""
    then = await _then(deck, job_id, at)
    if as_json:
        emit({"as_of": _as_of(then), "job": job_shape(then.job), "stages": [*map(stage_shape, then.stages)]})
        async for rows in _tasks(deck, then):
            for row in rows:
                emit(task_detail_shape(row))
        return
    _say_job(then)
    table = Table(tuple(column for column in COLUMNS[Noun.TASKS] if column.name in _SHOWN))
    page = await deck.history.tasks_at(job_id, then.event, limit=PAGE)
    if page.rows:
        say()
        table.page([row.task for row in page.rows])
    if page.next is not None:
        note(f"showing the first {len(page.rows)} tasks; all of them: --json")


async def _then(deck: ReadingAPI, job_id: int, at: str) -> JobAt:
    if at.isascii() and at.isdigit():
        # No event has a longer number, and it would take long to read.
        event = int(at) if len(at) < len(str(ID_MAX)) else ID_MAX
        return await deck.history.job_at(job_id, event=event)
    return await deck.history.job_at(job_id, at=parse_moment(at, now=present_ms()))


async def _tasks(deck: ReadingAPI, then: JobAt) -> AsyncIterator[Sequence[TaskDetail]]:
    after = 0
    while True:
        page = await deck.history.tasks_at(then.job.id, then.event, after=after, limit=PAGE_ROWS)
        yield page.rows
        if page.next is None:
            return
        after = int(page.next)


def _as_of(then: JobAt) -> JsonObject:
    return {
        "event": then.event,
        "at": to_iso(then.at),
        "later": then.later,
        "unknown": then.unknown,
        "trimmed": then.is_trimmed,
    }


def _say_job(then: JobAt) -> None:
    job = then.job
    since = duration_text(then.at - job.created_at)
    say(f"as of event {then.event} ({to_iso(then.at)}, +{since}); {then.later:,} later events")
    say(Painted(text=f"job {job.id} {safe_line(job.name)}", colour="bold"), ": ", status(job.status))
    say(f"tasks     {job_counts_text(job.tasks, job.tolerated)}")
    if job.reason:
        say(f"reason    {safe_line(job.reason)}, by {safe_line(job.verdict_by or '?')}")
    for stage in then.stages:
        counts = counts_text(stage.tasks)
        say(f"stage {stage.position + 1}   {safe_line(stage.name)}: ", status(stage.status), f", {counts}")
    if then.is_trimmed or then.unknown:
        note("events of this job are gone: what they alone told is 'unknown' here")
