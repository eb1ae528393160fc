"""The engine's socket: a private file for one user.

Used by the server, by the dialers and by `dial-stdio`.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.model.errors import Forbidden, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_ADDRESS = 107
"""Bytes of the longest path a unix socket address holds (`sun_path` less its NUL)."""
_CREDENTIALS = struct.Struct("3i")


class HasOptions(Protocol):
    """A connected socket, or what asyncio hands out in its place."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """Return the raw bytes of an option."""


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Yield an address that fits for bind and connect; valid inside the block only.

    A longer path goes through a descriptor of its directory. Raises `OSError` if that does not exist.
    """
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def bind_private(path: Path) -> socket.socket:
    """Bind a unix socket with mode 0600 from birth, in place of the stale one.

    Only the owner of the engine lock may call this. Raises `Unavailable` (`socket.taken`: another file is
    there, `socket.failed`).
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        remove_socket(path)
        # A chmod after the bind would leave a moment in which every user may connect, and the umask belongs
        # to all threads of the process: Linux makes the file with the mode of the socket.
        os.fchmod(listener.fileno(), 0o600)
        with address_of(path) as address:
            listener.bind(address)
        listener.settimeout(0)
    except OSError as error:
        listener.close()
        raise Unavailable(
            "socket.failed",
            f"cannot listen on {path}: {error.strerror or error}",
            hint="choose another --home, on a local disk",
            facts={"path": str(path), "reason": error.strerror or ""},
        ) from error
    except Unavailable:
        listener.close()
        raise
    return listener


def is_open(path: Path) -> bool:
    """Return whether a process accepts connections there, now."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        try:
            with address_of(path) as address:
                connection.connect(address)
        except OSError:
            return False
    return True


def remove_socket(path: Path) -> None:
    """Remove a stale socket; raise `Unavailable` (`socket.taken`) if it is another file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Unavailable(
            "socket.taken",
            f"{path} is not a socket",
            hint="move the file away, then start again",
            facts={"path": str(path)},
        )
    path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The process at the other end and its user, as the kernel saw them when it connected."""

    pid: int
    uid: int


def peer_of(connection: HasOptions) -> Peer:
    """Return the other end of a connection."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return Peer(pid=pid, uid=uid)


def check_peer(connection: HasOptions) -> int:
    """Return the process at the other end; raise `Forbidden` (`socket.foreign`) unless it is this user's."""
    peer = peer_of(connection)
    if peer.uid != os.geteuid():
        raise Forbidden(
            "socket.foreign",
            f"user {peer.uid} may not speak with the engine of user {os.geteuid()}",
            hint="run this command as the user who started the engine",
            facts={"uid": peer.uid},
        )
    return peer.pid
