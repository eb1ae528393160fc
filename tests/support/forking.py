"""A process that a loaded one forks, as `subprocess` holds others.

Used by `commands` in the tests and by `command_server` in the commands that it forks.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path
from typing import Any, TypedDict

from tests.support.descriptors import is_readable

STATUS = struct.Struct("i")
_LOST = signal.SIGKILL
"""The status of a child whose server ended first."""


class Call(TypedDict):
    """What a process is started with, beside its descriptors."""

    argv: list[str]
    environ: dict[str, str]
    cwd: str
    numbers: list[int]
    """Of the descriptors that come with it, after the standard streams."""
    leads_session: bool


def ask(line: socket.socket, call: Call, descriptors: list[int], told: int) -> int:
    """Let the server at the other end start a process; return its id.

    The descriptors are its standard streams and those of `Call.numbers`; its status comes on `told`.
    """
    sent = array.array("i", [*descriptors, told])
    line.sendmsg([json.dumps(call).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sent.tobytes())])
    pid: int = STATUS.unpack(line.recv(STATUS.size))[0]
    return pid


class Forked(subprocess.Popen[bytes]):
    """A command line that a server forks; everything else is as with an executed one.

    The methods below are those by which `subprocess` speaks to the system: here the process is a child of the
    server, which tells its status.
    """

    _told: int

    def fork(self, call: Call, descriptors: list[int], told: int) -> int:
        """Start a process; return its id."""
        raise NotImplementedError

    def _execute_child(self, args: list[str], *how: Any) -> None:
        passed, cwd, environ = how[3:6]
        pipes = how[9:15]
        # What is not given is inherited.
        given = enumerate((pipes[0], pipes[3], pipes[5]))
        streams = [number if one < 0 else one for number, one in given]
        self._told, theirs = os.pipe()
        call: Call = {
            "argv": [*dropwhile(_is_of_interpreter, args)],
            "environ": {**os.environ} if environ is None else environ,
            "cwd": str(cwd or Path.cwd()),
            "numbers": list(passed),
            "leads_session": how[-2],
        }
        self.pid = self.fork(call, [*streams, *passed], theirs)
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


def _is_of_interpreter(word: str) -> bool:
    return word == sys.executable or word.startswith("-")
