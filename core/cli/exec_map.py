"""exec, map: loose tasks from the command line.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

from core.cli.access import note_trouble, working
from core.cli.arguments import Hosting, Label, actor_of
from core.cli.claim_watch import ClaimWatch, PatienceOption
from core.cli.commands import Command
from core.cli.limit_options import LimitOptions, read_cost, read_limits
from core.cli.loose_tasks import Admitted, Following, Group, LooseTasks, OneTask
from core.cli.once_options import OnceOptions, read_options, read_options_of_line
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.refusals import usage
from core.cli.standard_input import task_input
from core.cli.variables import read_variables
from core.cli.waiting import Interrupts, interrupts
from core.control.api import ControlAPI, TaskSpec
from core.model.bounds import ATTEMPTS_MAX, PRIORITY_MAX
from core.model.paths import working_directory
from core.model.plans import Leftovers, OnOverflow, RetryPolicy
from core.model.records import replace
from core.model.values import JsonObject

MAX_PER_COMMIT = 5_000
"""Tasks that are admitted in one commit."""
_NAME_MAX = 200
_NOT_IN_KEY = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """The program of loose tasks, and how they are run."""

    argv: Annotated[list[str], Argument(metavar="CMD [ARGS]...", help="The program and its arguments.")]
    queue: Annotated[str, Option(metavar="NAME", help="The queue of the tasks.")] = "default"
    priority: Annotated[int, Option(metavar="N", min=0, max=PRIORITY_MAX, help="Higher starts earlier.")] = 0
    timeout: Annotated[
        str | None,
        Option(metavar="TIME", help="End an attempt after this: 30s, 10m, 1h30m; 0 or none: never."),
    ] = None
    soft_timeout: Annotated[
        str | None,
        Option(metavar="TIME", help="Tell in the history of an attempt that runs for longer; it goes on."),
    ] = None
    silence: Annotated[
        str | None,
        Option(metavar="TIME", help="End an attempt that writes no output for so long: 15m."),
    ] = None
    soft_silence: Annotated[
        str | None,
        Option(metavar="TIME", help="Tell in the history of an attempt that writes nothing for so long."),
    ] = None
    retry: Annotated[
        int,
        Option(metavar="N", min=0, max=ATTEMPTS_MAX - 1, help="Run a failed task again up to N times."),
    ] = 0
    output_limit: Annotated[
        str | None,
        Option(metavar="SIZE", help="Output kept of an attempt: 500kB. [default: output_cap, 64 MiB]"),
    ] = None
    on_overflow: Annotated[
        OnOverflow | None,
        Option(
            help="Over that: drop the middle (then exec ends with 7, map with 0), or fail."
            " [default: output_policy, drop_middle]"
        ),
    ] = None
    leftovers: Annotated[
        Leftovers,
        Option(help="End what a program leaves in its session when it ends, or keep and list it."),
    ] = Leftovers.KILL
    env: Annotated[
        list[str],
        Option(metavar="NAME[=VALUE]", help="An environment variable to pass on; may be repeated."),
    ] = field(default_factory=list)
    name: Annotated[str | None, Option(metavar="TEXT", help="The name of the tasks.")] = None
    limits: LimitOptions
    once: OnceOptions
    detach: Annotated[bool, Option(help="Return at once; an engine in the background runs the tasks.")] = (
        False
    )
    patience: PatienceOption = None
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec(Hosting):
    """The arguments of `exec`."""

    task: TaskOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Hosting):
    """The arguments of `map`."""

    task: TaskOptions
    null: Annotated[bool, Option(short="-0", help="Lines end with NUL, as `find -print0` writes them.")] = (
        False
    )


Loose: TypeAlias = Exec | Map


async def exec_(arguments: Exec) -> int:
    """Run one program as a durable task and write its output.

    Standard input is kept with the task, up to 1 MiB, and passed on; in a loop that reads lines, add
    </dev/null.

    Bytes go unchanged to a pipe or file, safe text to a terminal. Output over its limit (output_cap, 64 MiB)
    loses its middle: that is said on standard error, and the exit code is 7 if the program succeeded.
    """
    spec = _spec(
        arguments.task, arguments.task.argv, name=_name(arguments.task, " ".join(arguments.task.argv))
    )
    # Kept with the task: it may run again, and on an engine that starts later.
    given = replace(spec, with_={**spec.with_, **task_input()})
    return await _carry_out(arguments, [given], group=None)


async def map_(arguments: Map) -> int:
    """Run a program for each line of standard input; {} stands for the line.

    Standard error names the tasks whose output went over its limit and lost its middle, as does "cut" with
    --json. The exit code stays 0: nothing of it was to be written here. --on-overflow fail fails such a task.
    """
    if sys.stdin.isatty():
        note("reading lines, one task each; end with Ctrl-D")
    try:
        data = sys.stdin.buffer.read()
    except OSError as error:
        raise usage(
            f"standard input cannot be read: {error.strerror}", hint="redirect a file or pipe"
        ) from error
    lines = _null_terminated(data) if arguments.null else _lines(data)
    if not lines:
        raise usage("standard input has no lines", hint="write: ls *.png | taskdeck map -- gzip {}")
    task = arguments.task
    specs = [_spec_of_line(task, line) for line in lines]
    return await _carry_out(arguments, specs, group=f"map-{os.urandom(4).hex()}")


async def _carry_out(arguments: Loose, specs: Sequence[TaskSpec], *, group: str | None) -> int:
    claims = ClaimWatch(patience=arguments.task.patience)
    async with working(arguments) as deck:
        # From here on a signal must not leave behind what was submitted.
        with interrupts() as received:
            actor = actor_of(arguments.task.as_)
            admitted = await _enqueue(deck, specs, _Sender(group=group, actor=actor), received=received)
            if arguments.task.detach:
                await note_trouble(deck)
                return _say_detached(arguments, admitted, group)
            if not arguments.json:
                _note_admitted(admitted, group)
            tasks: LooseTasks = (
                Group(deck, admitted, name=group, arguments=arguments, claims=claims)
                if group
                else OneTask(deck, admitted, arguments=arguments, claims=claims)
            )
            following = Following(deck, tasks, admitted=admitted, arguments=arguments, actor=actor)
            return await following.to_the_end(received)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """Under which group tasks are submitted, and who asks."""

    group: str | None
    actor: str


async def _enqueue(
    deck: ControlAPI, specs: Sequence[TaskSpec], sender: _Sender, *, received: Interrupts
) -> Admitted:
    """Submit the tasks; the rest of many is given up when a signal comes."""
    ids: list[int] = []
    created: list[int] = []
    for start in range(0, len(specs), MAX_PER_COMMIT):
        if start and received.came:
            break
        some = specs[start : start + MAX_PER_COMMIT]
        answer = await deck.enqueue_once(some, group=sender.group, actor=sender.actor)
        ids += answer.task_ids
        known = frozenset(answer.duplicates)
        created += [one for number, one in enumerate(answer.task_ids) if number not in known]
    return Admitted(ids=tuple(ids), created=tuple(created))


def _note_admitted(admitted: Admitted, group: str | None) -> None:
    if group:
        note(f"{_counted(admitted)} in group {group}")
    elif admitted.duplicates:
        note(f"task {admitted.ids[0]} has this key already: following it")


def _counted(admitted: Admitted) -> str:
    stood = f" ({admitted.duplicates} more have a task with their key already)" if admitted.duplicates else ""
    return f"{len(admitted.created)} tasks{stood}"


def _say_detached(arguments: Loose, admitted: Admitted, group: str | None) -> int:
    task = admitted.ids[0]
    if arguments.json:
        told: JsonObject = {"group": group, "tasks": list(admitted.ids)} if group else {"task": task}
        emit({**told, "duplicates": admitted.duplicates})
    elif group:
        say(f"{_counted(admitted)} in group {group}")
        say(f"  {arguments.command('tasks', '--where', f'group:{group}')}")
    else:
        say(f"task {task} has this key already" if admitted.duplicates else f"task {task}")
        say(f"  {arguments.command('logs', '--follow', str(task))}")
    return 0


def _name(task: TaskOptions, said: str) -> str | None:
    """Return the name that was given, whole, or the beginning of what a task is called without one."""
    return said[:_NAME_MAX] or None if task.name is None else task.name


def _spec_of_line(task: TaskOptions, line: str) -> TaskSpec:
    spec = _spec(task, _argv(task, line), name=_name(task, line))
    if task.once.once is not None:
        spec = replace(spec, once=read_options_of_line(task.once, line))
    return replace(spec, limits=read_limits(task.limits.limit, line=line)) if spec.limits else spec


def _spec(task: TaskOptions, argv: Sequence[str], *, name: str | None) -> TaskSpec:
    key = _NOT_IN_KEY.sub("_", Path(task.argv[0]).name.lower()).strip("_")[:60]
    return TaskSpec(
        uses="shell",
        with_={"argv": [_literal(argument) for argument in argv]},
        key=key if key[:1].isalpha() else f"t_{key}" if key else "task",
        name=name,
        queue=task.queue,
        priority=task.priority,
        timeout=task.timeout,
        soft_timeout=task.soft_timeout,
        silence=task.silence,
        soft_silence=task.soft_silence,
        retry=RetryPolicy(max_attempts=task.retry + 1),
        output_limit=task.output_limit,
        on_overflow=task.on_overflow,
        leftovers=task.leftovers,
        limits=read_limits(task.limits.limit),
        cost=read_cost(task.limits.cost),
        prefer=tuple(task.limits.prefer),
        on_exhausted=task.limits.on_exhausted,
        tags=tuple(task.limits.tag),
        project=task.limits.project,
        once=read_options(task.once),
        context={"cwd": str(working_directory()), "env": _environment(task.env)},
    )


def _literal(argument: str) -> str:
    # A command line contains no expressions.
    return argument.replace("${{", '${{ "${{" }}')


def _environment(names: Sequence[str]) -> JsonObject:
    """Return the variables named; refuse one that is not set."""
    return read_variables(names)


def _lines(data: bytes) -> list[str]:
    lines = (line.removesuffix(b"\r") for line in data.split(b"\n"))
    return [os.fsdecode(line) for line in lines if line]


def _null_terminated(data: bytes) -> list[str]:
    return [os.fsdecode(part) for part in data.split(b"\0") if part]


def _argv(task: TaskOptions, line: str) -> list[str]:
    """Put a line in the place of each {}, or behind the last argument where there is none."""
    program, *arguments = task.argv
    if any("{}" in argument for argument in arguments):
        return [program, *(argument.replace("{}", line) for argument in arguments)]
    return [program, *arguments, line]


COMMANDS = (
    Command(
        name="exec",
        arguments=Exec,
        run=exec_,
        examples=(
            "taskdeck exec -- make -j4 all",
            "taskdeck exec --retry 3 --timeout 10m --env API_TOKEN -- ./fetch.sh 2026-01-31",
            "taskdeck exec --queue night --priority 5 --detach -- ./backup.sh",
            "taskdeck exec --limit db --limit host=db1 --cost usd=0.02 -P research -- ./query.sh",
            "taskdeck exec --once backup-2026-01-31 --once-for 12h -- ./backup.sh",
        ),
        trailing=True,
    ),
    Command(
        name="map",
        arguments=Map,
        run=map_,
        examples=(
            "ls *.png | taskdeck map -- convert {} -resize 50% small/{}",
            "find . -name '*.log' -print0 | taskdeck map -0 --retry 2 -- gzip -9",
            "taskdeck map --limit host={} --cost usd=0.02 --tag scrape -- ./scrape.sh < hosts.txt",
            "ls *.mov | taskdeck map --once {} --once-for ever -- ./transcode.sh",
        ),
        trailing=True,
    ),
)
