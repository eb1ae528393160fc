"""A process that has loaded taskdeck and forks it for each call.

Started by `tests/support/commands.py`. A child is what `python -P -m console.launch` is once it is loaded, or
another program of the tests; the engines that a child starts are forked by this process as well. Where
several workers run the tests, one process loads for all of them and forks one like this for each.
"""

from __future__ import annotations

import array
import atexit
import ctypes
import fcntl
import gc
import io
import json
import os
import pkgutil
import selectors
import socket
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress
from functools import cache
from importlib import import_module, reload
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import msgspec
import pydantic

from _taskdeck import own_packages_first
from core.connectors import registry
from core.model import crash_points
from core.model.errors import TaskdeckError
from core.store import database
from tests.support.forking import STATUS, Call, Forked, ask
from tests.support.leftovers import MARK

EXECUTES = "SUITE_EXECUTES"
"""Variable of a command whose engines are executed."""
NOBODY = "0" * 10
"""The id that is in the mark of what belongs to no worker yet; it has room for any."""
PROGRAMS = "tests.support."
"""Where the modules of other programs are; each has a `main` that reads `sys.argv`."""
STREAMS = 3
_MOST = 1 << 20
_MOST_DESCRIPTORS = 16
_ENVIRON = slice(47, 49)
"""Where it begins and ends: fields 50 and 51 of `/proc/PID/stat`, which stand so far behind the name."""
_PACKAGES = ("core.cli", "core.app", "core.control", "console")


def serve(line: socket.socket, door: socket.socket) -> Call | None:
    """Fork a child for each call that comes; return the call in that child, None in the server at the end.

    With a call come its descriptors and a pipe for the status that `waitpid` tells of the child. Calls of
    children come on lines of their own, by the door.
    """
    ends: dict[int, tuple[int, int]] = {}
    selector = selectors.DefaultSelector()
    selector.register(line, selectors.EVENT_READ)
    selector.register(door, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is door:
                selector.register(door.accept()[0], selectors.EVENT_READ)
            elif isinstance(key.fileobj, socket.socket):
                data, descriptors = _receive(key.fileobj)
                if not data:
                    if key.fileobj is line:
                        return None
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                *given, told = descriptors
                if (pid := os.fork()) == 0:
                    at = door.getsockname()
                    _let_go(selector)
                    return _become(json.loads(data), given, at)
                key.fileobj.sendall(STATUS.pack(pid))
                for descriptor in given:
                    os.close(descriptor)
                ends[watched := os.pidfd_open(pid)] = (pid, told)
                selector.register(watched, selectors.EVENT_READ)
            else:
                selector.unregister(key.fd)
                pid, told = ends.pop(key.fd)
                # Where the command that started an engine has ended, its status is told to none.
                with suppress(BrokenPipeError):
                    os.write(told, STATUS.pack(os.waitpid(pid, 0)[1]))
                os.close(told)
                os.close(key.fd)


def _let_go(selector: selectors.BaseSelector) -> None:
    """Close what only the server needs, before a descriptor of the child gets its number."""
    for key in [*selector.get_map().values()]:
        if isinstance(key.fileobj, socket.socket):
            key.fileobj.close()
    selector.close()


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    descriptors = array.array("i")
    data, ancillary, _, _ = line.recvmsg(_MOST, socket.CMSG_SPACE(_MOST_DESCRIPTORS * descriptors.itemsize))
    for _, _, those in ancillary:
        descriptors.frombytes(those)
    return data, list(descriptors)


def _become(call: Call, given: list[int], door: bytes) -> Call:
    """Let this process have what an executed one gets: descriptors, environment, directory, arguments."""
    if call["leads_session"]:
        os.setsid()
    _number(given, [0, 1, 2, *call["numbers"]])
    if call["leads_session"] and os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["environ"])
    time.tzset()
    sys.argv[:] = call["argv"]
    sys.stdin = _stream(0, "r", errors="surrogateescape")
    sys.stdout = _stream(1, "w", errors="surrogateescape")
    sys.stderr = _stream(2, "w", errors="backslashreplace")
    # It has read the variable when the server was loaded.
    reload(crash_points)
    if EXECUTES not in os.environ:
        _fork_engines(door)
    return call


def _number(given: list[int], numbers: list[int]) -> None:
    """Give descriptors these numbers, and close all others."""
    last = max(numbers)
    # First out of the way of each other.
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, last + 1) for descriptor in given]
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
    before = STREAMS
    for number in sorted(numbers[STREAMS:]):
        os.closerange(before, number)
        before = number + 1
    os.closerange(before, os.sysconf("SC_OPEN_MAX"))


