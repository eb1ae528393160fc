"""why: what tasks wait for, and what ends it.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.output import emit, say
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.cli.refusals import usage
from core.cli.targets import find_named
from core.model.present import present_ms
from core.model.text import SafeText
from core.render.wait_lines import job_wait_lines, job_waits_shape, task_wait_lines, task_waits_shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Why(Reading):
    """The arguments of `why`."""

    refs: Annotated[
        list[str] | None,
        Argument(metavar="[JOB|JOB/KEY|KEY]...", help="Jobs by id, tasks by job and key."),
    ] = None
    task: Annotated[list[int], Option(metavar="ID", min=1, help="A task by its id; may be repeated.")] = (
        field(default_factory=list)
    )


async def why(arguments: Why) -> int:
    """Say why a task does not run: every reason that holds, in order, and what would end each.

    Of a job, for what its tasks wait, most tasks first. Without an engine that is one of the reasons.
    """
    if not (arguments.refs or arguments.task):
        raise usage("name a job or a task", hint="a job (12), or a task (12/key or --task ID)")
    async with reading(arguments) as deck:
        named = await find_named(deck, [*(arguments.refs or ()), *(f"#{task}" for task in arguments.task)])
        jobs = [await deck.why_job(job_id) for job_id in named.jobs]
        tasks = [await deck.why(task_id) for task_id in named.tasks]
    if arguments.json:
        for job in jobs:
            emit(job_waits_shape(job))
        for task in tasks:
            emit(task_waits_shape(task))
        return 0
    now = present_ms()
    parts = [list(job_wait_lines(job, now=now)) for job in jobs]
    _write([*parts, *(list(task_wait_lines(task, now=now)) for task in tasks)])
    return 0


def _write(parts: Iterable[Iterable[SafeText]]) -> None:
    for number, lines in enumerate(parts):
        if number:
            say()
        for line in lines:
            say(line)


COMMANDS = (
    Command(
        name="why",
        arguments=Why,
        run=why,
        examples=(
            "taskdeck why 12/publish",
            "taskdeck why 12",
            "taskdeck why --task 4711 --json",
        ),
    ),
)
