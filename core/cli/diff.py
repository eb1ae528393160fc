"""diff: what differs between two jobs.

Loaded by `core.cli.main` for its command; `history --previous` tells the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.output import Painted, emit, say
from core.cli.parameters import Argument
from core.cli.reading import reading
from core.control.api import ReadingAPI
from core.render.comparison import comparison_lines, comparison_shape

_COLOURS = {"+": "green", "-": "red", "~": "yellow", "#": "bold"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff(Reading):
    """The arguments of `diff`."""

    job: Annotated[int, Argument(metavar="JOB", min=1, help="The id of a job.")]
    other: Annotated[
        int | None,
        Argument(
            metavar="[JOB]",
            min=1,
            help="The job it is compared with; without it, JOB is compared with the last of its name before.",
        ),
    ] = None


async def diff(arguments: Diff) -> int:
    """Compare two jobs, of one workflow or not, the earlier one first: params, definition, tasks, costs.

    Tasks are compared by key: status, attempts, errors, duration, cost, and where their outputs differ.
    """
    before, after = (None, arguments.job) if arguments.other is None else (arguments.job, arguments.other)
    async with reading(arguments) as deck:
        await say_difference(deck, before, after, as_json=arguments.json)
    return 0


async def say_difference(deck: ReadingAPI, before: int | None, after: int, *, as_json: bool) -> None:
    """Tell what differs between two jobs; None = the last one of the same name before."""
    view = await deck.history.compare(after, before)
    if as_json:
        emit(comparison_shape(view))
        return
    for text, sign in comparison_lines(view):
        colour = _COLOURS.get(sign)
        say(Painted(text=text, colour=colour) if colour else text)


COMMANDS = (
    Command(
        name="diff",
        arguments=Diff,
        run=diff,
        examples=("taskdeck diff 12 17", "taskdeck diff 17", "taskdeck diff 12 17 --json"),
    ),
)
