"""events: the history in order.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.event_pages import EventPages
from core.cli.output import emit
from core.cli.parameters import Option
from core.cli.reading import reading
from core.cli.tables import Table
from core.control.api import EventQuery
from core.filters.fields import Noun
from core.filters.parser import parse
from core.render.columns import COLUMNS
from core.render.json_shapes import event_shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Reading):
    """The arguments of `events`."""

    job: Annotated[int | None, Option(metavar="ID", min=1, help="Only events of this job.")] = None
    task: Annotated[str | None, Option(metavar="TASK", help="Only events of this task: ID or JOB/KEY.")] = (
        None
    )
    where: Annotated[
        str, Option(metavar="FILTER", help="Only events that match, such as: kind:task.failed age<1h")
    ] = ""
    after: Annotated[int, Option(metavar="ID", min=0, help="Only events with a higher id.")] = 0
    follow: Annotated[
        bool, Option(short="-f", help="Write new events as they come, until the job has ended.")
    ] = False


async def events(arguments: Events) -> int:
    """List the events in the order of their ids."""
    where = parse(arguments.where, Noun.EVENTS) if arguments.where else None
    table = Table(COLUMNS[Noun.EVENTS])
    async with reading(arguments) as deck:
        task_id = await deck.find_task(arguments.task) if arguments.task else None
        if arguments.job is not None:
            await deck.job(arguments.job)
        query = EventQuery(job_id=arguments.job, task_id=task_id, filter=where)
        pages = EventPages(deck, query, after=arguments.after)
        async for rows in pages.followed(arguments) if arguments.follow else pages.there():
            if not arguments.json:
                table.page(rows)
                continue
            for row in rows:
                emit(event_shape(row))
    return 0


COMMANDS = (
    Command(
        name="events",
        arguments=Events,
        run=events,
        examples=(
            "taskdeck events --job 12",
            "taskdeck events --task 12/parse",
            "taskdeck events --job 12 --follow --json",
            "taskdeck events --where 'kind:task.failed,attempt.* age<1h'",
        ),
    ),
)
