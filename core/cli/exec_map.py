"""exec, map: loose tasks from the command line.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from core.app.attach import EngineAccess
from core.app.signals import Interrupted
from core.cli.access import changing, ensure_engine, hosting, note_drain, note_ignored
from core.cli.arguments import Hosting
from core.cli.commands import Command
from core.cli.group_counts import GroupCounts
from core.cli.output import emit, note, say, status
from core.cli.output_sinks import open_sink
from core.cli.progress import Meter
from core.cli.refusals import Left, usage
from core.cli.summary import (
    INCOMPLETE,
    counts_text,
    error_text,
    exit_status,
    failed_tasks,
    is_whole,
    say_failed,
)
from core.cli.task_output import Tail
from core.cli.waiting import explaining_lost_engine, wait_with
from core.control.api import OPERATOR, ControlAPI, StopMode, TaskSpec
from core.filters.terms import In
from core.model.bounds import ATTEMPTS_MAX, PRIORITY_MAX
from core.model.paths import working_directory
from core.model.plans import OnOverflow, RetryPolicy
from core.model.values import JsonObject
from core.render.times import duration_text

MAX_PER_COMMIT = 5_000
"""Tasks that are admitted in one commit."""
_NAME_MAX = 200
_NOT_IN_KEY = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """The program of loose tasks, and how they are run."""

    argv: Annotated[list[str], typer.Argument(metavar="CMD [ARGS]...", help="The program and its arguments.")]
    queue: Annotated[str, typer.Option(metavar="NAME", help="The queue of the tasks.")] = "default"
    priority: Annotated[
        int, typer.Option(metavar="N", min=0, max=PRIORITY_MAX, help="Higher starts earlier.")
    ] = 0
    timeout: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="End an attempt after this: 30s, 10m, 1h30m; 0 or none: never."),
    ] = None
    retry: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=ATTEMPTS_MAX - 1, help="Run a failed task again up to N times."),
    ] = 0
    output_limit: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Output kept of an attempt: 500kB. [default: output_cap, 64 MiB]"),
    ] = None
    on_overflow: Annotated[
        OnOverflow | None,
        typer.Option(help="Over that: drop the middle, or fail. [default: output_policy, drop_middle]"),
    ] = None
    env: Annotated[
        list[str], typer.Option(metavar="NAME", help="An environment variable to pass on; may be repeated.")
    ] = field(default_factory=list)
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The name of the tasks.")] = None
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once; an engine in the background runs the tasks.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec(Hosting):
    """The arguments of `exec`."""

    task: TaskOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Hosting):
    """The arguments of `map`."""

    task: TaskOptions
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Lines end with NUL, as `find -print0` writes them.")
    ] = False


Loose: TypeAlias = Exec | Map


async def exec_(arguments: Exec) -> int:
    """Run one program as a durable task and write its output.

    Bytes go unchanged to a pipe or file, safe text to a terminal. Output over its limit (output_cap, 64 MiB)
    loses its middle: that is said on standard error, and the exit code is 7 if the program succeeded.
    """
    spec = _spec(
        arguments.task, arguments.task.argv, name=arguments.task.name or " ".join(arguments.task.argv)
    )
    return await _carry_out(arguments, [spec], group=None)


async def map_(arguments: Map) -> int:
    """Run a program for each line of standard input; {} stands for the line."""
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
        raise usage("there are no lines on standard input", hint="write: ls *.png | taskdeck map -- gzip {}")
    task = arguments.task
    specs = [_spec(task, _argv(task, line), name=task.name or line) for line in lines]
    return await _carry_out(arguments, specs, group=f"map-{secrets.token_hex(4)}")


async def _carry_out(arguments: Loose, specs: Sequence[TaskSpec], *, group: str | None) -> int:
    if arguments.task.detach:
        async with changing(arguments) as deck:
            ids = await _enqueue(deck, specs, group)
        await ensure_engine(arguments)
        return _say_detached(arguments, ids, group)
    async with hosting(arguments) as access:
        note_ignored(access, arguments)
        ids = await _enqueue(access.control, specs, group)
        if group and not arguments.json:
            note(f"{len(ids)} tasks in group {group}")
        try:
            return await _follow(access.control, ids, arguments=arguments, group=group)
        except Interrupted as interrupted:
            raise await _leave(access, ids, arguments=arguments, why=interrupted) from None


async def _enqueue(deck: ControlAPI, specs: Sequence[TaskSpec], group: str | None) -> tuple[int, ...]:
    await note_drain(deck)
    ids: list[int] = []
    for start in range(0, len(specs), MAX_PER_COMMIT):
        ids.extend(await deck.enqueue(specs[start : start + MAX_PER_COMMIT], group=group, actor=OPERATOR))
    return tuple(ids)


async def _follow(deck: ControlAPI, ids: Sequence[int], *, arguments: Loose, group: str | None) -> int:
    meter = Meter(group or f"task {ids[0]}", quiet=arguments.json or group is None)
    counts = GroupCounts(deck, ids)

    async def tick() -> None:
        await meter.warn(deck)
        if not meter.silent:
            meter.show(await counts.update())

    try:
        with explaining_lost_engine(_named(ids), arguments=arguments):
            ended = await wait_with(deck.wait_tasks(ids), tick)
    finally:
        meter.clear()
    if group is None:
        return await _conclude_one(deck, ids[0], arguments=arguments, ended=ended)
    return await _conclude_group(deck, ended, arguments=arguments, meter=meter, group=group)


async def _conclude_one(deck: ControlAPI, task_id: int, *, arguments: Loose, ended: Mapping[str, int]) -> int:
    detail = await deck.task(task_id)
    if arguments.json:
        emit(
            {
                "task": task_id,
                "status": detail.task.status,
                "attempts": detail.task.attempts,
                "output": detail.output,
                "error": detail.task.error,
            }
        )
        return exit_status(ended) or (0 if is_whole(detail.output) else INCOMPLETE)
    sink = open_sink()
    tail = Tail(deck, task_id, sink=sink)
    await tail.drain()
    tail.finish()
    if detail.task.status != "succeeded":
        note(f"task {task_id} ", status(detail.task.status), f": {error_text(detail.task.error)}")
        note(f"  run it again: {arguments.command('retry', '--task', str(task_id))}")
    return exit_status(ended) or (0 if sink.is_whole else INCOMPLETE)


async def _conclude_group(
    deck: ControlAPI, ended: Mapping[str, int], *, arguments: Loose, meter: Meter, group: str
) -> int:
    if arguments.json:
        emit({"group": group, "tasks": dict(ended), "duration_ms": meter.elapsed_ms})
        return exit_status(ended)
    say(f"{group}: {counts_text(ended)} in {duration_text(meter.elapsed_ms)}")
    if ended.get("failed"):
        failed = await failed_tasks(deck, In(field="group", values=(group,)))
        say_failed(failed, arguments=arguments, where=f"group:{group}")
    return exit_status(ended)


def _say_detached(arguments: Loose, ids: Sequence[int], group: str | None) -> int:
    if arguments.json:
        emit({"group": group, "tasks": list(ids)} if group else {"task": ids[0]})
    elif group:
        say(f"{len(ids)} tasks in group {group}")
        say(f"  {arguments.command('tasks', '--where', f'group:{group}')}")
    else:
        say(f"task {ids[0]}")
        say(f"  {arguments.command('logs', '--follow', str(ids[0]))}")
    return 0


async def _leave(access: EngineAccess, ids: Sequence[int], *, arguments: Loose, why: Interrupted) -> Left:
    """End the engine if it is this command's own; return how to continue."""
    what = _named(ids)
    if access.is_attached:
        hint = f"watch: {arguments.command('logs', '--follow', str(ids[-1]))}"
        return Left(f"left {what}; the engine continues", hint=hint)
    # A connection that broke ends no child: the next engine takes them over.
    await access.stop(StopMode.KILL if why.number is signal.SIGINT else StopMode.STOP)
    return Left(
        f"left {what}; the engine has stopped", hint=f"continue: {arguments.command('serve', '--until-idle')}"
    )


