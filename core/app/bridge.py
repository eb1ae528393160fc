"""Carry bytes between standard input and output and the engine's socket: `taskdeck dial-stdio`.

This is what runs at the other end of an ssh connection, once for each: it loads little and reads nothing
of what it carries.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from core.app.lock import is_held
from core.control.sockets import address_of, check_peer
from core.host import default_home
from core.model.errors import Unavailable
from core.model.paths import Paths, find_home
from core.model.text import safe_line

START_SECONDS = 20.0
"""How long an engine that was started may take to answer."""
_LOOK_SECONDS = 0.02
_PIECE = 65_536


def dial_stdio(home: Path | None) -> None:
    """Bridge to the engine of a home; raise `Unavailable` (`engine.none`), `Forbidden` (`socket.foreign`).

    The end of the input is passed on: to the engine it is a client that hangs up, whose waits end and
    whose last answers may be dropped. The engine's end ends it.
    """
    paths = _paths(home)
    connection = _connect(paths)
    if connection is None:
        raise Unavailable(
            "engine.none",
            f"no engine runs on {safe_line(str(paths.home))}",
            hint="start one with 'taskdeck serve', or say --start",
        )
    bridge(connection, source=0, target=1)


def start_and_dial(home: Path | None) -> None:
    """Do the same, with an engine started first where none runs; raise `Unavailable` (`engine.start`)."""
    paths = _paths(home)
    bridge(_connect(paths) or _start(paths), source=0, target=1)


def bridge(connection: socket.socket, *, source: int, target: int) -> None:
    """Carry bytes both ways between a socket and two descriptors until the socket, or a reader, ends."""
    threading.Thread(target=_send, args=(source, connection), daemon=True).start()
    with connection, suppress(BrokenPipeError, ConnectionError):
        while piece := connection.recv(_PIECE):
            _write(target, piece)


def _send(source: int, connection: socket.socket) -> None:
    with suppress(OSError):
        while piece := os.read(source, _PIECE):
            connection.sendall(piece)
        # Only this way is closed: what the engine has said already comes through.
        connection.shutdown(socket.SHUT_WR)


def _write(target: int, piece: bytes) -> None:
    rest = memoryview(piece)
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
    # Settings and the rest of the wiring are for the few who find no engine.
    from core.app.spawning import LOG, last_words, spawn_engine

    process = spawn_engine(paths.home)
    found = _await_engine(paths, process)
    if found is None:
        raise Unavailable(
            "engine.start",
            f"the engine did not start: {last_words(paths.logs / LOG)}",
            hint=f"look into {safe_line(str(paths.logs / LOG))}",
        )
    return found


def _await_engine(paths: Paths, process: subprocess.Popen[bytes]) -> socket.socket | None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # Looked at before the connection: who lost the race for the lock ends when the winner answers.
        ended = process.poll() is not None
        found = _connect(paths)
        if found is not None or (ended and not is_held(paths.lock)):
            return found
        time.sleep(_LOOK_SECONDS)
    return None
