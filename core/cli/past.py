"""Lists of jobs and tasks as of an earlier time.

Called by the commands `jobs` and `tasks`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from core.cli.arguments import Reading
from core.cli.output import emit, note
from core.cli.paging import Fetch, pages
from core.cli.reading import reading
from core.cli.tables import Table
from core.control.api import PastJobs, PastTasks, ReadingAPI
from core.filters.terms import Filter
from core.model.moments import parse_moment
from core.model.past import PastView
from core.model.present import present_ms
from core.model.values import JsonObject, to_iso
from core.render.columns import Column
from core.render.json_shapes import past_job_shape, past_task_shape
from core.render.past import PAST_JOBS, PAST_TASKS, past_text

V = TypeVar("V")


async def list_past_jobs(arguments: Reading, where: Filter | None, *, at: str, limit: int) -> int:
    """List the jobs as they stood at a time; `limit` rows, 0 = all."""
    async with reading(arguments) as deck:
        past = await _past(deck, at)
        await _write(
            PAST_JOBS,
            lambda after, n: deck.past_jobs(PastJobs(event=past.event, where=where, after=after, limit=n)),
            limit=limit,
            shape=partial(past_job_shape, at=past.at) if arguments.json else None,
        )
    return 0


async def list_past_tasks(arguments: Reading, where: Filter | None, *, at: str, limit: int) -> int:
    """List the tasks as they stood at a time; `limit` rows, 0 = all."""
    async with reading(arguments) as deck:
        past = await _past(deck, at)
        await _write(
            PAST_TASKS,
            lambda after, n: deck.past_tasks(PastTasks(event=past.event, where=where, after=after, limit=n)),
            limit=limit,
            shape=partial(past_task_shape, at=past.at) if arguments.json else None,
        )
    return 0


async def _past(deck: ReadingAPI, text: str) -> PastView:
    """Return the moment that a text names, and say which one it is and what stood where."""
    past = await deck.past(parse_moment(text, now=present_ms()))
    note(f"as of {to_iso(past.at)} (event {past.event}): {past_text(past)}")
    return past


async def _write(
    columns: tuple[Column, ...],
    fetch: Fetch[V],
    *,
    limit: int,
    shape: Callable[[V], JsonObject] | None,
) -> None:
    table, shown, more = Table(columns), 0, False
    async for page in pages(fetch, limit):
        if shape is not None:
            for row in page.rows:
                emit(shape(row))
        elif page.rows:
            table.page(page.rows)
        shown += len(page.rows)
        more = page.next is not None
    if shape is None and more:
        note(f"showing the first {shown}; all of them: --limit 0")
    elif shape is None and not shown:
        note("nothing matches")
