"""A process that has loaded taskdeck and forks it for each call.

Started by `tests/support/commands.py`. A child is what `python -P -m console.launch` is once it is loaded.
"""

from __future__ import annotations

import array
import atexit
import gc
import io
import json
import os
import pkgutil
import selectors
import socket
import struct
import sys
import threading
import time
from importlib import import_module
from typing import NoReturn, TypedDict

STATUS = struct.Struct("i")
STREAMS = 3
_MOST = 1 << 20
_PACKAGES = ("core.cli", "core.app", "core.control", "core.app.bundles")


class Call(TypedDict):
    """What a process is started with, beside its three streams."""

    argv: list[str]
    environ: dict[str, str]
    cwd: str


def serve(line: socket.socket) -> Call | None:
    """Fork a child for each call that comes; return the call in that child, None in the server at the end.

    With a call come its three streams and a pipe for the status that `waitpid` tells of the child.
    """
    ends: dict[int, tuple[int, int]] = {}
    selector = selectors.DefaultSelector()
    selector.register(line, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is line:
                data, descriptors = _receive(line)
                if not data:
                    return None
                *streams, told = descriptors
                if (pid := os.fork()) == 0:
                    return _become(json.loads(data), streams)
                line.sendall(STATUS.pack(pid))
                for stream in streams:
                    os.close(stream)
                ends[watched := os.pidfd_open(pid)] = (pid, told)
                selector.register(watched, selectors.EVENT_READ)
            else:
                selector.unregister(key.fd)
                pid, told = ends.pop(key.fd)
                os.write(told, STATUS.pack(os.waitpid(pid, 0)[1]))
                os.close(told)
                os.close(key.fd)


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    descriptors = array.array("i")
    data, ancillary, _, _ = line.recvmsg(_MOST, socket.CMSG_SPACE((STREAMS + 1) * descriptors.itemsize))
    for _, _, those in ancillary:
        descriptors.frombytes(those)
    return data, list(descriptors)


def _become(call: Call, streams: list[int]) -> Call:
    """Let this process have what an executed one gets: streams, environment, directory, arguments."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(STREAMS, os.sysconf("SC_OPEN_MAX"))
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["environ"])
    time.tzset()
    sys.argv[:] = call["argv"]
    sys.stdin = _stream(0, "r", errors="surrogateescape")
    sys.stdout = _stream(1, "w", errors="surrogateescape")
    sys.stderr = _stream(2, "w", errors="backslashreplace")
    return call


def _stream(number: int, mode: str, *, errors: str) -> io.TextIOWrapper:
    raw = open(number, mode + "b", closefd=False)  # noqa: SIM115 - as long as the process
    buffered = number == 2 or os.isatty(number)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=buffered)


def _leave(status: int) -> NoReturn:
    """End as an interpreter does, except that what it has loaded is not taken apart: all of it is a copy."""
    if threading.active_count() > 1:
        sys.exit(status)
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:
        # The interpreter says so in its own way.
        sys.exit(status)
    os._exit(status)


def _load() -> None:
    """Import what a command line may need."""
    import_module("console.launch")
    for package in _PACKAGES:
        for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
            import_module(module.name)


if __name__ == "__main__":
    _load()
    # A child does not copy what it only looks through for garbage.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as served:
        mine = serve(served)
        if mine is not None:
            # Its number belongs to somebody else by now.
            served.detach()
    if mine is not None:
        import _taskdeck

        _leave(_taskdeck.main())
