"""Command lines in processes forked from one that is loaded.

Called by `tests/support/homes.py`. Loading takes ten times as long as most commands do, and longer than the
start of an engine. Whatever shows how taskdeck itself is loaded is executed: `Home(..., executed=True)`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from core.model.actors import LABEL_VARIABLE as LABEL
from tests.support import command_server, forking
from tests.support.leftovers import MARK
from tests.support.surroundings import LOADED

ROOT = Path(__file__).resolve().parents[2]


class CommandServer:
    """The process that forks; started with the first call."""

    def __init__(self) -> None:
        self.environ: Mapping[str, str] = {}
        """That of the session: it belongs to no single test."""
        self._lock = Lock()
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, call: forking.Call, descriptors: list[int], told: int) -> int:
        """Start a process; return its id."""
        with self._lock:
            return forking.ask(self._line or self._start(), call, descriptors, told)

    def close(self) -> None:
        """End it, if it was started."""
        if self._line is None:
            return
        self._line.shutdown(socket.SHUT_WR)
        # It answers no more than that it has ended.
        self._line.recv(1)
        self._line.close()
        self._line = None
        if self._process is not None:
            self._process.wait()

    def _start(self) -> socket.socket:
        if (where := self.environ.get(LOADED)) is not None:
            self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._line.connect(bytes.fromhex(where))
            self._line.send(str(os.getpid()).encode())
            return self._line
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            environ = {**self.environ, "PYTHONPATH": str(ROOT), MARK: f"{os.getpid()}.commands"}
            self._process = subprocess.Popen(
                [sys.executable, "-P", command_server.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
            )
        return self._line


class Loader:
    """The process that loads for the servers of all workers of a run, and forks these."""

    program: tuple[str, ...] = ("-P", command_server.__file__)

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; processes to come find it by the environment."""
        self._line, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.bind("")
            door.listen()
            given = (door.fileno(), theirs.fileno())
            nobodys = {"PYTHONPATH": str(ROOT), MARK: f"{command_server.NOBODY}.commands"}
            self._process = subprocess.Popen(
                [sys.executable, *self.program, *map(str, given)],
                pass_fds=given,
                cwd=ROOT,
                env={**os.environ, **nobodys},
                stdin=subprocess.DEVNULL,
            )
            os.environ[LOADED] = door.getsockname().hex()

    def close(self) -> None:
        """End it, if it was started."""
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()
            self._line = None
            del os.environ[LOADED]


SERVER = CommandServer()
COMMAND = (sys.executable, "-P", "-m", "console.launch")
CONSOLE = (sys.executable, "-m", "console.launch")
_PATH = (sys.executable, "-P", str(ROOT / "_taskdeck.py"))
"""How taskdeck starts itself."""
_AT_ONCE = ("dial-stdio", "version")
"""First words of what is made to start at once, and is executed."""
_OF_THE_START = ("PYTHON", "LANG", "LC_", "_TASKDECK")
"""Beginnings of variables that are read before the first of our files."""
_OF_THE_IMPORT = (LABEL, "TEXTUAL", "ESCDELAY", "TERM_PROGRAM")
"""The same of those that an engine or a console reads when one of its modules is imported."""


def start(
    argv: Sequence[str], *, environ: Mapping[str, str], cwd: Path, stdin: int
) -> subprocess.Popen[bytes]:
    """Start a command line: forked if it asks or serves, executed if it is a console."""
    kind = kind_of(argv, environ) if _names_command(_words(argv)) else subprocess.Popen
    return kind(argv, env=environ, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kind_of(argv: Sequence[str], environ: Mapping[str, str]) -> type[subprocess.Popen[bytes]]:
    """Return how to start a command line or a console: forked if that differs in its loading alone."""
    words = _words(argv)
    if MARK not in os.environ or words is None or words[:1] in ([word] for word in _AT_ONCE):
        return subprocess.Popen
    hosts = not _names_command(words) or words[0] == "serve"
    if hosts and command_server.EXECUTES in environ:
        return subprocess.Popen
    early = (*_OF_THE_START, *_OF_THE_IMPORT) if hosts else _OF_THE_START
    ours, usual = {"PYTHONPATH": str(ROOT), **environ}, {**os.environ, "PYTHONPATH": str(ROOT)}
    return Forked if _beginning(ours, early) == _beginning(usual, early) else subprocess.Popen


def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, text: str | None = None, **how: Any
) -> subprocess.CompletedProcess[Any]:
    """Carry a command line out to its end as `subprocess.run` does; `text` is its standard input."""
    environ = {**os.environ} if env is None else env
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    stdin = subprocess.DEVNULL if text is None else subprocess.PIPE
    process = kind_of(argv, environ)(argv, env=environ, stdin=stdin, **how)
    out, err = process.communicate(None if text is None else text.encode())
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def start_engine(argv: Sequence[str], *, env: Mapping[str, str], **how: Any) -> subprocess.Popen[bytes]:
    """Start the engine of a command line in this process, as `subprocess.Popen` does."""
    return kind_of(argv, env)(argv, env=env, **how)


def _words(argv: Sequence[str]) -> list[str] | None:
    """Return what stands behind the program, None = it is another one."""
    for program in (COMMAND, CONSOLE, _PATH):
        if tuple(argv[: len(program)]) == program:
            return [*argv[len(program) :]]
    return None


def _names_command(words: list[str] | None) -> bool:
    return words is not None and words != [] and not words[0].startswith("-")


def _beginning(environ: Mapping[str, str], beginnings: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(beginnings)}


class Forked(forking.Forked):
    """A command line that the server forks."""

    def fork(self, call: forking.Call, descriptors: list[int], told: int) -> int:
        return SERVER.fork(call, descriptors, told)


def start_program(module: str, *words: str, **how: Any) -> subprocess.Popen[bytes]:
    """Start a program of `tests.support`: forked in a test, executed by a benchmark."""
    kind = Forked if MARK in os.environ else subprocess.Popen
    return kind([sys.executable, "-m", module, *words], cwd=ROOT, stdin=subprocess.DEVNULL, **how)
