"""history: the story of one job.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.diff import say_difference
from core.cli.event_pages import EventPages
from core.cli.history_at import tell_at
from core.cli.output import Painted, emit, is_live, note, say, width
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.cli.refusals import usage
from core.control.api import EventQuery
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Compare, Filter, Op, Term
from core.model.events import EventView
from core.model.noise import Noise
from core.model.present import present_ms
from core.model.records import replace
from core.model.text import SafeText, clip, fit
from core.model.views import JobView
from core.render.history.folding import folded
from core.render.history.lines import HistoryLine, line_of, line_shape
from core.render.times import clock_text, duration_text
from core.render.wrapping import wrap

_CLOCK, _SINCE = 16, 8
_LEAST = 30
"""Cells of a sentence at the least; a narrower terminal breaks the lines itself."""
_COLOURS = {
    "job.failed": "red",
    "task.failed": "red",
    "stage.failed": "red",
    "attempt.lost": "red",
    "job.succeeded": "green",
    "job.created": "bold",
    "job.ending": "yellow",
    "job.cancelled": "yellow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Reading):
    """The arguments of `history`."""

    job: Annotated[int, Argument(metavar="JOB", min=1, help="The id of a job.")]
    noise: Annotated[
        int,
        Option(
            short="-n",
            metavar="0-3",
            min=0,
            max=3,
            help="0: verdicts, stages, failures, what people asked for; 1: and every end of a task;"
            " 2: and every move; 3: every event.",
        ),
    ] = 1
    where: Annotated[
        str, Option(metavar="FILTER", help="Only events that match, such as: key:parse* age<1h")
    ] = ""
    after: Annotated[int, Option(metavar="ID", min=0, help="Only events with a higher id.")] = 0
    at: Annotated[
        str,
        Option(
            metavar="WHEN",
            help="How the job stood after an event (its number) or at a moment, such as: 1042, 02:10, -5m.",
        ),
    ] = ""
    previous: Annotated[
        bool, Option(help="What differs from the last job of the same name before it, as diff tells it.")
    ] = False
    follow: Annotated[bool, Option(short="-f", help="Go on until the job has ended.")] = False


async def history(arguments: History) -> int:
    """Tell the story of a job in order: what happened when, to what, by whom and why.

    Each line has the time and how long after the submission that was. What is said of many tasks in a row
    is one line; with --json each event is a line of its own.

    What begins with `~` happened around the job: pauses of the queues and pools that its tasks use, and
    starts, drains and stops of the engine, until the job has ended (`"own": false` in --json).

    --at folds the events up to one of them: the job, its stages and tasks as they stood then. With --json
    the first line has job and stages, each of the others a task.
    """
    where = _filter(arguments)
    chosen = [name for name in ("at", "previous", "follow") if getattr(arguments, name)]
    if len(chosen) > 1:
        raise usage(f"--{chosen[0]} does not go with --{chosen[1]}", hint="leave one of them out")
    if arguments.previous:
        async with reading(arguments) as deck:
            await say_difference(deck, None, arguments.job, as_json=arguments.json)
        return 0
    if arguments.at:
        async with reading(arguments) as deck:
            await tell_at(deck, arguments.job, arguments.at, as_json=arguments.json)
        return 0
    async with reading(arguments) as deck:
        job = await deck.job(arguments.job)
        pages = EventPages(deck, EventQuery(job_id=job.id, filter=where, around=True), after=arguments.after)
        async for rows in pages.followed(arguments) if arguments.follow else pages.there():
            if arguments.json:
                for row in rows:
                    emit(line_shape(line_of(row)))
            else:
                _tell(job, rows)
    if not arguments.json and arguments.noise < Noise.ALL:
        note(f"more of it: {arguments.command('history', str(job.id), '--noise', str(arguments.noise + 1))}")
    return 0


def _filter(arguments: History) -> Filter:
    """Return the filter of the arguments; one that names the noise itself is left as it is."""
    where = parse(arguments.where, Noun.EVENTS)
    is_own = any(getattr(term, "field", "") == "noise" for term in where.terms)
    level: tuple[Term, ...] = (Compare(field="noise", op=Op.AT_MOST, value=arguments.noise),)
    return where if is_own or arguments.noise >= Noise.ALL else replace(where, terms=(*where.terms, *level))


def _tell(job: JobView, rows: Sequence[EventView]) -> None:
    now = present_ms()
    for run in folded(map(line_of, rows)):
        for line, text in run.texts():
            _say(line, text, job=job, now=now)


def _say(line: HistoryLine, text: SafeText, *, job: JobView, now: int) -> None:
    at = line.event.at
    since = f"+{duration_text(at - job.created_at)}"
    begin = f"{fit(clock_text(at, now=now), _CLOCK)}  {clip(since, _SINCE).rjust(_SINCE)}  "
    colour = _COLOURS.get(line.event.kind)
    room = width() - len(begin)
    pieces = [*wrap(text, room)] if is_live(sys.stdout) and room >= _LEAST else [text]
    for number, piece in enumerate(pieces):
        lead = begin if not number else " " * len(begin)
        say(lead, Painted(text=piece, colour=colour) if colour else piece)


COMMANDS = (
    Command(
        name="history",
        arguments=History,
        run=history,
        examples=(
            "taskdeck history 12",
            "taskdeck history 12 --noise 2 --where 'key:parse'",
            "taskdeck history 12 --follow",
            "taskdeck history 12 --noise 3 --json",
            "taskdeck history 12 --at 1042",
            "taskdeck history 12 --at -5m --json",
            "taskdeck history 12 --previous",
        ),
    ),
)
