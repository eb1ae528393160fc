"""import crontab: make a schedule of each line of a crontab.

Loaded by `core.cli.imports`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core.cli.access import changing, runs_tasks
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.refusals import usage
from core.cli.schedule_options import zone_name
from core.cli.standard_input import piped_document
from core.control.api import ControlAPI
from core.files.reading import read_document_text
from core.host import effective_user
from core.model.errors import TaskdeckError
from core.model.paths import absolute
from core.model.text import safe_line
from core.model.timing.schedules import FirePolicy, Overlap, Schedule, Work
from core.model.values import JsonObject
from core.render.schedule_texts import timing_text
from core.timetables.crontab import CrontabEntry, CrontabLine, CrontabRefusal, read_crontab
from core.timetables.machine_zone import machine_zone
from core.workflows.registry import expanded

_SHELL = "/bin/sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crontab(Remote):
    """The arguments of `import crontab`."""

    crontab: Annotated[
        str,
        Argument(
            metavar="FILE", help="A crontab, or - for standard input: crontab -l | taskdeck import crontab -"
        ),
    ]
    system: Annotated[
        bool, Option(help="Its lines have a column of users, as /etc/crontab; those of others are refused.")
    ] = False
    user: Annotated[
        str | None,
        Option(
            metavar="USER", help="With --system: whose lines are taken. [default: this user, of USER@BOX]"
        ),
    ] = None
    zone: Annotated[
        str | None,
        Option(read=zone_name, metavar="ZONE", help="Time zone of its times. [default: this machine's]"),
    ] = None
    dry_run: Annotated[bool, Option(help="Say what each line becomes; add nothing.")] = False
    as_: Label = None


async def crontab(arguments: Crontab) -> int:
    """Make a schedule of each line of a crontab; a line that cannot be one is refused by its number.

    Schedules are named after their commands, and fire beside earlier jobs, as cron does. The crontab itself
    stays as it is: remove its lines, or each command runs twice. Exits 1 if a line was refused.
    """
    lines = read_crontab(_text(arguments.crontab), zone=_zone(arguments), user=_user(arguments))
    if arguments.dry_run:
        return _report([(line, None) for line in lines], arguments=arguments, is_running=True)
    async with changing(arguments) as deck:
        made = _schedule if arguments.host is None else _schedule_elsewhere
        actor = actor_of(arguments.as_)
        done = [(line, await _add(deck, line, made, actor=actor)) for line in lines]
        return _report(done, arguments=arguments, is_running=runs_tasks(deck))


def _zone(arguments: Crontab) -> str:
    if arguments.host is not None and arguments.zone is None:
        raise usage(
            "name the time zone of the crontab: that of the host is not known here",
            hint="taskdeck import crontab FILE --host ana@box --zone Europe/Berlin",
        )
    return arguments.zone or machine_zone()


def _user(arguments: Crontab) -> str | None:
    """Return whose lines of a system crontab are taken; None = it is that of a user."""
    if not arguments.system:
        if arguments.user is not None:
            raise usage("--user is for system crontabs", hint="add --system, or leave it out")
        return None
    at_host, _, box = (arguments.host or "").rpartition("@")
    user = arguments.user or (at_host if box else effective_user())
    if not user:
        raise usage(
            "name the user on the host, whose lines are taken",
            hint="taskdeck import crontab FILE --system --host ana@box",
        )
    return user


async def _add(
    deck: ControlAPI, line: CrontabLine, made: Callable[[CrontabEntry], Schedule], *, actor: str
) -> TaskdeckError | None:
    """Add the schedule of a line; return why it is refused."""
    if isinstance(line, CrontabRefusal):
        return None
    try:
        await deck.schedules.add(made(line), reason=f"line {line.line} of a crontab", actor=actor)
    except TaskdeckError as error:
        return error
    return None


def _schedule(entry: CrontabEntry) -> Schedule:
    """Return the schedule of a line on this machine: its command begins in the home directory of its user."""
    folder = entry.variables.get("HOME") or str(Path.home())
    return _schedule_of(entry, _command(entry), cwd=folder)


def _schedule_elsewhere(entry: CrontabEntry) -> Schedule:
    """Return the same for an engine on another machine, whose directories are not known here."""
    return _schedule_of(entry, f"cd || exit\n{_command(entry)}", cwd=None)


def _command(entry: CrontabEntry) -> str:
    if entry.stdin is None:
        return entry.command
    return f"printf %s {shlex.quote(entry.stdin)} | {{ {entry.command}\n}}"


def _schedule_of(entry: CrontabEntry, command: str, *, cwd: str | None) -> Schedule:
    variables = dict(entry.variables)
    shell = variables.pop("SHELL", _SHELL)
    task = {
        "key": "run",
        "name": entry.command[:200],
        "uses": "shell",
        "with": {"argv": [shell, "-c", command]},
    }
    return Schedule(
        name=entry.name,
        timing=entry.timing,
        policy=FirePolicy(overlap=Overlap.ALLOW, jitter_ms=entry.delay_ms),
        work=Work(
            text=json.dumps({"name": entry.name, "tasks": [task]}),
            source=f"crontab line {entry.line}",
            cwd=cwd,
            env={**variables},
        ),
    )


def _report(
    done: list[tuple[CrontabLine, TaskdeckError | None]], *, arguments: Crontab, is_running: bool
) -> int:
    refused = 0
    for line, failed in done:
        error = line.error if isinstance(line, CrontabRefusal) else failed
        refused += error is not None
        if arguments.json:
            emit(_shape(line, error))
        elif error is not None:
            say(f"line {line.line} refused: {safe_line(error.message)}{_following(error)}")
        elif isinstance(line, CrontabEntry):
            say(f"line {line.line} {line.name}: {timing_text(line.timing)}: {safe_line(line.command)}")
    added = len(done) - refused
    word = "would be added" if arguments.dry_run else "added"
    note(f"{added} {word}, {refused} refused" if done else "the crontab has no lines with commands")
    if any(isinstance(line, CrontabEntry) and line.mail_to for line, _ in done):
        note("MAILTO is kept by cron alone: nothing is mailed")
    if added and not (arguments.dry_run or is_running):
        note("no engine is running, and they fire while one does: `taskdeck serve --install` keeps one")
    return 1 if refused else 0


def _following(error: TaskdeckError) -> str:
    return f" ({safe_line(error.hint)})" if error.hint else ""


def _shape(line: CrontabLine, error: TaskdeckError | None) -> JsonObject:
    shape: JsonObject = {"line": line.line, "error": None if error is None else error.message}
    if error is not None:
        shape |= {"code": error.code, "hint": error.hint, "facts": error.facts}
    if isinstance(line, CrontabRefusal):
        return shape
    timing = line.timing
    return {**shape, "name": line.name, "cron": timing.cron, "zone": timing.zone, "command": line.command}


def _text(name: str) -> str:
    piped = piped_document(name)
    return piped.text if piped is not None else read_document_text(absolute(expanded(name)))


COMMANDS = (
    Command(
        name="import crontab",
        arguments=Crontab,
        run=crontab,
        examples=(
            "crontab -l | taskdeck import crontab - --dry-run",
            "taskdeck import crontab /etc/crontab --system",
        ),
    ),
)
