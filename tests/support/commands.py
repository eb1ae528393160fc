"""Command lines in processes forked from one that is loaded.

Called by `tests/support/homes.py`. Loading takes ten times as long as most commands do. What hosts an engine
or a console is executed, as operators do it.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from tests.support import command_server
from tests.support.command_server import STATUS
from tests.support.leftovers import MARK
from tests.support.waiting import is_readable

ROOT = Path(__file__).resolve().parents[2]
_LOST = signal.SIGKILL
"""The status of a child whose server ended first."""


class CommandServer:
    """The process that forks; started with the first call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, call: command_server.Call, streams: list[int], told: int) -> int:
        """Start a process; return its id."""
        with self._lock:
            line = self._line or self._start()
            descriptors = array.array("i", [*streams, told])
            line.sendmsg(
                [json.dumps(call).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors.tobytes())]
            )
            pid: int = STATUS.unpack(line.recv(STATUS.size))[0]
        return pid

    def close(self) -> None:
        """End it, if it was started."""
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()
            self._line = None

    def _start(self) -> socket.socket:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # It belongs to no single test.
            environ = {**os.environ, "PYTHONPATH": str(ROOT), MARK: "commands"}
            self._process = subprocess.Popen(
                [sys.executable, "-P", command_server.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
            )
        return self._line


SERVER = CommandServer()
COMMAND = (sys.executable, "-P", "-m", "console.launch")
_HOSTS = ("serve", "dial-stdio", "version")
"""First words of what is executed: it hosts an engine, or is made to start at once."""
_OF_THE_START = ("PYTHON", "LANG", "LC_", "_TASKDECK")
"""Beginnings of variables that are read before the first of our files."""


def start(
    argv: Sequence[str], *, environ: Mapping[str, str], cwd: Path, stdin: int
) -> subprocess.Popen[bytes]:
    """Start a command line: forked if it is one that asks and ends, executed otherwise."""
    kind = Forked if _may_fork(argv, environ) else subprocess.Popen
    return kind(argv, env=environ, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _may_fork(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    program, words = tuple(argv[: len(COMMAND)]), argv[len(COMMAND) :]
    is_command = bool(words) and not words[0].startswith("-") and words[0] not in _HOSTS
    return (
        program == COMMAND
        and is_command
        and _early(environ) == _early({**os.environ, "PYTHONPATH": str(ROOT)})
    )


def _early(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_OF_THE_START)}


class Forked(subprocess.Popen[bytes]):
    """A command line that the server forks; everything else is as with an executed one.

    The methods below are those by which `subprocess` speaks to the system: here the process is a child of the
    server, which tells its status.
    """

    _told: int

    def _execute_child(self, args: list[str], *how: Any) -> None:
        cwd, env = how[4:6]
        pipes = how[9:15]
        self._told, theirs = os.pipe()
        call: command_server.Call = {"argv": args[3:], "environ": env, "cwd": str(cwd)}
        self.pid = SERVER.fork(call, [pipes[0], pipes[3], pipes[5]], theirs)
        os.close(theirs)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if not is_readable(self._told, 0 if flags & os.WNOHANG else None):
            return 0, 0
        told = os.read(self._told, STATUS.size)
        os.close(self._told)
        return self.pid, STATUS.unpack(told)[0] if told else _LOST
