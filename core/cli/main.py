"""Run one command line: find the command, read its arguments, carry it out."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import typer
from typer.main import get_command

from core import host, logs
from core.app.signals import Interrupted
from core.cli.arguments import Act, Command, Common, build
from core.cli.refusals import Left, report, usage
from core.model.errors import TaskdeckError
from core.model.paths import Paths, find_home

ROOMS = {
    "core.cli.engines": ("serve",),
    "core.cli.stopping": ("stop",),
    "core.cli.running": ("run",),
    "core.cli.loose": ("exec", "map"),
    "core.cli.lists": ("jobs", "tasks", "queues"),
    "core.cli.history": ("events",),
    "core.cli.showing": ("show",),
    "core.cli.logs": ("logs",),
    "core.cli.verbs": ("cancel", "retry", "pause", "resume", "hold", "unhold"),
    "core.cli.orphans": ("orphans",),
    "core.cli.documents": ("check", "graph"),
    "core.cli.importing": ("import",),
    "core.cli.dialing": ("dial-stdio",),
    "core.cli.health": ("doctor", "config", "version"),
}
"""The families of commands and their first words; only the one asked for is imported."""
_WITH_VALUE = ("--home", "--host", "--remote-command")
_GIVEN = tuple(f"{flag}=" for flag in _WITH_VALUE)


def main(argv: Sequence[str]) -> int:
    """Run a command line (without the program's name) and return its exit status.

    0 done, 1 the job failed, 2 usage or invalid, 3 cancelled, 4 no engine or store trouble, 5 not
    permitted, 130 left before the end. What nobody foresaw is written to the log and raised.
    """
    words = _hoist(list(argv))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot write a character must not end the command.
            stream.reconfigure(errors="backslashreplace")
    try:
        act = _read(words)
        return act if isinstance(act, int) else act()
    except typer.TyperException as error:
        return report(_usage_error(error, words), as_json=_wants_json(words))
    except TaskdeckError as error:
        return report(error, as_json=_wants_json(words))
    except Interrupted as asked:
        return report(_left(asked), as_json=_wants_json(words))
    except BrokenPipeError:
        raise
    except Exception:
        _keep_traceback(words)
        raise


def load(words: Sequence[str]) -> list[Command[Common]]:
    """Return the commands of the family that the first word names, or all of them."""
    first = words[0] if words else ""
    rooms = [room for room, names in ROOMS.items() if first in names]
    if not rooms or "_TASKDECK_COMPLETE" in os.environ:
        rooms = list(ROOMS)
    # What is imported stays: looking for cycles in it costs a tenth of the start.
    gc.disable()
    try:
        return [command for room in rooms for command in import_module(room).COMMANDS]
    finally:
        gc.enable()


def _read(words: list[str]) -> Act | int:
    # Typer says what it found and nothing runs inside it: interrupts and closed pipes are ours.
    command = get_command(build(load(words)))
    read: Act | int | None = command.main(args=words, prog_name="taskdeck", standalone_mode=False)
    return 0 if read is None else read


def _hoist(words: list[str]) -> list[str]:
    """Move `--home DIR`, `--host BOX` and `--json` from before the command to behind its words."""
    taken: list[str] = []
    while words and (words[0] in (*_WITH_VALUE, "--json") or words[0].startswith(_GIVEN)):
        count = 2 if words[0] in _WITH_VALUE else 1
        taken.extend(words[:count])
        del words[:count]
    if not words or words[0].startswith("-"):
        return [*words, *(taken if words else [])]
    depth = 2 if words[0] in ("import", "config") else 1
    return [*words[:depth], *taken, *words[depth:]]


def _wants_json(words: Sequence[str]) -> bool:
    own = words[: words.index("--")] if "--" in words else words
    return "--json" in own


def _usage_error(error: typer.TyperException, words: Sequence[str]) -> TaskdeckError:
    known = any(words[:1] == [name] for names in ROOMS.values() for name in names)
    message = error.format_message()
    if message.startswith("Usage:"):
        message = "a command is missing"
    hint = f"see: taskdeck {words[0]} --help" if known else "see: taskdeck --help"
    return usage(message[:1].lower() + message[1:], hint=hint)


def _left(asked: Interrupted) -> Left:
    message = f"asked to end ({asked.number.name}) before the engine was ready"
    return Left(message, hint="say it again; what its tasks have started goes on, and is taken over then")


def _keep_traceback(words: Sequence[str]) -> None:
    given = [Path(word) for flag, word in pairwise(words) if flag == "--home"]
    directory = Paths(home=find_home(given[0] if given else None, default=host.default_home)).logs
    try:
        logs.configure(directory if directory.is_dir() else None)
        logs.get_logger("cli").error("command broke", command=words[0] if words else "")
        logs.shutdown()
    except OSError:
        return
    if directory.is_dir():
        sys.stderr.write(f"log: {str(directory / logs.FILE)!a}\n")
