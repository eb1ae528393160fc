"""logs: the output of a task.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Remote
from core.cli.commands import Command
from core.cli.output import note
from core.cli.output_sinks import CheckedSink, open_sink
from core.cli.parameters import Argument, Option
from core.cli.reading import ClosedClaims, reading_files
from core.cli.task_output import Tail
from core.control.api import ReadingAPI
from core.model.status import TASK_FINAL, TaskStatus
from core.model.views import LogStream

_FOLLOW_SECONDS = 0.2
_WAITING = (TaskStatus.BLOCKED, TaskStatus.QUEUED, TaskStatus.RETRYING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs(Remote):
    """The arguments of `logs`."""

    task: Annotated[str, Argument(metavar="TASK", help="A task: ID or JOB/KEY.")]
    follow: Annotated[
        bool, Option(short="-f", help="Write new output as it comes, until the task has ended.")
    ] = False
    tail: Annotated[
        int | None,
        Option(short="-n", metavar="BYTES", min=1, help="Only the last bytes."),
    ] = None
    attempt: Annotated[
        int | None,
        Option(metavar="N", min=1, help="The attempt with this number. [default: latest]"),
    ] = None
    stderr: Annotated[bool, Option(help="Standard error, of a task that keeps it apart.")] = False
    raw: Annotated[
        bool,
        Option(help="Also to a terminal: the bytes unchanged, with its control codes."),
    ] = False


async def logs(arguments: Logs) -> int:
    """Write the output of a task: bytes as they are to a pipe or file, safe text to a terminal.

    What was dropped over the limit of an output is said on standard error, and by "dropped" with --json.
    """
    async with reading_files(arguments) as deck:
        task_id = await deck.find_task(arguments.task)
        stream = LogStream.ERR if arguments.stderr else LogStream.OUT
        tail = Tail(deck, task_id, sink=_sink(arguments), stream=stream)
        offset = 0 if arguments.tail is None else -arguments.tail
        tail.seek(arguments.attempt, offset, sink=_sink(arguments))
        await tail.drain()
        if arguments.follow:
            await _follow(deck, task_id, tail=tail, arguments=arguments)
        tail.finish()
        if tail.stderr and not (arguments.stderr or arguments.json):
            way = arguments.command("logs", "--stderr", arguments.task)
            note(f"{tail.stderr:,} bytes of standard error are kept apart: {way}")
    return 0


async def _follow(deck: ReadingAPI, task_id: int, *, tail: Tail, arguments: Logs) -> None:
    """Write new output, attempt after attempt, until the task is final."""
    claims = ClosedClaims(arguments)
    while True:
        # Read before the output: what was written before the end of the task is read after it.
        detail = await deck.task(task_id)
        current = await tail.drain()
        latest = max((attempt.epoch for attempt in detail.attempts), default=0)
        if latest > current and arguments.attempt is None:
            if not arguments.json:
                note(f"attempt {latest}")
            tail.finish()
            tail.seek(latest, 0, sink=_sink(arguments))
            continue
        if detail.task.status in TASK_FINAL:
            return
        if detail.task.status in _WAITING:
            await claims.look()
        await asyncio.sleep(_FOLLOW_SECONDS)


def _sink(arguments: Logs) -> CheckedSink:
    return open_sink(json=arguments.json, raw=arguments.raw)


COMMANDS = (
    Command(
        name="logs",
        arguments=Logs,
        run=logs,
        examples=(
            "taskdeck logs 12/parse",
            "taskdeck logs -f 4711",
            "taskdeck logs 4711 --tail 4096",
            "taskdeck logs 4711 --attempt 1 > out.bin",
        ),
    ),
)
