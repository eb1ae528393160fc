"""events: the history in order.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.output import emit
from core.cli.paging import PAGE_ROWS
from core.cli.parameters import Option
from core.cli.reading import ClosedClaims, reading
from core.cli.tables import Table
from core.control.api import EventQuery, ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.events import EventView
from core.model.status import JOB_FINAL
from core.model.values import INBOX
from core.render.columns import COLUMNS
from core.render.json_shapes import event_shape

_FOLLOW_SECONDS = 0.25


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
        async for rows in _rows(deck, query, arguments=arguments):
            if not arguments.json:
                table.page(rows)
                continue
            for row in rows:
                emit(event_shape(row))
    return 0


async def _rows(
    deck: ReadingAPI, query: EventQuery, *, arguments: Events
) -> AsyncIterator[Sequence[EventView]]:
    after_id = arguments.after
    claims = ClosedClaims(arguments)
    while True:
        # Read before the events: a job that ends after this has its last events in the next round.
        is_last = not arguments.follow or await _has_ended(deck, query.job_id)
        while True:
            page = await deck.events(query, after_id=after_id, limit=PAGE_ROWS)
            if page.rows:
                after_id = page.rows[-1].id
                yield page.rows
            if page.next is None:
                break
            # A page may end early, without rows: what was searched is not searched again.
            after_id = int(page.next)
        if is_last:
            return
        await claims.look()
        await asyncio.sleep(_FOLLOW_SECONDS)


async def _has_ended(deck: ReadingAPI, job_id: int | None) -> bool:
    if job_id is None or job_id == INBOX:
        return False
    return (await deck.job(job_id)).status in JOB_FINAL


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
