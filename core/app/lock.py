"""The engine lock of a home; the kernel releases it on exit.

Taken by `hosting` and `ownership`; read by `doctor`, by `dial-stdio` and by the command `orphans`.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Self

from core.files.identity import FileIdentity, file_identity
from core.files.kinds import exists, is_stream
from core.host import Process, find_process
from core.model.errors import Unavailable
from core.model.paths import Paths
from core.model.text import safe_line


def is_held(path: Path) -> bool:
    """Return whether a process owns the lock, without taking it: a check must not keep an engine out."""
    return find_owner(path) is not None or bool(_listed(path))


def find_owner(path: Path) -> Process | None:
    """Return the living process that holds the lock; its pid comes from the file or from the kernel."""
    for pid in (*_named(path), *_listed(path)):
        process = find_process(pid)
        if process is not None and _holds(process, path):
            return process
    return None


def silent_owner(paths: Paths) -> Unavailable:
    """Return the error for an owner of the lock that does not answer on its socket.

    An engine takes the place of its socket again at once, but leaves a file alone that is not its own.
    """
    home = safe_line(str(paths.home))
    if exists(paths.socket) and not is_stream(paths.socket):
        return Unavailable(
            "engine.silent",
            f"the engine on {home} cannot be reached: {paths.socket.name} is not a socket",
            hint=f"move the file {safe_line(str(paths.socket))} away: the engine listens there again at once",
            facts={"home": str(paths.home), "path": str(paths.socket)},
        )
    return Unavailable(
        "engine.silent",
        f"the engine on {home} holds its lock but does not answer",
        hint="see its log, or end its process",
        facts={"home": str(paths.home)},
    )


def _named(path: Path) -> list[int]:
    """Return the pid that the last owner of the lock has written into it."""
    # Read first: the kernel's list is read a page at a time, and skips one when another before it goes.
    try:
        return [int(path.read_text(encoding="ascii"))]
    except (OSError, ValueError):
        return []


def _listed(path: Path) -> list[int]:
    """Return the pids that the kernel lists for the lock; it is one, or none."""
    try:
        inode = path.stat().st_ino
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    lines = (line.split() for line in locks if " FLOCK " in line and "->" not in line)
    return [int(fields[4]) for fields in lines if fields[5].rpartition(":")[2] == str(inode)]


def _holds(process: Process, path: Path) -> bool:
    # A pid may be another's by now, and the list names files by inode alone, whichever file system.
    try:
        wanted = path.stat()
        with os.scandir(f"/proc/{process.pid}/fd") as entries:
            return any(_is_locked(process, entry, wanted) for entry in entries)
    except OSError:
        return False


def _is_locked(process: Process, descriptor: os.DirEntry[str], wanted: os.stat_result) -> bool:
    try:
        if not os.path.samestat(Path(descriptor.path).stat(), wanted):
            return False
        seen = Path(f"/proc/{process.pid}/fdinfo/{descriptor.name}").read_text(encoding="ascii")
    except OSError:
        return False
    return " FLOCK " in seen


class EngineLock:
    """A file lock that children never inherit; as a context it is released at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> bool:
        """Take the lock; False when another process has it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._unusable("open", error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise self._unusable("write", error) from error
        self._descriptor = descriptor
        return True

    def is_in_place(self) -> bool:
        """Return whether the file at the path is the one that is locked here: any other can be locked too."""
        if self._descriptor is None:
            return False
        status = os.fstat(self._descriptor)
        return file_identity(self._path) == FileIdentity(device=status.st_dev, inode=status.st_ino)

    def retake(self) -> bool:
        """Lock the file that is at the path now, made if there is none; False = another process has it."""
        before = self._descriptor
        if not self.acquire():
            return False
        if before is not None:
            os.close(before)
        return True

    def owner_lives(self) -> bool:
        """Return whether the process that took the lock last is still there."""
        return any(find_process(pid) is not None for pid in _named(self._path))

    def release(self) -> None:
        """Release the lock; the file stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _unusable(self, verb: str, error: OSError) -> Unavailable:
        remedies = {errno.EFBIG: "raise `ulimit -f`", errno.ENOSPC: "free some room on its disk"}
        return Unavailable(
            "lock.unusable",
            f"cannot {verb} {self._path}: {error.strerror}",
            hint=remedies.get(error.errno or 0, "fix the permissions or choose another --home"),
            facts={"file": str(self._path), "reason": error.strerror or ""},
        )
