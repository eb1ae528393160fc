"""jobs, tasks, queues: lists of what is in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import typer

from core.cli.arguments import Command, Reaching
from core.cli.output import emit, note
from core.cli.paging import Fetch, pages, row_limit
from core.cli.reading import reading
from core.cli.tables import Table
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Filter
from core.model.values import JsonObject
from core.render.json_shapes import job_shape, queue_shape, task_shape

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Reaching):
    """The arguments of a list."""

    where: Annotated[
        str, typer.Option(metavar="FILTER", help="Such as: status:failed,running name:night* age>10m sort:id")
    ] = ""
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Rows at most; 0 = all. [default: 100, all with --json]"),
    ] = None


async def jobs(arguments: Listing) -> int:
    """List the jobs, newest first."""
    where = _filter(arguments, Noun.JOBS)
    async with reading(arguments) as deck:
        await _write(
            arguments, Noun.JOBS, fetch=lambda at, n: deck.jobs(where, after=at, limit=n), shape=job_shape
        )
    return 0


async def tasks(arguments: Listing) -> int:
    """List the tasks of all jobs, newest first."""
    where = _filter(arguments, Noun.TASKS)
    async with reading(arguments) as deck:
        await _write(
            arguments, Noun.TASKS, fetch=lambda at, n: deck.tasks(where, after=at, limit=n), shape=task_shape
        )
    return 0


async def queues(arguments: Reaching) -> int:
    """List the queues: how many tasks stand where, and which are paused."""
    async with reading(arguments) as deck:
        found = await deck.queues()
    if arguments.json:
        for queue in found:
            emit(queue_shape(queue))
    elif found:
        Table(Noun.QUEUES).page(found)
    else:
        note("no queues yet")
    return 0


def _filter(arguments: Listing, noun: Noun) -> Filter | None:
    return parse(arguments.where, noun) if arguments.where else None


async def _write(
    arguments: Listing, noun: Noun, *, fetch: Fetch[V], shape: Callable[[V], JsonObject]
) -> None:
    table = Table(noun)
    shown = 0
    more = False
    searched: int | None = None
    async for page in pages(fetch, row_limit(arguments.limit, whole=arguments.json)):
        if arguments.json:
            for row in page.rows:
                emit(shape(row))
        elif page.rows:
            table.page(page.rows)
        shown += len(page.rows)
        more = page.next is not None
        searched = page.searched
    if searched is not None:
        # Pages in order of id that end early are followed by others: the last one was cut by its order.
        note(f"sorted among the newest {searched:,} {noun} only; 'sort:id' goes through all")
    if arguments.json:
        return
    if more:
        note(f"showing the first {shown}; all of them: --limit 0")
    elif not shown:
        note(f"no {noun}" + (" match" if arguments.where else " yet"))


COMMANDS = (
    Command(
        name="jobs",
        arguments=Listing,
        run=jobs,
        examples=(
            "taskdeck jobs",
            "taskdeck jobs --where 'status:failed,running age<1d'",
            "taskdeck jobs --json --where 'name:nightly*'",
        ),
    ),
    Command(
        name="tasks",
        arguments=Listing,
        run=tasks,
        examples=(
            "taskdeck tasks --where 'job:12 status:failed'",
            "taskdeck tasks --where 'queue:mail* err~\"timeout|429\" sort:-age' --limit 0",
        ),
    ),
    Command(
        name="queues",
        arguments=Reaching,
        run=queues,
        examples=("taskdeck queues", "taskdeck queues --json"),
    ),
)
