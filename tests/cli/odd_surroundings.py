"""Every verb under odd surroundings, forked from one process.

`python odd_surroundings.py HOME`: an engine runs on HOME. Writes a line of JSON for each verb and
surrounding: `[surrounding, command line, status, what it wrote]`; a status below 0 is a signal.
"""

from __future__ import annotations

import gc
import json
import os
import pwd
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from console import launch
from core.cli.main import ROOMS, load

BIG, FIRST_BIG = str(2**64), str(2**63)
WORDS: dict[str, list[str]] = {
    "serve": ["serve", "--unit"],
    "stop": ["stop", "--home", "NOWHERE"],
    "run": ["run", "sample", "--detach"],
    "exec": ["exec", "--detach", "--", "true"],
    "map": ["map", "--detach", "--", "true"],
    "jobs": ["jobs"],
    "homes": ["homes"],
    "tasks": ["tasks", "--json"],
    "wait": ["wait", "--task", "1"],
    "why": ["why", "2"],
    "timeline": ["timeline", "2"],
    "failures": ["failures"],
    "signal": ["signal", "go"],
    "signals": ["signals"],
    "workflows": ["workflows"],
    "workitems": ["workitems", "--all"],
    "approve": ["approve", BIG],
    "deny": ["deny", "1", "--reason", "no"],
    "runs": ["runs", "sample"],
    "groups": ["groups"],
    "queues": ["queues"],
    "pools": ["pools"],
    "limits": ["limits"],
    "budgets": ["budgets"],
    "backends": ["backends"],
    "health": ["health"],
    "metrics": ["metrics"],
    "schedules": ["schedules"],
    "notices": ["notices"],
    "notify": ["notify", "test", "nothing"],
    "schedule": ["schedule", "trigger", "nothing"],
    "charge": ["charge", "--usd", "0.1"],
    "usage": ["usage"],
    "prices": ["prices"],
    "events": ["events"],
    "history": ["history", "2"],
    "diff": ["diff", "2", "2"],
    "grid": ["grid", "nothing"],
    "show": ["show", "2"],
    "artifacts": ["artifacts", "2"],
    "logs": ["logs", "2/first"],
    "bundle": ["bundle", "2", "-o", "-"],
    "backup": ["backup", "--list", "."],
    "restore": ["restore", "."],
    "compact": ["compact"],
    "pin": ["pin", "2"],
    "unpin": ["unpin", "2"],
    "purge": ["purge", "jobs", "--dry-run"],
    "disk": ["disk"],
    "retention": ["retention"],
    "cancel": ["cancel", "2"],
    "retry": ["retry", "2"],
    "pause": ["pause", "2"],
    "resume": ["resume", "2"],
    "hold": ["hold", "--where", "status:held"],
    "unhold": ["unhold", "--where", "status:held"],
    "priority": ["priority", "5", "--where", "status:held"],
    "orphans": ["orphans"],
    "check": ["check", "sample"],
    "graph": ["graph", "sample"],
    "import": ["import", "wfformat", "missing.json"],
    "dial-stdio": ["dial-stdio"],
    "doctor": ["doctor"],
    "config": ["config", "check"],
    "secrets": ["secrets"],
    "version": ["version"],
    "console": ["--plain"],
}
"""One command line for each first word; `console` stands for no command at all."""
REMARKS = ["tasks", "--where", "status:held"]
"""Ends with 0 and a remark, that none match."""
NUMBERS = [
    *(["show", BIG], ["show", "9" * 5000], ["cancel", BIG], ["cancel", "9" * 5000], ["logs", BIG]),
    *([verb, FIRST_BIG] for verb in ("show", "cancel", "retry", "pause", "resume", "wait", "logs")),
    *(
        ["logs", f"{BIG}/a"],
        ["retry", "--task", BIG],
        ["events", "--job", BIG],
        ["history", BIG],
        ["hold", "--task", BIG],
    ),
]
"""Ids beyond what the store can hold."""


def _closed(*numbers: int) -> Callable[[Path], None]:
    def close(_: Path) -> None:
        for number in numbers:
            os.close(number)

    return close


def _to(device: str, *numbers: int) -> Callable[[Path], None]:
    def redirect(_: Path) -> None:
        for number in numbers:
            os.dup2(os.open(device, os.O_RDWR), number)

    return redirect


def _broken_pipe(*numbers: int) -> Callable[[Path], None]:
    def redirect(_: Path) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        for number in numbers:
            os.dup2(writer, number)

    return redirect


def _variables(**values: str | None) -> Callable[[Path], None]:
    def change(_: Path) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    return change


def _gone(folder: Path) -> None:
    gone = folder / f"gone-{os.getpid()}"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()