def _named(ids: Sequence[int]) -> str:
    return f"task {ids[0]}" if len(ids) == 1 else f"{len(ids)} tasks"


def _spec(task: TaskOptions, argv: Sequence[str], *, name: str) -> TaskSpec:
    key = _NOT_IN_KEY.sub("_", Path(task.argv[0]).name.lower()).strip("_")[:60]
    return TaskSpec(
        uses="shell",
        with_={"argv": [_literal(argument) for argument in argv]},
        key=key if key[:1].isalpha() else f"t_{key}" if key else "task",
        name=name[:_NAME_MAX] or None,
        queue=task.queue,
        priority=task.priority,
        timeout=task.timeout,
        retry=RetryPolicy(max_attempts=task.retry + 1),
        output_limit=task.output_limit,
        on_overflow=task.on_overflow,
        context={"cwd": str(working_directory()), "env": _environment(task.env)},
    )


def _literal(argument: str) -> str:
    # A command line contains no expressions.
    return argument.replace("${{", '${{ "${{" }}')


def _environment(names: Sequence[str]) -> JsonObject:
    """Return the caller's PATH, LANG, LC_* and the variables named; refuse one that is not set."""
    for name in names:
        if name not in os.environ:
            raise usage(
                f"--env {name}: there is no such environment variable",
                hint="give its name alone, and export it",
            )
    taken = {"PATH", "LANG", *names}
    return {name: value for name, value in os.environ.items() if name in taken or name.startswith("LC_")}


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
        ),
        trailing=True,
    ),
)
