"""Lists of jobs and tasks as of an earlier time.

Called by the commands `jobs` and `tasks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.cli.arguments import Reading
from core.cli.output import emit, note
from core.cli.paging import Fetch, pages
from core.cli.reading import reading
from core.cli.tables import Table
from core.control import api
from core.control.api import ReadingAPI
from core.filters.terms import Filter
from core.model.past import PastView
from core.model.present import present_ms
from core.model.timing.moments import parse_moment
from core.model.values import JsonObject, to_iso
from core.render.columns import Column
from core.render.past import PAST_JOBS, PAST_TASKS, past_job_shape, past_task_shape, past_text

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PastRows(Generic[V]):
    """How rows of one noun are asked for, after an event, and shown."""

    columns: tuple[Column, ...]
    fetch: Callable[[ReadingAPI, int], Fetch[V]]
    shape: Callable[[V, int], JsonObject]


async def list_past_jobs(arguments: Reading, where: Filter | None, *, at: str, limit: int) -> int:
    """List the jobs as they stood at a time; `limit` rows, 0 = all."""
    rows = _PastRows(
        columns=PAST_JOBS,
        fetch=lambda deck, event: (
            lambda after, n: deck.past.jobs(api.PastJobs(event=event, where=where, after=after, limit=n))
        ),
        shape=lambda job, moment: past_job_shape(job, at=moment),
    )
    return await _list(arguments, rows, at=at, limit=limit)


async def list_past_tasks(arguments: Reading, where: Filter | None, *, at: str, limit: int) -> int:
    """List the tasks as they stood at a time; `limit` rows, 0 = all."""
    rows = _PastRows(
        columns=PAST_TASKS,
        fetch=lambda deck, event: (
            lambda after, n: deck.past.tasks(api.PastTasks(event=event, where=where, after=after, limit=n))
        ),
        shape=lambda task, moment: past_task_shape(task, at=moment),
    )
    return await _list(arguments, rows, at=at, limit=limit)


async def _list(arguments: Reading, rows: _PastRows[V], *, at: str, limit: int) -> int:
    async with reading(arguments) as deck:
        past = await _past(deck, at)
        table, shown, more = Table(rows.columns), 0, False
        async for page in pages(rows.fetch(deck, past.event), limit):
            if arguments.json:
                for row in page.rows:
                    emit(rows.shape(row, past.at))
            elif page.rows:
                table.page(page.rows)
            shown += len(page.rows)
            more = page.next is not None
    if not arguments.json and more:
        note(f"showing the first {shown}; all of them: --limit 0")
    elif not arguments.json and not shown:
        note("nothing matches")
    return 0


async def _past(deck: ReadingAPI, text: str) -> PastView:
    """Return the moment that a text names, and say which one it is and what stood where."""
    past = await deck.past.counts(parse_moment(text, now=present_ms()))
    note(f"as of {to_iso(past.at)} (event {past.event}): {past_text(past)}")
    return past