def _stranger(folder: Path) -> None:
    """Be a user without an entry in passwd and without HOME, who names no data directory."""

    def no_entry(number: int) -> NoReturn:
        raise KeyError(number)

    pwd.getpwuid = no_entry
    for name in ("HOME", "USER", "LOGNAME", "TASKDECK_HOME"):
        os.environ.pop(name, None)


def _foreign_name(folder: Path) -> None:
    os.environ["TASKDECK_HOME"] = f"{folder}/\udcff\udcfe{os.getpid()}"


SURROUNDINGS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "usual": (lambda _: None, ("exec",)),
    "no streams": (_closed(0, 1, 2), tuple(WORDS)),
    "full output": (_to("/dev/full", 1), tuple(WORDS)),
    "no input": (_closed(0), ("exec", "map", "jobs", "dial-stdio", "version")),
    "no output": (_closed(1), ("exec", "jobs", "dial-stdio", "version")),
    "no errors": (_closed(2), ("exec", "jobs", "hold", "version")),
    "full errors": (_to("/dev/full", 2), ("exec", "retry")),
    "broken output": (_broken_pipe(1), ("jobs", "dial-stdio", "console")),
    "broken errors": (_broken_pipe(2), ("exec", "retry")),
    "no input and output": (_closed(0, 1), ("exec",)),
    "no input and errors": (_closed(0, 2), ("run",)),
    "no output and errors": (_closed(1, 2), ("check",)),
    "full both": (_to("/dev/full", 1, 2), ("run", "jobs")),
    "a directory as input": (lambda folder: _to_folder(folder), ("exec", "dial-stdio")),
    "no working directory": (_gone, ("exec", "run", "check")),
    "no HOME": (_variables(HOME=None), ("exec",)),
    "empty HOME": (_variables(HOME=""), ("config",)),
    "unknown user": (_variables(TASKDECK_HOME="~nosuch/deck"), ("jobs",)),
    "empty TASKDECK_HOME": (_variables(TASKDECK_HOME=""), ("exec",)),
    "home below a file": (_variables(TASKDECK_HOME="/etc/passwd/deck"), ("exec", "console")),
    "home with a long name": (_variables(TASKDECK_HOME="/tmp/" + "x" * 300), ("exec", "hold")),
    "home that is not UTF-8": (_foreign_name, ("jobs", "config")),
    "stranger": (_stranger, ("jobs", "console")),
    "COLUMNS as text": (_variables(COLUMNS="wide", LINES="x"), ("console",)),
    "COLUMNS above all": (_variables(COLUMNS="9" * 30, LINES="-1"), ("jobs",)),
    "no variables": (
        lambda _: [os.environ.pop(name) for name in list(os.environ) if name != "TASKDECK_HOME"],
        ("exec", "console"),
    ),
    "wrong variables": (
        _variables(LC_NOTHING="\udcff", LANG="\udcfe", TZ="Nowhere/Nothing", TERM="\x1b[31m", PATH=None),
        ("exec", "check"),
    ),
}
"""What changes, and the first words tried: one of each way through the program that meets it."""


def _to_folder(folder: Path) -> None:
    os.dup2(os.open(folder, os.O_RDONLY), 0)


def _run(words: list[str], change: Callable[[Path], None], folder: Path) -> tuple[int, str]:
    """Run one command line in a child; return its status and what it wrote where it could."""
    with tempfile.TemporaryFile() as file:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            status = 71
            try:
                change(folder)
                _reopen()
                status = launch.main(words)
            finally:
                _flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        file.seek(0)
        return status, file.read().decode(errors="replace")


def _reopen() -> None:
    """Make the standard streams as the interpreter does at its start."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
            stream = open(number, mode, closefd=False, buffering=1 if number == 2 else -1)  # noqa: SIM115
            setattr(sys, name, stream)
        except OSError:
            setattr(sys, name, None)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # What the interpreter does at its end: status 120, and words about it.
        os._exit(120)


def _report(name: str, line: list[str], change: Callable[[Path], None], folder: Path) -> None:
    words = [str(folder / "nowhere") if part == "NOWHERE" else part for part in line]
    status, text = _run(words, change, folder)
    print(json.dumps([name, line, status, text]), flush=True)


def main(home: str) -> None:
    """Run everything and report."""
    load([])
    gc.freeze()
    folder = Path(home).parent
    os.environ["TASKDECK_HOME"] = home
    for name, (change, words) in SURROUNDINGS.items():
        for word in words:
            _report(name, WORDS[word], change, folder)
    for name in ("usual", "full errors", "broken errors"):
        _report(name, REMARKS, SURROUNDINGS[name][0], folder)
    for line in NUMBERS:
        _report("numbers", line, lambda _: None, folder)


assert set(WORDS) == {word for words in ROOMS.values() for word in words} | {"console"}
if __name__ == "__main__":
    main(sys.argv[1])