def _fork_engines(door: bytes) -> None:
    class Engine(Forked):
        def fork(self, call: Call, descriptors: list[int], told: int) -> int:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
                line.connect(door)
                return ask(line, call, descriptors, told)

    started_by = import_module("core.app.engine_process")
    vars(started_by)["subprocess"] = SimpleNamespace(**{**vars(subprocess), "Popen": Engine})


def _stream(number: int, mode: str, *, errors: str) -> io.TextIOWrapper:
    raw = open(number, mode + "b", closefd=False)  # noqa: SIM115 - as long as the process
    buffered = number == 2 or os.isatty(number)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=buffered)


def _leave(status: int) -> NoReturn:
    """End as an interpreter does, except that what it has loaded is not taken apart: all of it is a copy."""
    # The end of the threads comes first, as there.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:
        # The interpreter says so in its own way.
        sys.exit(status)
    os._exit(status)


def _load() -> None:
    """Import what a command line, an engine or a console may need."""
    own_packages_first()
    import_module("console.launch")
    # As a console does before it imports Textual.
    import_module("console.sessions.choice")._prepare_screen()
    for package in _PACKAGES:
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if module.name.rpartition(".")[2] != "__main__":
                import_module(module.name)
    # What the arguments of commands are is read from their hints, of each command once.
    commands = import_module("core.cli.main")
    commands.build(commands.load([]))
    # The statements of a new store are the same for every engine.
    database.ddl = cache(database.ddl)
    database.ddl()
    # So is what is installed.
    vars(registry)["entry_points"] = cache(entry_points)
    registry.installed()
    for kind in _structs(msgspec.Struct):
        # Where a first record is read, its class learns what its fields are; some are read in another way.
        with suppress(msgspec.ValidationError, TypeError, NameError, TaskdeckError):
            msgspec.convert({}, kind)
    # So does each model of the settings.
    for model in _models(pydantic.BaseModel):
        model.model_rebuild()


def _models(kind: type[pydantic.BaseModel]) -> list[type[pydantic.BaseModel]]:
    """Return our models below this one."""
    below = [each for one in kind.__subclasses__() for each in (one, *_models(one))]
    return [each for each in below if each.__module__.startswith("core.")]


def _structs(kind: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """Return our classes of records below this one."""
    below = [each for one in kind.__subclasses__() for each in (one, *_structs(one))]
    return [each for each in below if each.__module__.startswith("core.")]


def _load_once() -> None:
    _load()
    # A child does not copy what it only looks through for garbage.
    gc.collect()
    gc.freeze()


def serve_to_the_end(line: socket.socket) -> None:
    """Serve one process that runs tests; in a child, do what it is forked for and end."""
    with line, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind("")
        door.listen()
        mine = serve(line, door)
    if mine is not None:
        program = mine["argv"][0]
        if program.startswith(PROGRAMS):
            _leave(import_module(program).main())
        # As `_taskdeck.main` does, except for its look at all that is loaded: that would copy half of it.
        gc.disable()
        _leave(import_module("console.launch").main())


def fork_servers(workers: socket.socket, until: socket.socket) -> socket.socket | None:
    """Fork a server for each worker that asks; return its line there, None in this process at the end.

    What a server needs is loaded when the first one asks.
    """
    forked: list[int] = []
    with selectors.DefaultSelector() as selector:
        for one in (workers, until):
            selector.register(one, selectors.EVENT_READ)
        while not any(key.fileobj is until for key, _ in selector.select()):
            line = workers.accept()[0]
            if not forked:
                _load_once()
            if (pid := os.fork()) == 0:
                workers.close()
                until.close()
                _belong_to(line.recv(_MOST).decode())
                return line
            line.close()
            forked.append(pid)
    for pid in forked:
        os.waitpid(pid, 0)
    return None


def _belong_to(worker: str) -> None:
    """Have the mark of the processes of a worker.

    The kernel tells with what environment a process was executed, and that is also told of those it forks.
    """
    begin, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[_ENVIRON])
    told = ctypes.string_at(begin, end - begin)
    at = told.index(f"{MARK}={NOBODY}".encode()) + len(f"{MARK}=")
    ctypes.memmove(begin + at, worker.zfill(len(NOBODY)).encode(), len(NOBODY))


def main() -> None:
    first, *more = (socket.socket(fileno=int(word)) for word in sys.argv[1:])
    if not more:
        _load_once()
        serve_to_the_end(first)
    elif (line := fork_servers(first, *more)) is not None:
        serve_to_the_end(line)


if __name__ == "__main__":
    main()
