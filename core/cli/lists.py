"""jobs, tasks, groups, queues: lists of what is in the store.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.output import emit, note
from core.cli.paging import Fetch, pages
from core.cli.parameters import Option
from core.cli.past import list_past_jobs, list_past_tasks
from core.cli.reading import note_closed_claims, reading
from core.cli.tables import Table
from core.control.api import PAGE
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Filter
from core.model.timing.moments import FORMS
from core.model.values import JsonObject, to_iso
from core.render.columns import COLUMNS, Column, Form
from core.render.job_shapes import job_shape, queue_shape, task_shape

V = TypeVar("V")
_GROUP_COLUMNS = (
    Column(name="name", title="GROUP", form=Form.TEXT, path="name", width=24, min_width=12),
    Column(name="tasks", title="TASKS", form=Form.COUNTS, path="tasks", width=28, min_width=15, priority=1),
    Column(name="age", title="AGE", form=Form.AGE, path="created_at", width=7, min_width=6, priority=2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Reading):
    """The arguments of `jobs` and `tasks`."""

    where: Annotated[
        str,
        Option(
            metavar="FILTER",
            help="Only rows that match, such as: status:failed,running name:night* age>10m sort:id",
        ),
    ] = ""
    limit: Annotated[
        int | None,
        Option(metavar="N", min=0, help="At most N rows; 0 = all. [default: 100, with --json all]"),
    ] = None

    at: Annotated[
        str | None,
        Option(
            metavar="TIME",
            help=f"As of an earlier time: {FORMS}. Filters know ids, names and the status of then.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups(Reading):
    """The arguments of `groups`."""

    limit: Annotated[int, Option(metavar="N", min=1, help="At most N groups.")] = PAGE


async def jobs(arguments: Listing) -> int:
    """List the jobs, newest first."""
    where = _filter(arguments, Noun.JOBS)
    if arguments.at is not None:
        return await list_past_jobs(arguments, where, at=arguments.at, limit=_row_limit(arguments))
    async with reading(arguments) as deck:
        await _write(
            arguments, Noun.JOBS, fetch=lambda at, n: deck.jobs(where, after=at, limit=n), shape=job_shape
        )
    return 0


async def tasks(arguments: Listing) -> int:
    """List the tasks of all jobs, newest first."""
    where = _filter(arguments, Noun.TASKS)
    if arguments.at is not None:
        return await list_past_tasks(arguments, where, at=arguments.at, limit=_row_limit(arguments))
    async with reading(arguments) as deck:
        await _write(
            arguments, Noun.TASKS, fetch=lambda at, n: deck.tasks(where, after=at, limit=n), shape=task_shape
        )
    return 0


async def groups(arguments: Groups) -> int:
    """List the groups of loose tasks ('map' makes one) with counts by status, newest first."""
    async with reading(arguments) as deck:
        page = await deck.groups(limit=arguments.limit)
    if arguments.json:
        for group in page.rows:
            emit({"name": group.name, "tasks": dict(group.tasks), "created_at": to_iso(group.created_at)})
    elif page.rows:
        Table(_GROUP_COLUMNS).page(page.rows)
    else:
        note("no groups yet")
    if page.searched is not None:
        note(f"among the newest {page.searched:,} tasks only")
    await note_closed_claims(arguments)
    return 0


async def queues(arguments: Reading) -> int:
    """List the queues: counts of tasks by status, and which queues are paused."""
    async with reading(arguments) as deck:
        rows = await deck.queues()
    if arguments.json:
        for queue in rows:
            emit(queue_shape(queue))
    elif rows:
        Table(COLUMNS[Noun.QUEUES]).page(rows)
    else:
        note("no queues yet")
    await note_closed_claims(arguments)
    return 0


def _row_limit(arguments: Listing) -> int:
    """Return the rows to show: as asked (0 = all), else all for programs, a page for people."""
    if arguments.limit is not None:
        return arguments.limit
    return 0 if arguments.json else PAGE


def _filter(arguments: Listing, noun: Noun) -> Filter | None:
    return parse(arguments.where, noun) if arguments.where else None


async def _write(
    arguments: Listing, noun: Noun, *, fetch: Fetch[V], shape: Callable[[V], JsonObject]
) -> None:
    table = Table(COLUMNS[noun])
    shown = 0
    more = False
    searched: int | None = None
    async for page in pages(fetch, _row_limit(arguments)):
        if arguments.json:
            for row in page.rows:
                emit(shape(row))
        elif page.rows:
            table.page(page.rows)
        shown += len(page.rows)
        more = page.next is not None
        searched = page.searched
    if searched is not None:
        # In the order of ids no page is cut: this one is the last, and was cut by its order.
        note(f"sorted only the newest {searched:,} {noun}; 'sort:id' lists all")
    await note_closed_claims(arguments)
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
            "taskdeck jobs --at 02:10",
        ),
    ),
    Command(
        name="tasks",
        arguments=Listing,
        run=tasks,
        examples=(
            "taskdeck tasks --where 'job:12 status:failed'",
            "taskdeck tasks --where 'queue:mail* err~\"timeout|429\" sort:-age' --limit 0",
            "taskdeck tasks --at 'yesterday 02:10' --where 'job:12 status:running'",
        ),
    ),
    Command(
        name="groups",
        arguments=Groups,
        run=groups,
        examples=("taskdeck groups", "taskdeck groups --json --limit 5"),
    ),
    Command(
        name="queues",
        arguments=Reading,
        run=queues,
        examples=("taskdeck queues", "taskdeck queues --json"),
    ),
)
