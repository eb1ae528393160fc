"""Bridge standard input and output to the engine's socket: `taskdeck dial-stdio`.

Called by `console.sessions.dial`.

It runs at the other end of each ssh connection: it loads little, and does not parse what it carries.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from core.app.engine_process import spawn_engine
from core.app.lock import is_held, silent_owner
from core.control.sockets import address_of, check_peer
from core.host import default_home
from core.model.errors import Unavailable
from core.model.paths import Paths, ensure_home, find_home
from core.model.text import safe_line

ANSWER_SECONDS = 20.0
"""How long an engine that has the lock may take to answer."""
_POLL_SECONDS = 0.02
_CHUNK_BYTES = 65_536


def dial_stdio(home: Path | None) -> None:
    """Bridge to the engine of a home; raise `Unavailable` (`engine.none`), `Forbidden` (`socket.foreign`).

    The end of the input is passed on: the engine sees a client that hangs up, ends its waits and may
    drop its last answers. The end of the engine's stream ends the bridge.
    """
    paths = _paths(home)
    connection = _connect(paths)
    if connection is None:
        raise Unavailable(
            "engine.none",
            f"no engine runs on {safe_line(str(paths.home))}",
            hint="start one with 'taskdeck serve', or add --start",
            facts={"home": str(paths.home)},
        )
    bridge(connection, source=0, target=1)


def dial_or_start(home: Path | None) -> None:
    """Do the same, but start an engine first where none runs; raise `Unavailable` (`engine.start`)."""
    paths = _paths(home)
    bridge(_connect(paths) or _start(paths), source=0, target=1)


def bridge(connection: socket.socket, *, source: int, target: int) -> None:
    """Copy bytes both ways between a socket and two descriptors until the socket, or a reader, ends."""
    threading.Thread(target=_send, args=(source, connection), daemon=True).start()
    with connection, suppress(BrokenPipeError, ConnectionError):
        while chunk := connection.recv(_CHUNK_BYTES):
            _write(target, chunk)


def _send(source: int, connection: socket.socket) -> None:
    with suppress(OSError):
        while chunk := os.read(source, _CHUNK_BYTES):
            connection.sendall(chunk)
    with suppress(OSError):
        # Also after a read that failed: the engine would wait for a request.
        # Only this direction is closed: what the engine has already answered still comes through.
        connection.shutdown(socket.SHUT_WR)


def _write(target: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(target, rest) :]


def _paths(home: Path | None) -> Paths:
    return Paths(home=find_home(home, default=default_home))


def _connect(paths: Paths) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with address_of(paths.socket) as address:
            connection.connect(address)
        check_peer(connection)
    except OSError:
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


def _start(paths: Paths) -> socket.socket:
    """Start an engine and connect to it, or to the one that was faster; raise why there is none."""
    starting = spawn_engine(ensure_home(paths.home).home)
    # Open until this is connected: the engine waits for it.
    with closing(starting):
        try:
            while not starting.is_over:
                starting.read()
            starting.check()
        except Unavailable as error:
            if error.code != "engine.running":
                raise
        connection = _await_socket(paths)
    if connection is None:
        raise silent_owner(paths)
    return connection


def _await_socket(paths: Paths) -> socket.socket | None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        # Checked before the connection: an owner may open its socket in between.
        is_owned = is_held(paths.lock)
        connection = _connect(paths)
        if connection is not None or not is_owned or time.monotonic() > deadline:
            return connection
        time.sleep(_POLL_SECONDS)
