"""Run one command line: find the command, read its arguments, run it.

Called by `console.launch`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import click

from core import host, logs
from core.app import collector
from core.app.signals import Interrupted
from core.cli.arguments import Common
from core.cli.commands import GROUPS, HELP, Act, Command, build
from core.cli.output import is_output_fault, note
from core.cli.refusals import Left, report, report_json, usage
from core.cli.second_run import second_run
from core.model.errors import Invalid, TaskdeckError
from core.model.paths import Paths, find_home, is_ours
from core.model.text import safe_line

ROOMS = {
    "core.cli.serve": ("serve",),
    "core.cli.stop": ("stop",),
    "core.cli.run": ("run",),
    "core.cli.exec_map": ("exec", "map"),
    "core.cli.wait": ("wait",),
    "core.cli.lists": ("jobs", "tasks", "groups", "queues"),
    "core.cli.pools": ("pools",),
    "core.cli.limits": ("limits",),
    "core.cli.budgets": ("budgets",),
    "core.cli.backends": ("backends",),
    "core.cli.health": ("health",),
    "core.cli.notices": ("notices", "notify"),
    "core.cli.metrics": ("metrics",),
    "core.cli.schedules": ("schedules", "schedule"),
    "core.cli.failures": ("failures",),
    "core.cli.charge": ("charge",),
    "core.cli.usage": ("usage", "prices"),
    "core.cli.events": ("events",),
    "core.cli.history": ("history",),
    "core.cli.diff": ("diff",),
    "core.cli.artifacts": ("artifacts",),
    "core.cli.show": ("show",),
    "core.cli.why": ("why",),
    "core.cli.timeline": ("timeline", "runs", "grid"),
    "core.cli.logs": ("logs",),
    "core.cli.verbs": ("cancel", "retry", "pause", "resume", "hold", "unhold", "priority", "pin", "unpin"),
    "core.cli.signals": ("signal", "signals"),
    "core.cli.work_items": ("workitems", "approve", "deny"),
    "core.cli.workflows": ("workflows",),
    "core.cli.purge": ("purge",),
    "core.cli.retention": ("retention", "disk"),
    "core.cli.orphans": ("orphans",),
    "core.cli.bundle": ("bundle",),
    "core.cli.backup": ("backup", "restore"),
    "core.cli.compact": ("compact",),
    "core.cli.documents": ("check", "graph"),
    "core.cli.imports": ("import",),
    "core.cli.dial_stdio": ("dial-stdio",),
    "core.cli.homes": ("homes",),
    "core.cli.installation": ("doctor", "version"),
    "core.cli.config_commands": ("config",),
    "core.cli.secrets": ("secrets",),
}
"""The modules of commands, with their first words; only the one that is called is imported."""
_READ_BUNDLES = (
    "jobs",
    "tasks",
    "groups",
    "queues",
    "failures",
    "events",
    "history",
    "diff",
    "show",
    "artifacts",
    "why",
    "timeline",
    "runs",
    "grid",
    "logs",
    "doctor",
)
_WITH_VALUE = ("--home", "--host", "--remote-command", "--bundle")
_WITH_VALUE_GIVEN = tuple(f"{flag}=" for flag in _WITH_VALUE)


def main(argv: Sequence[str]) -> int:
    """Run a command line (without the program's name) and return its exit status.

    0 done, 1 the job failed, 2 usage or invalid, 3 cancelled, 4 no engine or store trouble, 5 not
    permitted, 6 a budget is spent, 130 left before the end. An unexpected failure is logged and raised.
    """
    second_run.reset()
    return _run(_options_last(list(argv)))


def _run(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot write a character must not end the command.
            stream.reconfigure(errors="backslashreplace")
    try:
        act = _read(arguments)
        collector.resume()
        return act if isinstance(act, int) else act()
    except click.ClickException as error:
        return _refuse(_usage_error(error, arguments), arguments)
    except TaskdeckError as error:
        if second_run.begin(error):
            return _run_again(arguments)
        return _refuse(error, arguments)
    except Interrupted as interrupted:
        return _refuse(_left(interrupted), arguments)
    except OSError as error:
        if is_output_fault(error):
            raise
        _log_traceback(arguments)
        raise
    except Exception as error:
        if second_run.begin(error):
            return _run_again(arguments)
        _log_traceback(arguments)
        raise


def _run_again(arguments: list[str]) -> int:
    status = _run(arguments)
    try:
        second_run.end()
    except TaskdeckError as error:
        return status or _refuse(error, arguments)
    return status


def load(arguments: Sequence[str]) -> list[Command[Common]]:
    """Return the commands of the module that the first word names, or all commands."""
    first = arguments[0] if arguments else ""
    rooms = [room for room, names in ROOMS.items() if first in names]
    if not rooms:
        rooms = list(ROOMS)
    return [command for room in rooms for command in import_module(room).COMMANDS]


def _read(arguments: list[str]) -> Act | int:
    # Click only reads the arguments: interrupts and closed pipes of the command itself come to `main`.
    command = build(load(arguments))
    read: Act | int | None = command.main(args=arguments, prog_name="taskdeck", standalone_mode=False)
    return 0 if read is None else read


def _options_last(arguments: list[str]) -> list[str]:
    """Move `--home DIR`, `--host BOX` and `--json` from before the command to behind its name."""
    rest, moved = list(arguments), list[str]()
    while rest and (rest[0] in (*_WITH_VALUE, "--json") or rest[0].startswith(_WITH_VALUE_GIVEN)):
        count = 2 if rest[0] in _WITH_VALUE else 1
        moved.extend(rest[:count])
        del rest[:count]
    if not rest or rest[0].startswith("-"):
        return [*rest, *(moved if rest else [])]
    # The second word of `pools --host BOX` is left out, and nothing may part an option from its value.
    depth = 2 if rest[0] in GROUPS and (rest[1:2] == [] or rest[1] in HELP or rest[1][:1] != "-") else 1
    return [*rest[:depth], *moved, *rest[depth:]]


def _refuse(error: TaskdeckError, arguments: Sequence[str]) -> int:
    return report_json(error) if _wants_json(arguments) else report(error)


def _wants_json(arguments: Sequence[str]) -> bool:
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


def _usage_error(error: click.ClickException, arguments: Sequence[str]) -> TaskdeckError:
    if isinstance(error, click.NoSuchOption) and error.option_name == "--bundle":
        return Invalid(
            "usage",
            f"'{safe_line(arguments[0])}' does not go with --bundle: a bundle is read-only",
            hint=f"it is read by: {', '.join(_READ_BUNDLES)}",
            facts={"command": arguments[0]},
        )
    message = error.format_message()
    if message.startswith("Usage:"):
        message = "a command is missing"
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"see: {context.command_path if context else 'taskdeck'} --help"
    return usage(message[:1].lower() + message[1:], hint=hint)


def _left(interrupted: Interrupted) -> Left:
    message = f"interrupted ({interrupted.number.name}) before the engine was ready"
    return Left(message, hint="nothing was submitted: run it again")


def _log_traceback(arguments: Sequence[str]) -> None:
    given = [Path(value) for flag, value in pairwise(arguments) if flag == "--home"]
    directory = Paths(home=find_home(given[0] if given else None, default=host.default_home)).logs
    try:
        # Not into the logs of something else, whose directory was refused.
        logs.configure(directory if is_ours(directory.parent) else None)
        logs.get_logger("cli").error("command broke", command=arguments[0] if arguments else "")
        logs.shutdown()
    except OSError:
        return
    if is_ours(directory.parent):
        note(f"log: {str(directory / logs.FILE)!a}")
