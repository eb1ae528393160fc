"""events: what happened, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from core.cli.arguments import Command, Reaching
from core.cli.output import emit
from core.cli.paging import WHOLE
from core.cli.reading import reading
from core.cli.tables import Table
from core.control.api import EventQuery, ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.events import EventView
from core.model.status import JOB_FINAL
from core.model.values import INBOX
from core.render.json_shapes import event_shape

_FOLLOW_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Reaching):
    """The arguments of `events`."""

    job: Annotated[int | None, typer.Option(metavar="ID", min=1, help="Events of one job.")] = None
    task: Annotated[str | None, typer.Option(metavar="TASK", help="Events of one task: ID or JOB/KEY.")] = (
        None
    )
    where: Annotated[str, typer.Option(metavar="FILTER", help="Such as: kind:task.failed age<1h")] = ""
    after: Annotated[int, typer.Option(metavar="ID", min=0, help="Only events with a higher id.")] = 0
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as events come, until the job has ended.")
    ] = False


async def events(arguments: Events) -> int:
    """Write events in order of their ids, all of them."""
    where = parse(arguments.where, Noun.EVENTS) if arguments.where else None
    table = Table(Noun.EVENTS)
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
    while True:
        # Asked before the events are read: what ended after this has its events in the next round.
        over = not arguments.follow or await _has_ended(deck, query.job_id)
        while True:
            page = await deck.events(query, after_id=after_id, limit=WHOLE)
            if page.rows:
                after_id = page.rows[-1].id
                yield page.rows
            if page.next is None:
                break
            # A page may end early, without rows: what was looked at need not be looked at again.
            after_id = int(page.next)
        if over:
            return
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
