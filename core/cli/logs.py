"""logs: the output of a task.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.log_parts import Output, Part, begin_of_tail, end_of_head, read_part
from core.cli.log_search import MatchWriter, count, find, find_in_tasks
from core.cli.output import note
from core.cli.output_sinks import OVER_LIMIT, OVER_OR_CUT, CheckedSink, open_sink
from core.cli.parameters import Argument, Option
from core.cli.reading import ClosedClaims, reading, reading_files
from core.cli.task_output import Tail
from core.cli.woven_logs import ERROR, FOLLOW_SECONDS, WovenLines
from core.control.api import ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.patterns import Case
from core.filters.text_query import Syntax, TextQuery
from core.model.errors import Invalid
from core.model.patterns.children import USES as CHILD
from core.model.status import TASK_FINAL, TaskStatus
from core.model.views import LogStream

_WAITING = (TaskStatus.BLOCKED, TaskStatus.QUEUED, TaskStatus.RETRYING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs(Reading):
    """The arguments of `logs`."""

    task: Annotated[
        str | None, Argument(metavar="TASK", help="A task: ID or JOB/KEY; none with --where.")
    ] = None
    follow: Annotated[
        bool, Option(short="-f", help="Write new output as it comes, until the task has ended.")
    ] = False
    tail: Annotated[
        Part | None,
        Option(short="-n", metavar="N", read=read_part, help="Only the last lines, or bytes as in 64KiB."),
    ] = None
    head: Annotated[
        Part | None, Option(metavar="N", read=read_part, help="Only the first lines, or bytes as in 64KiB.")
    ] = None
    attempt: Annotated[
        int | None,
        Option(metavar="N", min=1, help="The attempt with this number. [default: latest]"),
    ] = None
    stderr: Annotated[bool, Option(help="Standard error, of a task that keeps it apart.")] = False
    both: Annotated[
        bool,
        Option(
            help=f"Both streams as they came, '{ERROR.strip()}' before standard error that is kept apart."
        ),
    ] = False
    raw: Annotated[
        bool,
        Option(help="Also to a terminal: the bytes unchanged, with its control codes."),
    ] = False
    grep: Annotated[
        str | None, Option(metavar="PATTERN", help="Only lines in which this is found (RE2), by the engine.")
    ] = None
    ignore_case: Annotated[bool, Option(short="-i", help="With --grep: in any case.")] = False
    fixed_strings: Annotated[bool, Option(short="-F", help="With --grep: a text, not a pattern.")] = False
    context: Annotated[
        int, Option(short="-C", metavar="N", min=0, max=100, help="With --grep: lines around each.")
    ] = 0
    count: Annotated[bool, Option(short="-c", help="With --grep: only how many lines.")] = False
    where: Annotated[
        str | None,
        Option(metavar="FILTER", help="With --grep: in the latest attempts of all tasks that match."),
    ] = None


async def logs(arguments: Logs) -> int:
    """Write the output of a task, or the lines of it, or of many, that hold something.

    Bytes as they are to a pipe or file, safe text to a terminal. What was dropped over the limit of an
    output is said on standard error, and by "dropped" with --json. --grep exits with 1 if nothing is found.
    """
    _check(arguments)
    if arguments.grep is not None:
        return await _grep(arguments, arguments.grep)
    async with reading_files(arguments) as deck:
        output = await _output(deck, arguments)
        if arguments.both:
            return await _both(deck, output, arguments)
        tail = Tail(deck, output.task_id, sink=_sink(arguments), stream=output.stream)
        begin = 0 if arguments.tail is None else await begin_of_tail(deck, output, arguments.tail)
        tail.seek(arguments.attempt, begin, sink=_sink(arguments))
        if arguments.head is not None:
            await tail.drain(end=await end_of_head(deck, output, arguments.head))
        else:
            await tail.drain()
        if arguments.follow:
            await _follow(deck, output.task_id, tail=tail, arguments=arguments)
        tail.finish()
        if tail.stderr and not (arguments.stderr or arguments.json):
            way = arguments.command("logs", "--stderr", str(arguments.task))
            note(f"{tail.stderr:,} bytes of standard error are kept apart: {way}")
        if not (tail.offset or tail.stderr or arguments.json):
            await _say_why_nothing(deck, output.task_id, arguments)
    return 0


async def _say_why_nothing(deck: ReadingAPI, task_id: int, arguments: Logs) -> None:
    """Say whose output is meant where a task has none of its own, and that none has begun."""
    task = (await deck.task(task_id)).task
    place = f"{task.job_id}/{task.key}"
    if task.instances is not None:
        own = arguments.command("logs", f"{place}[0]")
        note(f"{place} is a group, whose instances have the output: {own}")
    elif task.uses == CHILD:
        shown = arguments.command("show", str(task.job_id))
        note(f"{place} stands for a job, whose tasks have the output: '{shown}' names it")
    elif not task.attempts:
        note(f"{place} is {task.status}: no attempt of it has begun")


async def _both(deck: ReadingAPI, output: Output, arguments: Logs) -> int:
    lines = WovenLines(deck, output, json=arguments.json, raw=arguments.raw)
    begin = 0 if arguments.tail is None else await begin_of_tail(deck, output, arguments.tail)
    if arguments.head is not None:
        await lines.drain(0, end=await end_of_head(deck, output, arguments.head))
    elif not arguments.follow:
        await lines.drain(begin)
    else:
        await lines.follow(begin, partial(_is_over, deck, output, ClosedClaims(arguments)))
    return 0


async def _is_over(deck: ReadingAPI, output: Output, claims: ClosedClaims) -> bool:
    status = (await deck.task(output.task_id)).task.status
    if status in _WAITING:
        await claims.look()
    return status in TASK_FINAL


async def _grep(arguments: Logs, text: str) -> int:
    query = TextQuery(
        text=text,
        syntax=Syntax.TEXT if arguments.fixed_strings else Syntax.PATTERN,
        case=Case.ANY if arguments.ignore_case else Case.EXACT,
    )
    writer = MatchWriter(json=arguments.json, raw=arguments.raw)
    where = None if arguments.where is None else parse(arguments.where, Noun.TASKS)
    async with reading(arguments) as deck:
        if where is not None:
            return await find_in_tasks(deck, where, query, writer=writer)
        output = await _output(deck, arguments)
        if arguments.count:
            return await count(deck, output, query, json=arguments.json)
        return await find(deck, output, query, context=arguments.context, writer=writer)


async def _output(deck: ReadingAPI, arguments: Logs) -> Output:
    return Output(
        task_id=await deck.find_task(arguments.task or ""),
        epoch=arguments.attempt,
        stream=_stream(arguments),
    )


def _stream(arguments: Logs) -> LogStream:
    if arguments.both:
        return LogStream.BOTH
    return LogStream.ERR if arguments.stderr else LogStream.OUT


def _check(arguments: Logs) -> None:
    """Refuse options that do not go together (`usage`)."""
    of_grep = arguments.ignore_case or arguments.fixed_strings or arguments.context or arguments.count
    of_one = arguments.count or arguments.context or arguments.attempt or arguments.stderr or arguments.both
    of_size = any(part is not None and part.size for part in (arguments.tail, arguments.head))
    of_bytes = arguments.follow or arguments.tail or arguments.head
    faults = (
        (arguments.task is None and arguments.where is None, "name a task, or --grep with --where"),
        (arguments.task is not None and arguments.where is not None, "give a task or --where, not both"),
        (arguments.where is not None and arguments.grep is None, "--where needs --grep"),
        (
            arguments.where is not None and of_one,
            "--where searches latest attempts, without -c, -C, --stderr and --both",
        ),
        (arguments.both and arguments.stderr, "give --both or --stderr, not both"),
        (arguments.both and of_size, "--both writes lines: give --tail or --head a number of them"),
        (arguments.grep is None and of_grep, "-i, -F, -C and -c need --grep"),
        (arguments.grep is not None and of_bytes, "--grep searches the whole output: give it alone"),
        (
            arguments.head and (arguments.tail or arguments.follow),
            "--head goes with neither --tail nor --follow",
        ),
    )
    for is_wrong, sentence in faults:
        if is_wrong:
            raise Invalid("usage", sentence, hint="see: taskdeck logs --help")


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
        await asyncio.sleep(FOLLOW_SECONDS)


def _sink(arguments: Logs) -> CheckedSink:
    why = OVER_LIMIT if arguments.bundle is None else OVER_OR_CUT
    return open_sink(json=arguments.json, raw=arguments.raw, why=why)


COMMANDS = (
    Command(
        name="logs",
        arguments=Logs,
        run=logs,
        examples=(
            "taskdeck logs 12/parse",
            "taskdeck logs -f 4711",
            "taskdeck logs 4711 --tail 20",
            "taskdeck logs 4711 --both",
            "taskdeck logs 12/parse --grep 'timeout|refused' -i -C 2",
            "taskdeck logs --grep Traceback --where 'job:12 status:failed'",
            "taskdeck logs 4711 --attempt 1 > out.bin",
        ),
    ),
)
